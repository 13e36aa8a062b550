// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os"
)

// packageRegistry is the registry of the gateway's package.
const packageRegistry = "/etc/otelcol-tenant/tenants.yaml"

// registryHint returns how to set the registry in a shell.
func registryHint(path string) string {
	if _, err := os.Stat(path); err == nil {
		return fmt.Sprintf("export %s=%s (with sudo: sudo -E)", registryEnv, path)
	}
	return "there is no " + path + " on this machine, the registry of an installed gateway"
}
