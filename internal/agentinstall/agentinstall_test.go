// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentinstall

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/envfile"
)

func write(t *testing.T, root, path, text string) {
	t.Helper()
	path = filepath.Join(root, path)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func TestFindUnit_MergesDropIns(t *testing.T) {
	root := t.TempDir()
	_, err := FindUnit(root, UnitName)
	require.ErrorIs(t, err, fs.ErrNotExist)

	write(t, root, "/lib/systemd/system/"+UnitName, `[Unit]
Description=User=wrong
[Service]
User=otelcol-tenant-agent
EnvironmentFile=/etc/otelcol-tenant/agent.env
EnvironmentFile=-/etc/more.env
Environment="A=b c" D=e
LoadCredential=agent.key:/etc/otelcol-tenant/agent.key
SupplementaryGroups=adm
ProtectHome=read-only
ExecStart=/usr/bin/otelcol-tenant \
    --config /etc/otelcol-tenant/agent.yaml
[Install]
User=wrong
`)
	u, err := FindUnit(root, UnitName)
	require.NoError(t, err)
	assert.Equal(t, "otelcol-tenant-agent", u.User)
	assert.Equal(t, []string{"/etc/otelcol-tenant/agent.yaml"}, u.Configs())
	assert.Equal(t, "/etc/otelcol-tenant/agent.key", u.Credentials["agent.key"])
	assert.Equal(t, []string{"adm"}, u.Groups)
	assert.Equal(t, []EnvironmentFile{{"/etc/otelcol-tenant/agent.env", false}, {"/etc/more.env", true}}, u.EnvironmentFile)
	_, err = u.Variables(root)
	require.ErrorIs(t, err, fs.ErrNotExist)
	write(t, root, "/etc/otelcol-tenant/agent.env", "D=f\n")
	env, err := u.Variables(root)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"A": "b c", "D": "f"}, env.Map())

	// Drop-ins of any folder apply by their names, and those of /etc hide others of the same name.
	write(t, root, "/usr/lib/systemd/system/"+UnitName+".d/20-last.conf", "[Service]\nUser=last\n")
	write(t, root, "/usr/lib/systemd/system/"+UnitName+".d/10-x.conf", "[Service]\nGroup=hidden\n")
	write(t, root, "/etc/systemd/system/"+UnitName+".d/10-x.conf", `[Service]
User=app
ExecStart=
ExecStart=-/opt/otelcol-tenant --config=/a.yaml --config "/b c.yaml" --config %t/%N.yaml
EnvironmentFile=
AmbientCapabilities=cap_dac_read_search
SupplementaryGroups=
`)
	u, err = FindUnit(root, UnitName)
	require.NoError(t, err)
	assert.Equal(t, "last", u.User)
	assert.Empty(t, u.Group)
	assert.Equal(t, "/opt/otelcol-tenant", u.ExecStart[0])
	assert.Equal(t, []string{"/a.yaml", "/b c.yaml", "/run/otelcol-tenant-agent.yaml"}, u.Configs())
	assert.Empty(t, u.EnvironmentFile)
	assert.Empty(t, u.Groups)
	assert.Equal(t, []string{"CAP_DAC_READ_SEARCH"}, u.Capabilities)
	assert.Len(t, u.Files, 3)

	// A unit of the administrator hides that of the package.
	write(t, root, "/etc/systemd/system/"+UnitName, "[Service]\nUser=mine\nExecStart='/x\n")
	_, err = FindUnit(root, UnitName)
	require.ErrorContains(t, err, "has a quote that is not closed")
}

// The unit and the configuration of the source tree have what setup and doctor depend on.
func TestShipped(t *testing.T) {
	root := t.TempDir()
	text, err := os.ReadFile("../../distributions/agent/" + UnitName)
	require.NoError(t, err)
	write(t, root, "/usr/lib/systemd/system/"+UnitName, string(text))
	u, err := FindUnit(root, UnitName)
	require.NoError(t, err)
	assert.Equal(t, "otelcol-tenant-agent", u.User)
	assert.Equal(t, []string{"/etc/otelcol-tenant/agent.yaml"}, u.Configs())
	assert.Equal(t, map[string]string{"agent.key": "/etc/otelcol-tenant/agent.key"}, u.Credentials)
	assert.Equal(t, "read-only", u.ProtectHome)

	env := map[string]string{"BUSINESS_ID": "acme", "TENANT_KEY_FILE": "/run/key", "GATEWAY_ENDPOINT": "https://gateway.example:4318", "PM2_HOMES": "/home/a/.pm2,/home/*/b"}
	conf, err := Resolve(t.Context(), []string{"../../distributions/agent/config.yaml", "yaml:receivers::pm2::exclude: [~/x.log]"}, env)
	require.NoError(t, err)
	s := SettingsOf(conf, env, "/home/agent")
	require.Len(t, s.Receivers, 1)
	assert.Equal(t, PM2{ID: "pm2", Patterns: []string{"/home/a/.pm2", "/home/*/b"}, Exclude: []string{"/home/agent/x.log"}, ProcessList: true, Metrics: true}, s.Receivers[0])
	require.Len(t, s.Destinations, 1)
	assert.Equal(t, Destination{Name: "gateway", Endpoint: "https://gateway.example:4318", KeyFile: "/run/key", BusinessID: "acme", HasAuth: true}, s.Destinations[0])
	assert.Equal(t, []string{"/var/lib/otelcol-tenant-agent"}, s.Storage)
	assert.Equal(t, []string{"/var/lib/otelcol-tenant-agent/dead-letters"}, s.DeadLetters)
	assert.Equal(t, "http://127.0.0.1:13133/health", s.Health)
	assert.Equal(t, "http://127.0.0.1:8888/metrics", s.Metrics)
	assert.Equal(t, []string{"logs", "metrics", "traces"}, s.Signals)
	assert.Len(t, s.Listeners, 4)

	// Without homes, that of the user is read.
	delete(env, "PM2_HOMES")
	env["TENANT_KEY"], env["HEALTH_ENDPOINT"] = "k", "0.0.0.0:1"
	conf, err = Resolve(t.Context(), []string{"../../distributions/agent/config.yaml"}, env)
	require.NoError(t, err)
	s = SettingsOf(conf, env, "/home/agent")
	assert.Equal(t, []string{"/home/agent/.pm2"}, s.Receivers[0].Homes)
	assert.Equal(t, "k", s.Destinations[0].Key)
	assert.Equal(t, "http://127.0.0.1:1/health", s.Health)

	_, err = Resolve(t.Context(), []string{filepath.Join(t.TempDir(), "absent.yaml")}, env)
	require.Error(t, err)
}

func TestReadEnv(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.env")
	require.NoError(t, os.WriteFile(path, []byte("A='b'\nsecret\n"), 0o600))
	_, err := ReadEnv(path)
	require.EqualError(t, err, path+": line 2 is no assignment NAME=value")
	require.NoError(t, os.WriteFile(path, []byte("A='b'\n"), 0o600))
	env, err := ReadEnv(path)
	require.NoError(t, err)
	assert.Equal(t, envfile.Variables{{Name: "A", Value: "b"}}, env)
}
