// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenant

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestKey_State(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	before, after := now.Add(-time.Second), now.Add(time.Second)
	for want, k := range map[string]Key{
		KeyActive:  {NotBefore: now, ExpiresAt: after},
		KeyPending: {NotBefore: after},
		KeyExpired: {ExpiresAt: now},
		KeyRevoked: {RevokedAt: before, ExpiresAt: before},
	} {
		assert.Equal(t, want, k.State(now))
	}
	ahead := Key{RevokedAt: after}
	assert.Equal(t, KeyRevoked, ahead.State(now), "as gateways see it: clocks of operators may be ahead")
}
