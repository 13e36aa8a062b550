// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
)

// An entry that was parsed before is taken as it was; one without a tenant makes what
// follows panic.
func TestParse_PanicsAreErrors(t *testing.T) {
	p := NewParser()
	data := []byte("tenants:\n  - id: a\n  - id: b\n")
	before, err := p.Parse(data)
	require.NoError(t, err)
	for hash := range p.known {
		p.known[hash] = decoded{}
	}
	_, err = p.Parse(data)
	require.Error(t, err)
	assert.True(t, recovery.Is(err))
	after, err := NewParser().Parse(data)
	require.NoError(t, err)
	assert.Equal(t, before.Hash(), after.Hash())
}
