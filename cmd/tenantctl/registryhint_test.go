// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRegistryHint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	assert.Equal(t, "there is no "+path+" on this machine, the registry of an installed gateway", registryHint(path))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	assert.Equal(t, "export TENANTCTL_REGISTRY="+path+" (with sudo: sudo -E)", registryHint(path))
}
