// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestTenantCreate_MakesTheRegistry(t *testing.T) {
	c := newCLI(t)
	assert.Equal(t, "tenant tenant-a created\n", c.ok("tenant", "create", "tenant-a",
		"--name", "Tenant A Ltd", "--isolation", "dedicated", "--attribute", "plan=enterprise", "--attribute", "note=a=b",
		"--var", "signoz_endpoint=signoz.a.example:4317", "--var", "token=${file:/run/secrets/a}",
		"--route", "logs=signoz,loki", "--route", "traces=", "--limit", "logs.records_per_second=5000",
		"--limit", "metrics.bytes_per_second=5MiB", "--limit", "daily_bytes=20GiB", "--limit", "monthly_bytes=600GB",
		"--limit", "daily_records=7", "--limit", "traces.monthly_records=8", "--limit", "burst=5s"))
	info, err := os.Stat(c.path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode())
	assert.Equal(t, &tenant.Tenant{
		ID: "tenant-a", Name: "Tenant A Ltd", Status: tenant.StatusActive, Isolation: tenant.IsolationDedicated,
		Attributes: map[string]string{"plan": "enterprise", "note": "a=b"},
		Vars:       map[string]string{"signoz_endpoint": "signoz.a.example:4317", "token": "${file:/run/secrets/a}"},
		Routes:     map[tenant.Signal][]string{tenant.Logs: {"signoz", "loki"}, tenant.Traces: {}},
		Limits: tenant.Limits{
			Rates:      [3]tenant.Rate{{RecordsPerSecond: 5000}, {BytesPerSecond: 5 << 20}, {}},
			DailyBytes: 20 << 30, MonthlyBytes: 600_000_000_000, DailyRecords: 7,
			Quotas: [3]tenant.Quota{tenant.Traces: {MonthlyRecords: 8}}, Burst: 5 * time.Second,
		},
		Keys: []*tenant.Key{},
	}, c.snapshot().Tenant("tenant-a"))

	c.ok("tenant", "create", "b")
	assert.Equal(t, tenant.IsolationShared, c.snapshot().Tenant("b").Isolation)
}

func TestTenant_Rejections(t *testing.T) {
	c := newCLI(t)
	c.fails(exitFailure, `the first "tenantctl tenant create" creates one`, "tenant", "list")
	c.fails(exitFailure, `the first "tenantctl tenant create" creates one`, "tenant", "suspend", "a")
	c.ok("tenant", "create", "a")
	before := c.file()
	for _, tt := range []struct {
		code int
		text string
		args string
	}{
		{exitFailure, `tenant "a": there is already a tenant with this ID`, "tenant create a"},
		{exitFailure, `tenant "x": there is no such tenant`, "tenant show x"},
		{exitFailure, `tenant "x": there is no such tenant`, "tenant suspend x"},
		{exitFailure, `tenant "x": there is no such tenant`, "tenant update x --name y"},
		{exitFailure, `tenant "x": there is no such tenant`, "key create x"},
		{exitFailure, `tenant "x": there is no such tenant`, "onboard x --endpoint https://g"},
		{exitFailure, `there is no key with this ID`, "key revoke kabcdefg"},
		{exitFailure, `character '/' at byte 1`, "tenant create b/c"},
		{exitFailure, `attributes.business_id: is the attribute of the tenant's identity`, "tenant update a --attribute business_id=b"},
		{exitFailure, `vars.Upper: the name of a variable`, "tenant update a --var Upper=b"},
		{exitFailure, `routes.logs[1]: "x" is in the list twice`, "tenant update a --route logs=x,x"},
		{exitFailure, `routes.logs[1]: must not be empty`, "tenant update a --route logs=x,"},
		{exitUsage, `"1.5" is not a whole number of records`, "tenant update a --limit logs.records_per_second=1.5"},
		{exitUsage, `"1k" is not a whole number of records`, "tenant update a --limit daily_records=1k"},
		{exitFailure, `must not be negative`, "tenant update a --limit logs.records_per_second=-5"},
		{exitFailure, `there is no var "x" to remove`, "tenant update a --unset-var x"},
		{exitUsage, `nothing to update`, "tenant update a"},
		{exitUsage, `takes ID, got 0 arguments`, "tenant create"},
		{exitUsage, `takes no argument, got 1`, "tenant list a"},
		{exitUsage, `--route must be SIGNAL=NAME,NAME, not "logs"`, "tenant update a --route logs"},
		{exitUsage, `unknown signal "profiles"`, "tenant update a --route profiles=x"},
		{exitUsage, `unknown signal "profiles"`, "tenant update a --unset-route profiles"},
		{exitUsage, `--var must be NAME=VALUE, not "x"`, "tenant update a --var x"},
		{exitUsage, `--isolation must be shared or dedicated`, "tenant update a --isolation none"},
		{exitUsage, `there is no limit "rps"`, "tenant update a --limit rps=1"},
		{exitUsage, `there is no limit "burst_size"`, "tenant update a --limit burst_size=1"},
		{exitUsage, `missing unit in duration`, "tenant update a --limit burst=5"},
		{exitUsage, `there is no limit "logs.rps"`, "tenant update a --limit logs.rps=1"},
		{exitUsage, `size "fast"`, "tenant update a --limit daily_bytes=fast"},
		{exitUsage, `unknown flag: --colour`, "tenant update a --colour red"},
		{exitUsage, `has no command "crate", did you mean "create"?`, "tenant crate"},
		{exitUsage, `has no command "bogus"`, "bogus"},
		{exitUsage, `--output must be table, json or yaml`, "tenant list -o xml"},
	} {
		c.fails(tt.code, tt.text, strings.Fields(tt.args)...)
	}
	assert.Equal(t, before, c.file(), "a rejected command changes nothing")

	c.path = ""
	c.fails(exitUsage, "no registry is given", "tenant", "list")
	c.path = "mysql://db/tenants"
	c.fails(exitUsage, "must be a file or begin with postgres://", "tenant", "list")
	c.path = filepath.Join(t.TempDir(), "none", "tenants.yaml")
	c.fails(exitFailure, "install -d -m 0750 ", "tenant", "create", "a")
}

