// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/lint"
)

// find returns the setting at a path, or nil.
func (s *setting) find(path ...string) *field {
	for i := range s.fields {
		if f := &s.fields[i]; f.key == path[0] {
			if len(path) == 1 {
				return f
			}
			return f.find(path[1:]...)
		}
	}
	return nil
}

// The rules of tenantctl lint state defaults of components, which internal packages cannot import.
func TestLint_StatesDefaults(t *testing.T) {
	components, err := describe(distribution())
	require.NoError(t, err)
	listens := make(map[string]bool)
	for _, s := range lint.Servers() {
		i := slices.IndexFunc(components, func(c described) bool { return slices.Contains(c.types, s.Type) })
		if i < 0 {
			assert.Empty(t, s.Listen, "%s is not in the distribution, so its default is not known", s.Type)
			continue
		}
		listens[components[i].types[0]] = true
		f := components[i].find(append(slices.Clone(s.Path), "endpoint")...)
		require.NotNil(t, f, "%s %v", s.Type, s.Path)
		assert.Equal(t, f.def, s.Listen, "%s %v", s.Type, s.Path)
	}
	for i := range components {
		c := &components[i]
		if guard := c.find("guard"); guard != nil {
			assert.Equal(t, lint.DefaultGuard, guard.def, c.types[0])
		}
		// A component whose address has a default listens, unless it is an exporter.
		if f := c.find("endpoint"); f != nil && c.section != "exporters" && strings.Contains(f.def, ":") {
			assert.True(t, listens[c.types[0]], "lint does not know that %s listens", c.types[0])
		}
	}
}
