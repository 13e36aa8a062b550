// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package profile

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestFind(t *testing.T) {
	p, ok := Find("")
	require.True(t, ok)
	assert.Equal(t, tenant.NewSignals(tenant.AllSignals()...), p.Signals())
	p, ok = Find("loki")
	require.True(t, ok)
	assert.Equal(t, tenant.NewSignals(tenant.Logs), p.Signals())
	assert.Equal(t, "/otlp/v1/logs", p[tenant.Logs])
	_, ok = Find("graylog")
	assert.False(t, ok)
}

func TestNames(t *testing.T) {
	assert.True(t, slices.IsSorted(Names()))
	for _, name := range Names() {
		p, ok := Find(name)
		assert.True(t, ok, name)
		assert.NotZero(t, p.Signals(), name)
	}
}
