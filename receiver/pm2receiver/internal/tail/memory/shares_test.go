// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package memory

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestShares_OnlyALargeShareIsExceeded(t *testing.T) {
	s := NewShares(100)
	a, b := s.New(), s.New()
	assert.False(t, a.Set(90))
	assert.False(t, b.Set(10))
	assert.False(t, b.Set(20), "less than half")
	assert.True(t, a.Set(90))
	assert.False(t, a.Set(0))
	assert.False(t, b.Set(100), "all of the memory is one share")
	assert.True(t, b.Set(101))
	assert.False(t, b.Set(0))
	assert.Zero(t, s.users)
	assert.Zero(t, s.used)
}
