// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// actAsProgram makes the test binary behave as tenantctl, for tests that need
// several processes.
const actAsProgram = "TENANTCTL_TEST_ACT_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(actAsProgram) != "" {
		main()
		return
	}
	for _, name := range []string{registryEnv, actorEnv, auditKeyEnv, gatewayConfigEnv, grafanaURLEnv, grafanaCredentialsEnv, grafanaCAEnv, grafanaSourcesEnv} {
		_ = os.Unsetenv(name)
	}
	config, err := os.MkdirTemp("", "tenantctl") // where the key for a database goes
	if err == nil {
		err = os.Setenv("XDG_CONFIG_HOME", config)
	}
	if err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(config)
	os.Exit(code)
}

// cli runs tenantctl on its own registry.
type cli struct {
	t    *testing.T
	path string
	in   string
}

// result is what a command line did.
type result struct {
	code     int
	out, err string
}

func newCLI(t *testing.T) *cli {
	return &cli{t: t, path: filepath.Join(t.TempDir(), "tenants.yaml")}
}

func (c *cli) run(args ...string) result {
	c.t.Helper()
	var out, err bytes.Buffer
	code := run(c.t.Context(), append([]string{"--registry", c.path}, args...), streams{in: strings.NewReader(c.in), out: &out, err: &err})
	return result{code, out.String(), err.String()}
}

// ok runs a command that must succeed and returns its standard output.
func (c *cli) ok(args ...string) string {
	c.t.Helper()
	r := c.run(args...)
	require.Zero(c.t, r.code, r.err)
	return r.out
}

// fails runs a command that must fail with the code and the text.
func (c *cli) fails(code int, text string, args ...string) {
	c.t.Helper()
	r := c.run(args...)
	assert.Equal(c.t, code, r.code, r.err)
	assert.Contains(c.t, r.err, text)
	assert.Empty(c.t, r.out)
}

// json runs a command with -o json and decodes its output into v.
func (c *cli) json(v any, args ...string) {
	c.t.Helper()
	require.NoError(c.t, json.Unmarshal([]byte(c.ok(append(args, "-o", "json")...)), v))
}

func (c *cli) snapshot() *tenant.Snapshot {
	c.t.Helper()
	data, err := os.ReadFile(c.path)
	require.NoError(c.t, err)
	s, err := registryfile.Parse(data)
	require.NoError(c.t, err)
	return s
}

// file returns the registry file without its history, which is another each time.
func (c *cli) file() string {
	c.t.Helper()
	data, err := os.ReadFile(c.path)
	require.NoError(c.t, err)
	return string(registryfile.WithoutHistory(data))
}

// program runs tenantctl as a separate process.
func (c *cli) program(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], append([]string{"--registry", c.path}, args...)...)
	cmd.Env = append(os.Environ(), actAsProgram+"=1")
	return cmd
}

// yamlAndJSONAgree checks that both forms of a command's output say the same.
func (c *cli) yamlAndJSONAgree(args ...string) {
	c.t.Helper()
	var fromJSON, fromYAML any
	c.json(&fromJSON, args...)
	require.NoError(c.t, yaml.Unmarshal([]byte(c.ok(append(args, "-o", "yaml")...)), &fromYAML))
	want, err := json.Marshal(fromJSON)
	require.NoError(c.t, err)
	got, err := json.Marshal(fromYAML)
	require.NoError(c.t, err)
	assert.JSONEq(c.t, string(want), string(got))
}
