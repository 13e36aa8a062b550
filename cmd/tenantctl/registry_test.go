// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
)

func TestRegistryValidate(t *testing.T) {
	c := newCLI(t)
	c.fails(exitFailure, "there is no registry", "registry", "validate")
	c.ok("tenant", "create", "a", "--var", "signoz_token=x")
	c.ok("tenant", "create", "b")
	c.ok("key", "create", "b", "--expires", "5d")
	c.ok("key", "create", "b", "--expires", "50d")
	c.ok("tenant", "create", "c")
	c.ok("tenant", "suspend", "c")
	var v operate.Validation
	c.json(&v, "registry", "validate")
	assert.True(t, v.Valid)
	assert.Equal(t, 3, v.Tenants)
	assert.Equal(t, 2, v.Keys)
	require.Len(t, v.Warnings, 3)
	assert.Equal(t, "tenant a has no usable key", v.Warnings[0])
	assert.Equal(t, "tenant a: var signoz_token seems to be a secret in clear text, write ${file:PATH} instead", v.Warnings[1])
	assert.Contains(t, v.Warnings[2], "tenant b: key k")
	assert.Contains(t, c.ok("registry", "validate"), "is valid: 3 tenants, 2 keys")
}

func TestRegistryValidate_PrintsEveryFault(t *testing.T) {
	c := newCLI(t)
	require.NoError(t, os.WriteFile(c.path, []byte("tenants:\n  - id: a\n    colour: red\n    status: x\n"), 0o600))
	r := c.run("registry", "validate")
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.out, c.path+`: line 3: tenant "a": colour: unknown key`)
	assert.Contains(t, r.out, c.path+`: line 4: tenant "a": status: "x" must be one of`)
	assert.Contains(t, r.err, "last valid one")
	r = c.run("registry", "validate", "-o", "json")
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.out, `"line": 4`)
	c.fails(exitFailure, "line 3", "tenant", "create", "b")
	c.fails(exitFailure, "is not a valid registry", "tenant", "list")
}

func TestHelp_IsOnStandardOutput(t *testing.T) {
	c := newCLI(t)
	for _, args := range [][]string{{}, {"--help"}, {"tenant"}, {"key", "create", "--help"}} {
		help := c.ok(args...)
		assert.Contains(t, help, "Usage:")
		assert.Equal(t, 1, strings.Count(help, "Exit status: 0 success, 1 failure, 2 wrong usage."))
	}
}

func TestRegistryValidate_WarnsOfIDsThatDifferInCaseOnly(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "Acme")
	c.ok("tenant", "create", "acme2")
	c.fails(exitFailure, "the IDs of tenants Acme and acme differ in case only", "tenant", "create", "acme")
	// Others write registries too.
	twins := []byte(c.file() + "  - id: acme\n    attributes: {business.id: b, plan: pro}\n    vars: {token: \"${file:token}\"}\n")
	require.NoError(t, os.WriteFile(c.path, twins, 0o600))
	var v operate.Validation
	c.json(&v, "registry", "validate")
	assert.True(t, v.Valid)
	assert.Contains(t, v.Warnings, "tenants Acme and acme differ in case only: file systems that ignore case confuse them")
	assert.Contains(t, v.Warnings, `tenant acme: attribute "business.id" could be mistaken for business_id, which only the gateway sets: choose another name`)
	assert.Contains(t, v.Warnings, "tenant acme: var token: ${file:token} must be an absolute path")
	other := newCLI(t)
	require.NoError(t, os.WriteFile(other.path+".in", twins, 0o600))
	other.fails(exitFailure, "differ in case only", "registry", "import", other.path+".in")
	other.fails(exitFailure, "business.id", "registry", "import", other.path+".in")
}
