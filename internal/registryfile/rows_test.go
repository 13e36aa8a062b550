// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestJoin_OpensAndClosesTheList(t *testing.T) {
	assert.Equal(t, "# x\ntenants:\n  - id: a\n", string(registryfile.Join([]byte("# x\ntenants: []\n"), [][]byte{[]byte("  - id: a\n")})))
	s, err := registryfile.Parse(registryfile.Join([]byte("# x\ntenants: # y\n"), nil))
	require.NoError(t, err)
	assert.Zero(t, s.Len())
}

func TestCheckRow_Rejections(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "whole lines",
		"  - id: a":                 "whole lines",
		"  id: a\n":                 "whole lines",
		"  - id: a\n  - id: b\n":    "exactly one",
		"  - id: a\nother: x\n":     "exactly one",
		"  - id: b\n":               `is about the tenant "b"`,
		"  - name: b\n":             `is about the tenant ""`,
		"  - id: a\n    x: [\n":     "not valid YAML",
		"  - id: a\n---\n- id: b\n": "exactly one",
	} {
		_, err := registryfile.CheckRow("a", []byte(text))
		assert.ErrorContains(t, err, want, "%q", text)
	}
	column, err := registryfile.CheckRow(tenant.ID("a"), []byte("    - id: a\n      colour: red\n"))
	require.NoError(t, err, "Parse finds other faults")
	assert.Equal(t, 4, column)
}
