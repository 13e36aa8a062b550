// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/internal/lint"
)

// The rules of tenantctl lint state which profiles convert delta metrics.
func TestLint_StatesCumulativeProfiles(t *testing.T) {
	var want []string
	for _, p := range profiles() {
		if p.Cumulative {
			want = append(want, p.Name)
		}
	}
	assert.ElementsMatch(t, want, lint.CumulativeProfiles())
}