func TestTenant_RegistryFromTheEnvironment(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	t.Setenv(registryEnv, c.path)
	var out strings.Builder
	require.Zero(t, run(t.Context(), []string{"tenant", "list"}, streams{out: &out, err: &out}))
	assert.Contains(t, out.String(), "a   active")
}

func TestTenantUpdate_KeepsCommentsAndTheRest(t *testing.T) {
	c := newCLI(t)
	require.NoError(t, os.WriteFile(c.path, []byte(`# ours
tenants:
  - id: a     # first
    routes: {logs: [x], metrics: [x]}   # for now
    vars: {one: "1", two: "2"}
    limits: {daily_bytes: 1GiB}
  # second
  - id: b
`), 0o640))
	c.ok("tenant", "update", "a", "--route", "logs=y,z", "--unset-route", "metrics", "--var", "three=3", "--unset-var", "one", "--limit", "daily_bytes=0")
	assert.Equal(t, `# ours
tenants:
  - id: a     # first
    routes: {logs: [y, z]} # for now
    vars: {two: "2", three: "3"}
  # second
  - id: b
`, c.file())
}

func TestTenantStatus(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	assert.Equal(t, "tenant a suspended\n", c.ok("tenant", "suspend", "a"))
	assert.Equal(t, tenant.StatusSuspended, c.snapshot().Tenant("a").Status)
	assert.Equal(t, "tenant a resumed\n", c.ok("tenant", "resume", "a"))
	assert.Equal(t, tenant.StatusActive, c.snapshot().Tenant("a").Status)
}

func TestTenantDelete_RequiresConfirmationAndIsFinal(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	c.ok("tenant", "create", "b")
	c.fails(exitUsage, "give --yes", "tenant", "delete", "a")
	c.in = "yes\n"
	c.fails(exitFailure, "nothing was changed", "tenant", "delete", "a")
	assert.Equal(t, tenant.StatusActive, c.snapshot().Tenant("a").Status)
	c.in = "a\n"
	assert.Equal(t, "tenant a deleted\n", c.ok("tenant", "delete", "a"))
	c.in = ""
	c.ok("tenant", "delete", "b", "--yes")
	assert.Equal(t, tenant.StatusDeleted, c.snapshot().Tenant("a").Status)
	for _, args := range []string{"tenant resume a", "tenant update a --name x", "key create a", "onboard a --endpoint https://g", "onboard a --endpoint https://g --new-key"} {
		c.fails(exitFailure, `tenant "a" is deleted`, strings.Fields(args)...)
	}
	c.fails(exitFailure, "already a tenant", "tenant", "create", "a")
	var listed []operate.TenantView
	c.json(&listed, "tenant", "list")
	assert.Empty(t, listed)
	c.json(&listed, "tenant", "list", "--all")
	assert.Len(t, listed, 2)
}

