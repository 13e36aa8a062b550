// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lint runs tenantctl without a registry.
func lintFiles(t *testing.T, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	code := run(t.Context(), append([]string{"lint"}, args...), streams{in: strings.NewReader(""), out: &out, err: &err})
	return result{code, out.String(), err.String()}
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

const pprofOnAllAddresses = `extensions:
  pprof: {endpoint: "0.0.0.0:1777"}
receivers: {otlp: {protocols: {http: }}}
exporters: {nop: }
service:
  extensions: [pprof]
  pipelines: {logs: {receivers: [otlp], exporters: [nop]}}
`

func TestLint(t *testing.T) {
	shipped := filepath.Join("..", "..", "distributions", "gateway", "config.yaml")
	notes := lintFiles(t, shipped)
	require.Zero(t, notes.code, notes.err)
	assert.Contains(t, notes.out, "note OT103: receivers::tenant_otlp::protocols::grpc::tls: is not set")
	assert.Contains(t, notes.out, "checked as gateway: 0 errors, 0 warnings, ")
	assert.Equal(t, exitFailure, lintFiles(t, shipped, "--fail-on", "note").code)

	wrong := writeConfig(t, pprofOnAllAddresses)
	r := lintFiles(t, wrong)
	assert.Equal(t, exitFailure, r.code)
	assert.Equal(t, wrong+":2:11: error OT401: extensions::pprof::endpoint: listens on 0.0.0.0:1777, which other machines can reach\n"+
		"    fix: Listen on loopback, and use a tunnel such as ssh -L.\n"+
		"checked as other: 1 error, 0 warnings, 0 notes, 0 suppressed\n", r.out)
	assert.Equal(t, "tenantctl: 1 findings of severity warning or worse\n", r.err)
	assert.Zero(t, lintFiles(t, wrong, "--disable", "OT401").code)
	assert.Zero(t, lintFiles(t, writeConfig(t, strings.Replace(pprofOnAllAddresses, "1777\"}", "1777\"} # lint:ignore OT401 a lab", 1))).code)
}

func TestLint_Usage(t *testing.T) {
	for name, args := range map[string][]string{
		"no file": {}, "missing file": {"no-such-file.yaml"}, "not YAML": {writeConfig(t, "a: [")}, "a list": {writeConfig(t, "[a]")},
		"unknown rule": {writeConfig(t, "a: b"), "--disable", "OT000"}, "unknown role": {writeConfig(t, "a: b"), "--role", "edge"},
		"unknown severity": {writeConfig(t, "a: b"), "--fail-on", "all"}, "no severity of a fault": {writeConfig(t, "a: b"), "--fail-on", "ok"}, "unknown output": {writeConfig(t, "a: b"), "-o", "xml"},
		"a key twice": {writeConfig(t, "a: b\na: c")}, "missing environment": {writeConfig(t, "a: b"), "--env-file", "no-such-file"},
		"missing registry": {writeConfig(t, "a: b"), "--registry", "no-such-file.yaml"},
	} {
		r := lintFiles(t, args...)
		assert.Equal(t, exitUsage, r.code, name)
		assert.NotEmpty(t, r.err, name)
		assert.Empty(t, r.out, name)
	}
}

func TestLint_JSON(t *testing.T) {
	r := lintFiles(t, writeConfig(t, pprofOnAllAddresses), "-o", "json")
	var v struct {
		Role     string
		Findings []struct {
			Rule, Severity, Key, Docs string
			Line, Column              int
		}
	}
	require.NoError(t, json.Unmarshal([]byte(r.out), &v))
	require.Len(t, v.Findings, 1)
	assert.Equal(t, "OT401", v.Findings[0].Rule)
	assert.Equal(t, "error", v.Findings[0].Severity)
	assert.Equal(t, 2, v.Findings[0].Line)
	assert.True(t, strings.HasSuffix(v.Findings[0].Docs, "docs/lint.md#ot401"), v.Findings[0].Docs)
}

func TestLint_EnvFile(t *testing.T) {
	config := writeConfig(t, strings.Replace(pprofOnAllAddresses, `"0.0.0.0:1777"`, `"${env:LINT_TEST_PPROF}"`, 1))
	assert.Zero(t, lintFiles(t, config).code, "a variable that is not set")
	env := filepath.Join(t.TempDir(), "gateway.env")
	require.NoError(t, os.WriteFile(env, []byte("# a comment\nLINT_TEST_PPROF=\"0.0.0.0:1777\"\n"), 0o600))
	assert.Equal(t, exitFailure, lintFiles(t, config, "--env-file", env).code)
	t.Setenv("LINT_TEST_PPROF", "0.0.0.0:1777")
	assert.Equal(t, exitFailure, lintFiles(t, config).code, "the environment of the process")
}

func TestLint_Registry(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "acme")
	c.ok("key", "create", "acme")
	c.ok("key", "create", "acme", "--expires", "1d")
	r := c.run("lint", filepath.Join("..", "..", "distributions", "gateway", "config.yaml"))
	assert.Zero(t, r.code, "a new key is no fault")
	assert.Contains(t, r.out, "note OT702: tenants::acme::keys::")
	assert.Contains(t, r.out, "note OT707: tenants::acme::keys::")
	assert.Contains(t, r.out, "note OT705: tenants::acme::limits")
	c.ok("tenant", "update", "acme", "--route", "logs=nowhere")
	assert.Contains(t, c.run("lint", filepath.Join("..", "..", "distributions", "gateway", "config.yaml")).out, `error OT601: tenants::acme::routes::logs: no gateway has the destination "nowhere"`)
}

func TestLint_List(t *testing.T) {
	r := lintFiles(t, "--list")
	require.Zero(t, r.code)
	assert.Len(t, strings.Split(strings.TrimSpace(r.out), "\n"), 1+len(ruleIDs()))
	r = lintFiles(t, "--list", "-o", "json")
	var rules []ruleView
	require.NoError(t, json.Unmarshal([]byte(r.out), &rules))
	assert.Len(t, rules, len(ruleIDs()))
}

// A configuration that somebody else has written costs neither minutes nor memory.
func TestLint_HostileFiles(t *testing.T) {
	dir := t.TempDir()
	self := filepath.Join(dir, "self.yaml")
	many := "a:\n"
	for i := range 20_000 {
		many += "  k" + strconv.Itoa(i) + ": v\n"
	}
	t.Setenv("LINT_TEST_DOUBLES", "${env:LINT_TEST_DOUBLES}${env:LINT_TEST_DOUBLES}")
	for name, c := range map[string]struct {
		text string
		code int
	}{
		"keys":        {many, exitUsage},
		"nesting":     {"a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), exitUsage},
		"aliases":     {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n", exitUsage},
		"anchor":      {"a: &a {b: *a}", exitUsage},
		"itself":      {"a: ${file:" + self + "}", exitUsage},
		"size":        {"a: " + strings.Repeat("x", 5<<20), exitUsage},
		"variable":    {"a: ${env:LINT_TEST_DOUBLES}", exitOK},
		"braces":      {"a: '" + strings.Repeat("}", 1<<20) + "'", exitOK},
		"kernel file": {"a: ${file:/proc/kmsg}\nb: ${file:/dev/zero}\nc: ${file:/dev/stdin}", exitOK},
	} {
		require.NoError(t, os.WriteFile(self, []byte(c.text), 0o600))
		begin := time.Now()
		r := lintFiles(t, self)
		assert.Equal(t, c.code, r.code, "%s: %s", name, r.err)
		assert.Less(t, time.Since(begin), 20*time.Second, name)
	}
}
