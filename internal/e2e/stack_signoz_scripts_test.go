// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSignozStack_Scripts runs the scripts twice: the second run changes nothing. It also
// checks what they refuse.
func TestSignozStack_Scripts(t *testing.T) {
	t.Parallel()
	s := newSignozStack(t)
	out, err := s.try("up.sh")
	require.Error(t, err)
	assert.Contains(t, out, "no tls/tls.crt")
	stackCertificate(t, s.path("tls", "tls.crt"), s.path("tls", "tls.key"))
	s.run("up.sh")
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("3e2bd13f-3b62-4f43-a5de-4a1f8ab0a3c1\n"), 0o600))
	s.run("create-tenant.sh", "Acme_Ltd", "--isolation", "dedicated", "--name", "Acme Ltd", "--oneuptime-token-file", token)
	s.run("create-tenant.sh", "globex")
	first := s.files()
	calls, err := os.ReadFile(s.calls)
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(string(calls), "nginx -s reload"), "%s", calls)
	assert.Contains(t, s.read(".env"), "COMPOSE_FILE=compose.yaml:instances/signoz-acme-ltd.yaml\n")
	assert.NotContains(t, s.read("instances", "signoz-acme-ltd.yaml"), "@")

	s.run("up.sh")
	s.run("create-tenant.sh", "Acme_Ltd") // stays dedicated and in OneUptime
	out = s.run("create-tenant.sh", "globex")
	assert.Contains(t, out, "creates no further one")
	assert.Equal(t, first, s.files())
	info, err := os.Stat(s.path("secrets"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	reg := &registry{t: t, path: s.path("registry", "tenants.yaml")}
	var shown struct {
		Isolation string
		Routes    map[string][]string
		Vars      map[string]string
	}
	require.NoError(t, json.Unmarshal([]byte(reg.ctl("tenant", "show", "Acme_Ltd")), &shown))
	assert.Equal(t, "dedicated", shown.Isolation)
	assert.Equal(t, []string{"signoz_dedicated", "oneuptime"}, shown.Routes["logs"])
	assert.Equal(t, "http://signoz-acme-ltd-collector:4318", shown.Vars["signoz_endpoint"])
	require.NoError(t, json.Unmarshal([]byte(reg.ctl("tenant", "show", "globex")), &shown))
	assert.Equal(t, "shared", shown.Isolation)
	assert.Equal(t, []string{"signoz_shared"}, shown.Routes["traces"])

	for _, c := range []struct{ want, args string }{
		{"usage", ""},
		{"unknown option", "initech --isolated"},
		{`"shared" or "dedicated"`, "initech --isolation own"},
		{"needs a value", "initech --name"},
		{"one tenant at a time", "initech umbrella"},
		{"belongs to the tenant Acme_Ltd", "acme-ltd"},
		{"has the label", "globex --label other"},
		{"cannot be part of a host name", "a!b"},
		{"is not the ID of a tenant", `a";return --label a`},
		{"is not the ID of a tenant", `a$host --label a`},
		{"small letters, digits and", "initech --label Upper"},
		{"part of the stack", "shared"},
		{"part of the stack", "initech --label scripts"},
		{"missing or empty", "initech --oneuptime-token-file /nonexistent"},
	} {
		out, err := s.try("create-tenant.sh", strings.Fields(c.args)...)
		require.Error(t, err, c.args)
		assert.Contains(t, out, c.want, c.args)
	}
}

// TestSignozStack_WithSecrets runs the wrapper that gives secrets to programs.
func TestSignozStack_WithSecrets(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs(filepath.Join(root, "distributions", "stacks", "signoz-oneuptime", "config", "with-secrets.sh"))
	require.NoError(t, err)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("s3 {{x}} $HOME\n"), 0o600))
	cmd := exec.Command("/bin/sh", script, "/usr/bin/env")
	cmd.Env = []string{"DSN__FILE=tcp://a:{{" + secret + "}}@b:{{" + secret + "}}/", "PLAIN__FILE=text", "OTHER=x"}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "DSN=tcp://a:s3 {{x}} $HOME@b:s3 {{x}} $HOME/\n")
	assert.Contains(t, string(out), "PLAIN=text\n")
	assert.NotContains(t, string(out), "__FILE")
	cmd = exec.Command("/bin/sh", script, "/usr/bin/env")
	cmd.Env = []string{"DSN__FILE={{/nonexistent}}"}
	out, err = cmd.CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "DSN needs the file /nonexistent")
}
