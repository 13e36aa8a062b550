// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/lint"
)

func TestPage(t *testing.T) {
	want, err := os.ReadFile("../../../docs/lint.md")
	require.NoError(t, err)
	got := page(lint.Rules())
	assert.Equal(t, string(want), string(got), "docs/lint.md is stale: run make generate")
	for _, r := range lint.Rules() {
		assert.Contains(t, string(got), "\n#### "+r.ID+"\n", "the anchor of %s", r.ID)
	}
}
