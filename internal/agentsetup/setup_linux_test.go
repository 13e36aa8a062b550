// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
)

func TestSetup_WithoutSystemd(t *testing.T) {
	i := newInstall(t, http.StatusOK)
	out, result, err := i.setup(Settings{Env: i.env, DryRun: true})
	require.NoError(t, err)
	assert.Contains(t, out, "Would write")
	assert.Contains(t, out, "setfacl -m u:"+daemonUser+":--x "+i.root+"/home/shop\n")
	assert.Empty(t, i.read(defaultKeyFile))
	assert.Empty(t, i.read(recordFile))
	assert.Equal(t, os.FileMode(0o700), i.mode("/home/shop"))
	planned := result.Access

	out, result, err = i.setup(Settings{Env: i.env})
	require.NoError(t, err)
	assert.Equal(t, planned, result.Access)
	assert.Equal(t, i.key+"\n", i.read(defaultKeyFile))
	assert.Equal(t, i.key+"\n", i.read(defaultRuntime+"/"+keyName))
	assert.Equal(t, os.FileMode(0o600), i.mode(defaultKeyFile))
	assert.Equal(t, os.FileMode(0o600), i.mode(defaultEnv))
	env := i.read(defaultEnv)
	assert.NotContains(t, env, i.key)
	assert.Contains(t, env, "PM2_HOME=/home/shop/.pm2\n", "the home that was found replaces one that does not exist")
	assert.Contains(t, env, "PM2_METRICS=false\n")
	assert.Contains(t, env, "TENANT_KEY_FILE=/run/otelcol-tenant-agent/agent.key\n")
	assert.Contains(t, out, "There is no systemd. Start the agent as "+daemonUser)
	assert.Equal(t, []string{i.key, i.key, i.key}, i.seen[:3], "the gateway was asked for each signal")

	// A second call has nothing to do.
	_, result, err = i.setup(Settings{})
	require.NoError(t, err)
	assert.Empty(t, result.Access)
	assert.Empty(t, result.Written)
	assert.Equal(t, env, i.read(defaultEnv))

	// A further home makes a list, which the configuration takes.
	require.NoError(t, os.MkdirAll(filepath.Join(i.root, "/srv/second/logs"), 0o755))
	_, _, err = i.setup(Settings{Homes: []string{"/srv/second"}})
	require.NoError(t, err)
	assert.Contains(t, i.read(defaultEnv), "PM2_HOMES=/home/shop/.pm2,/srv/second\n")
	assert.NotContains(t, i.read(defaultEnv), "PM2_HOME=")

	// An agent.env of an earlier version has the key.
	other, _ := apikey.New()
	i.write(defaultEnv, strings.ReplaceAll(i.env, i.key, other), 0o644)
	_, _, err = i.setup(Settings{})
	require.NoError(t, err)
	assert.Equal(t, other+"\n", i.read(defaultKeyFile))
	assert.NotContains(t, i.read(defaultEnv), "obs_")
	assert.Equal(t, os.FileMode(0o600), i.mode(defaultEnv))

	_, err = RemoveAccess(t.Context(), Settings{Root: i.root, Out: io.Discard})
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), i.mode("/home/shop"))
	assert.Empty(t, i.read(recordFile))
}

func TestSetup_ChangesNothingIfTheInputIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		change func(i *install, set *Settings)
		want   string
		input  bool
	}{
		"rejected key":   {401, func(*install, *Settings) {}, "the gateway does not accept the key, so nothing was changed", false},
		"no environment": {200, func(_ *install, set *Settings) { set.Env = "" }, "give --env FILE", true},
		"no assignment":  {200, func(_ *install, set *Settings) { set.Env = "secret" }, "line 1 is no assignment", true},
		"wrong key":      {200, func(_ *install, set *Settings) { set.Key = "obs_x" }, "TENANT_KEY has 5 characters", true},
		"clear text":     {200, func(_ *install, set *Settings) { set.Endpoint = "http://gateway.example:4318" }, "clear text", true},
		"no agent":       {200, func(i *install, _ *Settings) { require.NoError(i.t, os.Remove(filepath.Join(i.root, defaultConfig))) }, "install the package", false},
		"unit by hand": {200, func(i *install, _ *Settings) {
			require.NoError(i.t, os.MkdirAll(filepath.Join(i.root, "/etc/systemd/system"), 0o755))
			i.write("/etc/systemd/system/"+agentinstall.UnitName, "[Service]\nUser="+daemonUser+"\n", 0o644)
		}, "is a unit of an earlier version", false},
		"unknown user": {200, func(i *install, _ *Settings) {
			i.write("/usr/lib/systemd/system/"+agentinstall.UnitName, "[Service]\nUser=no-such-user\nLoadCredential=agent.key:/x\n", 0o644)
		}, `there is no user "no-such-user"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstall(t, c.status)
			set := Settings{Env: i.env}
			c.change(i, &set)
			_, _, err := i.setup(set)
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), i.key)
			if c.input {
				require.ErrorIs(t, err, ErrInput)
			}
			assert.Empty(t, i.read(defaultKeyFile))
			assert.Empty(t, i.read(defaultEnv))
			assert.Empty(t, i.read(recordFile))
			assert.Equal(t, os.FileMode(0o700), i.mode("/home/shop"))
		})
	}
}

// A gateway that is down is no reason to stop, and a configuration that is not valid is one.
func TestSetup_GoesOnIfTheGatewayIsBusy(t *testing.T) {
	i := newInstall(t, http.StatusServiceUnavailable)
	out, _, err := i.setup(Settings{Env: i.env})
	require.NoError(t, err)
	assert.Contains(t, out, "The answer to logs, metrics, traces is 503")
	assert.NotEmpty(t, i.read(defaultKeyFile))

	_, _, err = i.setup(Settings{Env: i.env + "DEPLOY_ENV=broken\n"})
	require.EqualError(t, err, "the configuration is not valid: invalid configuration")
}

func TestSetup_WithoutPM2(t *testing.T) {
	i := newInstall(t, http.StatusOK)
	n := 0
	i.serve(`{"status":"ok"}`, func() int { n++; return n })
	with, without := true, false
	out, result, err := i.setup(Settings{Env: i.env, PM2: &without, Wait: 30 * time.Second})
	require.NoError(t, err)
	assert.Empty(t, result.Homes)
	assert.Contains(t, out, "The agent reports no fault. It receives OTLP, and reads no logs of PM2.")
	env := i.read(defaultEnv)
	assert.Contains(t, env, "LOGS_RECEIVERS='[tenant_otlp]'\nMETRICS_RECEIVERS='[tenant_otlp,host_metrics]'\n")
	assert.NotContains(t, env, "PM2_")

	out, _, err = i.setup(Settings{Wait: 30 * time.Second}) // as it was set up
	require.NoError(t, err)
	assert.Contains(t, out, "The configuration reads no logs of PM2.")
	assert.Equal(t, env, i.read(defaultEnv))
	_, _, err = i.setup(Settings{Homes: []string{"/home/shop/.pm2"}})
	require.ErrorIs(t, err, ErrInput)

	_, result, err = i.setup(Settings{PM2: &with, Wait: 30 * time.Second})
	require.NoError(t, err)
	assert.Len(t, result.Homes, 1)
	assert.NotContains(t, i.read(defaultEnv), "RECEIVERS")
	assert.Contains(t, i.read(defaultEnv), "PM2_HOME=/home/shop/.pm2\n")
}

// The path of a home is the choice of its owner, who can be hostile.
func TestSetup_PathsOfHostileUsers(t *testing.T) {
	i := newInstall(t, http.StatusOK)
	named := []string{"/home/shop/.pm2"}
	for _, name := range []string{"a\nWrote b", "\x1b[2Jc", "$HOME", "d\xff"} {
		path := "/home/shop/" + name
		require.NoError(t, os.MkdirAll(filepath.Join(i.root, path, "logs"), 0o700))
		for _, dir := range []string{path, path + "/logs"} {
			require.NoError(t, os.Chown(filepath.Join(i.root, dir), owner, owner))
		}
		named = append(named, path)
	}
	out, _, err := i.setup(Settings{Env: i.env, Homes: named})
	require.NoError(t, err)
	assert.Contains(t, out, `$'`+i.root+`/home/shop/a\x0aWrote b/logs'`)
	assert.NotContains(t, out, "\nWrote b")
	assert.NotContains(t, out, "\x1b")
	assert.Contains(t, i.read(defaultEnv), "\nPM2_HOME=/home/shop/.pm2\n", "the others are not in the list")
	assert.Equal(t, 4, strings.Count(out, "has a character in its path"))
}
