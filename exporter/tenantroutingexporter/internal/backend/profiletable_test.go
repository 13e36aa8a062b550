// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	known "github.com/otelcol-tenant/otelcol-tenant/internal/profile"
)

func TestProfiles_MatchTheSharedList(t *testing.T) {
	var names []string
	for _, p := range profiles() {
		names = append(names, p.Name)
		paths, ok := known.Find(p.Name)
		assert.True(t, ok, p.Name)
		assert.Equal(t, p.Headers["X-Scope-OrgID"] != "", known.ScopeOrgID(p.Name), p.Name)
		assert.EqualValues(t, p.Paths, paths, p.Name)
	}
	slices.Sort(names)
	assert.Equal(t, known.Names(), names)
}
