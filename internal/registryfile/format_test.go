// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

func TestFormat_IsParsedToTheSame(t *testing.T) {
	data, err := os.ReadFile("testdata/tenants.yaml")
	require.NoError(t, err)
	want, err := registryfile.NewParser().List(data)
	require.NoError(t, err)
	out, err := registryfile.Format(want)
	require.NoError(t, err)
	got, err := registryfile.NewParser().List(out)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	empty, err := registryfile.Format(nil)
	require.NoError(t, err)
	got, err = registryfile.NewParser().List(empty)
	require.NoError(t, err)
	assert.Empty(t, got)
}