func TestTenantShowAndList(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a", "--name", "A", "--var", "backend_token=letmein", "--var", "api_key=${env:K}", "--var", "host=h", "--route", "logs=x", "--limit", "logs.bytes_per_second=1MiB")
	c.ok("tenant", "create", "007", "--attribute", "n=1e3")
	c.ok("key", "create", "a", "--description", "vm-1")
	for _, args := range [][]string{{"tenant", "list"}, {"tenant", "show", "a"}, {"tenant", "show", "007"}, {"key", "list"}, {"key", "list", "007"}, {"registry", "validate"}} {
		c.yamlAndJSONAgree(args...)
	}
	var v operate.TenantView
	c.json(&v, "tenant", "show", "a")
	assert.Equal(t, map[string]string{"backend_token": "(hidden)", "api_key": "${env:K}", "host": "h"}, v.Vars)
	assert.Equal(t, map[string][]string{"logs": {"x"}}, v.Routes)
	assert.Equal(t, map[string]any{"logs": map[string]any{"bytes_per_second": "1MiB"}}, v.Limits)
	require.Len(t, v.Keys, 1)
	assert.Equal(t, "vm-1", v.Keys[0].Description)

	table := c.ok("tenant", "show", "a")
	for _, want := range []string{"var backend_token", "(hidden)", "route logs", "limit logs.bytes_per_second", "1MiB", "vm-1"} {
		assert.Contains(t, table, want)
	}
	assert.NotContains(t, table, "letmein")
	assert.Equal(t, "ID   STATUS  ISOLATION  KEYS  NAME\na    active  shared     1/1   A\n007  active  shared     0/0   -\n", c.ok("tenant", "list"))
}

func TestTenant_NotesSecretsInClear(t *testing.T) {
	c := newCLI(t)
	r := c.run("tenant", "create", "a", "--var", "loki_token=hunter2", "--var", "tempo_token=${file:/etc/otelcol-tenant/secrets/x}", "--var", "endpoint=x:1")
	require.Zero(t, r.code, r.err)
	assert.Equal(t, "Note: var loki_token seems to be a secret in clear text; write ${file:PATH} instead.\n", r.err)
	assert.NotContains(t, r.out+c.ok("tenant", "show", "a", "-o", "json"), "hunter2")
	assert.Empty(t, c.run("tenant", "suspend", "a").err)
}

func TestTenant_RejectsAttributesThatLookLikeTheIdentity(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a", "--attribute", "plan=pro")
	for _, name := range []string{"business.id", "businessid", "Business-ID", "tenant.id", "busine\u0455s_id"} {
		c.fails(exitFailure, "could be mistaken for business_id", "tenant", "update", "a", "--attribute", name+"=b")
		c.fails(exitFailure, "could be mistaken for business_id", "tenant", "create", "b", "--attribute", name+"=b")
	}
}

func TestTenant_ChecksReferences(t *testing.T) {
	c := newCLI(t)
	for value, want := range map[string]string{
		"${file:token}": "absolute path", "${file:/etc/otelcol-tenant/secrets/../../shadow}": `".."`, "${yaml:x}": "neither", "${env:X": `without "}"`,
	} {
		c.fails(exitUsage, want, "tenant", "create", "a", "--var", "x="+value)
	}
	r := c.run("tenant", "create", "a", "--var", "x=${file:/run/secrets/x}", "--var", "y=${env:HOME}", "--var", "z=${env:OTELCOL_TENANT_SECRET_Z}")
	require.Zero(t, r.code, r.err)
	assert.Equal(t, 2, strings.Count(r.err, "references"), r.err)
}

// TestTenant_VariablesThatNoDestinationCanUse changes nothing, and names the variable.
func TestTenant_VariablesThatNoDestinationCanUse(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a", "--var", "account_id=7", "--var", "project_id=${file:/etc/otelcol-tenant/secrets/p}", "--var", "org=a|b", "--var", "account=abc")
	before := c.file()
	for text, value := range map[string]string{
		"--var account_id: must be a whole number from 0 to 4294967295": "account_id=abc",
		"--var project_id: must be a whole number":                      "project_id=4294967296",
		"--var account_id: must be a whole":                             "account_id=-1",
		"--var org: must not begin or end with a space":                 "org= ",
		"--var other: must not begin or end":                            "other=x ",
	} {
		c.fails(exitFailure, text, "tenant", "update", "a", "--var", value)
		c.fails(exitFailure, text, "tenant", "create", "b", "--var", value)
	}
	c.fails(exitUsage, "--var org: the value is empty; to remove it use tenant update with --unset-var org", "tenant", "update", "a", "--var", "org=")
	c.fails(exitUsage, "--var must be NAME=VALUE: there is no name before the =", "tenant", "update", "a", "--var", "=secret")
	c.fails(exitUsage, `--var must be NAME=VALUE, not "org"`, "tenant", "update", "a", "--var", "org")
	assert.Equal(t, before, c.file())
}

// Edits by hand cause a warning.
func TestRegistryValidate_VariablesThatNoDestinationCanUse(t *testing.T) {
	c := newCLI(t)
	require.NoError(t, os.WriteFile(c.path, []byte("tenants:\n  - {id: a, vars: {account_id: abc, org: \" \", url: \"http://h\"}}\n"), 0o600))
	var v operate.Validation
	c.json(&v, "registry", "validate")
	assert.True(t, v.Valid)
	assert.Contains(t, v.Warnings, "tenant a: var account_id: must be a whole number from 0 to 4294967295")
	assert.Contains(t, v.Warnings, "tenant a: var org: must not begin or end with a space, which is not sent")
}
