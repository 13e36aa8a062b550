// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pm2home"
)

// daemonUser is a user that every system has.
const daemonUser = "nobody"

// install is an installed agent in a folder, without systemd.
type install struct {
	t    *testing.T
	root string
	env  string
	key  string
	seen []string // keys that the gateway was asked about
}

// newInstall returns an agent whose gateway answers with a status.
func newInstall(t *testing.T, status int) *install {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can set up an agent")
	}
	root, err := os.MkdirTemp("/tmp", "setup") //nolint:usetesting // the folders above that of the test are closed
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	require.NoError(t, os.Chmod(root, 0o755))
	i := &install{t: t, root: root}
	i.key, _ = apikey.New()
	g := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			i.seen = append(i.seen, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			w.WriteHeader(status)
		}
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(g.Close)
	free := loopback.Addresses(t, 2)
	_, port, err := net.SplitHostPort(free[1])
	require.NoError(t, err)
	i.env = "BUSINESS_ID=acme\nTENANT_KEY=" + i.key + "\nGATEWAY_ENDPOINT=" + g.URL + "\nPM2_HOME=/home/app/.pm2\nHEALTH_ENDPOINT=" + free[0] + "\nMETRICS_PORT=" + port + "\n"
	for _, dir := range []string{"/etc/otelcol-tenant", "/usr/lib/systemd/system", "/proc", "/run", "/var/lib", "/home/shop/.pm2/logs"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	agent := filepath.Join(root, "agent")
	require.NoError(t, os.WriteFile(agent, []byte("#!/bin/sh\nif [ \"$1\" != validate ]; then exit 9; fi\nif [ \"$DEPLOY_ENV\" = broken ]; then echo invalid configuration; exit 1; fi\n"), 0o755))
	config, err := os.ReadFile("../../distributions/agent/config.yaml")
	require.NoError(t, err)
	i.write(defaultConfig, string(config), 0o644)
	i.write("/usr/lib/systemd/system/"+agentinstall.UnitName, "[Service]\nUser="+daemonUser+"\nLoadCredential=agent.key:"+defaultKeyFile+"\nExecStart="+agent+" --config "+defaultConfig+"\n", 0o644)
	i.write("/home/shop/.pm2/logs/web-out.log", "line\n", 0o600)
	for _, path := range []string{"/home/shop", "/home/shop/.pm2", "/home/shop/.pm2/logs", "/home/shop/.pm2/logs/web-out.log"} {
		require.NoError(t, os.Chown(filepath.Join(root, path), owner, owner))
	}
	require.NoError(t, os.Chmod(filepath.Join(root, "/home/shop"), 0o700))
	return i
}

func (i *install) write(path, text string, mode os.FileMode) {
	i.t.Helper()
	require.NoError(i.t, os.WriteFile(filepath.Join(i.root, path), []byte(text), 0o600))
	require.NoError(i.t, os.Chmod(filepath.Join(i.root, path), mode))
}

// read returns the content of a file, or "" if there is none.
func (i *install) read(path string) string {
	data, err := os.ReadFile(filepath.Join(i.root, path))
	if err != nil {
		return ""
	}
	return string(data)
}

// setup runs the setup and returns what it prints.
func (i *install) setup(set Settings) (string, *Result, error) {
	i.t.Helper()
	var out bytes.Buffer
	set.Root, set.Out = i.root, &out
	result, err := Setup(i.t.Context(), set)
	for _, key := range append(i.seen, i.key) {
		assert.NotContains(i.t, out.String(), key, "the key is not printed")
	}
	return out.String(), result, err
}

func (i *install) mode(path string) os.FileMode {
	i.t.Helper()
	info, err := os.Stat(filepath.Join(i.root, path))
	require.NoError(i.t, err)
	return info.Mode().Perm()
}

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

// serve answers as an agent that delivers after some requests.
func (i *install) serve(health string, delivered func() int) {
	i.t.Helper()
	i.serveChanging(func() string { return health }, delivered)
}

// serveChanging is serve for an agent whose conditions change.
func (i *install) serveChanging(health func() string, delivered func() int) {
	i.t.Helper()
	env := map[string]string{}
	for line := range strings.Lines(i.env) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		env[name] = value
	}
	for address, handler := range map[string]http.HandlerFunc{
		env["HEALTH_ENDPOINT"]: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, health()) },
		"127.0.0.1:" + env["METRICS_PORT"]: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "# HELP x\notelcol_exporter_tenant_routing_delivered_records_total{signal=\"logs\"} "+strconv.Itoa(delivered())+"\notelcol_exporter_tenant_routing_delivered_recordsx 99\n")
		},
	} {
		l, err := net.Listen("tcp", address)
		require.NoError(i.t, err)
		s := &httptest.Server{Listener: l, Config: &http.Server{Handler: handler}}
		s.Start()
		i.t.Cleanup(s.Close)
	}
}

func TestSetup_WaitsForTheFirstRecord(t *testing.T) {
	i := newInstall(t, http.StatusOK)
	asked := 0
	i.serve(`{"status":"ok"}`, func() int { asked++; return max(0, asked-3) })
	out, result, err := i.setup(Settings{Env: i.env, Wait: 30 * time.Second})
	require.NoError(t, err)
	assert.True(t, result.Delivered)
	assert.Contains(t, out, "The gateway has accepted the first records")
	assert.Contains(t, out, "The agent reports no fault. It reads 1 log files of 1 homes of PM2.")
}

func TestSetup_SaysWhatIsMissing(t *testing.T) {
	i := newInstall(t, http.StatusOK)
	i.serve(`{"status":"failing","conditions":[{"name":"gateway_unreachable","message":"Cannot deliver logs","fix":"Check the port."}]}`, func() int { return 0 })
	out, result, err := i.setup(Settings{Env: i.env, Wait: 600 * time.Millisecond})
	require.EqualError(t, err, "no record was accepted within 600ms; the agent reports gateway_unreachable")
	assert.Contains(t, out, "gateway_unreachable: Cannot deliver logs\n  Fix: Check the port.")
	assert.Equal(t, []Condition{{Name: "gateway_unreachable", Message: "Cannot deliver logs", Fix: "Check the port."}}, result.Conditions)
}

// A warning is no fault: only PM2's users can save the list of applications, and everything else works without it.
// The exit status of setup and /health agree.
func TestSetup_AgreesWithHealth(t *testing.T) {
	const unsaved = `{"name":"pm2_unreachable","message":"No list","fix":"Run pm2 save.","warning":true}`
	for name, tt := range map[string]struct {
		status, conditions string
		fails              string
	}{
		"not saved":     {"ok", unsaved, ""},
		"no daemon":     {"failing", `{"name":"pm2_unreachable","cause":"absent"}`, "the agent delivers, and reports pm2_unreachable"},
		"another fault": {"failing", unsaved + `,{"name":"queue_old"}`, "the agent delivers, and reports queue_old"},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstall(t, http.StatusOK)
			n := 0
			i.serve(`{"status":"`+tt.status+`","conditions":[`+tt.conditions+`]}`, func() int { n++; return n })
			out, result, err := i.setup(Settings{Env: i.env, Wait: 4 * time.Second})
			assert.True(t, result.Delivered)
			if tt.fails != "" {
				require.EqualError(t, err, tt.fails)
				return
			}
			require.NoError(t, err)
			assert.Contains(t, out, "Note: No list\n  Run pm2 save.\n")
			assert.Contains(t, out, "The agent reports no fault.")
			assert.Len(t, result.Conditions, 1)
		})
	}
}

// A gateway reads its registry a moment after a key was created.
func TestSetup_WaitsUntilTheGatewayHasTheKey(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		asked int32 // requests that are rejected
		fails bool
		waits bool
	}{
		"new key":     {"unknown API key", 7, false, true},
		"revoked key": {"the API key is revoked", 1000, true, false},
		"other text":  {"who are you?", 1000, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstall(t, http.StatusOK)
			var n atomic.Int32
			g := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost && n.Add(1) <= c.asked {
					w.WriteHeader(http.StatusUnauthorized)
					_, _ = io.WriteString(w, `{"code":16,"message":"`+c.text+`"}`)
				}
			}))
			defer g.Close()
			out, _, err := i.setup(Settings{Env: i.env, Endpoint: g.URL})
			assert.Equal(t, c.waits, strings.Contains(out, "It may be new: asking again"), out)
			if c.fails {
				require.ErrorContains(t, err, "the gateway does not accept the key")
				assert.Equal(t, int32(3), n.Load(), "each signal once")
				return
			}
			require.NoError(t, err)
			assert.Contains(t, out, "accepts the key")
			assert.NotContains(t, out, "401", "an answer that was replaced is not shown")
			assert.Equal(t, i.key+"\n", i.read(defaultKeyFile))
		})
	}
}

// The agent reports a condition for a while after setup has removed its cause.
func TestSetup_WaitsForTheEndOfConditions(t *testing.T) {
	i := newInstall(t, http.StatusOK)
	var n atomic.Int64
	health := func() string {
		if n.Add(1) < 6 {
			return `{"status":"failing","conditions":[{"name":"log_files_unreadable"}]}`
		}
		return `{"status":"ok"}`
	}
	i.serveChanging(health, func() int { return int(n.Load()) })
	out, result, err := i.setup(Settings{Env: i.env, Wait: 60 * time.Second})
	require.NoError(t, err)
	assert.Empty(t, result.Conditions)
	assert.Contains(t, out, "The agent reports no fault.")
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

// The folder of the copy belongs to the agent's user, who may be hostile after an attack.
func TestDeliverKey_IsSafeInAFolderOfAHostileUser(t *testing.T) {
	i := newInstall(t, http.StatusOK)
	u, err := user.Lookup(daemonUser)
	require.NoError(t, err)
	uid, _ := strconv.Atoi(u.Uid)
	runtime := filepath.Join(i.root, defaultRuntime)
	victim := filepath.Join(i.root, "victim")
	i.write("/victim", "precious", 0o600)
	i.write(defaultKeyFile, i.key+"\n", 0o600)
	for name, attack := range map[string]func(){
		"nothing":          func() {},
		"link for the key": func() { require.NoError(t, os.Symlink(victim, filepath.Join(runtime, keyName))) },
		"link for the new": func() { require.NoError(t, os.Symlink(victim, filepath.Join(runtime, "."+keyName+".new"))) },
		"hard link":        func() { require.NoError(t, os.Link(victim, filepath.Join(runtime, keyName))) },
	} {
		require.NoError(t, os.RemoveAll(runtime))
		require.NoError(t, os.Mkdir(runtime, 0o700))
		require.NoError(t, os.Chown(runtime, uid, -1))
		attack()
		_, err := DeliverKey(Delivery{Root: i.root})
		require.NoError(t, err, name)
		assert.Equal(t, i.key+"\n", i.read(defaultRuntime+"/"+keyName), name)
		assert.Equal(t, os.FileMode(0o600), i.mode(defaultRuntime+"/"+keyName), name)
		assert.Equal(t, "precious", i.read("/victim"), name)
		agent, err := asuser.Lookup(daemonUser)
		require.NoError(t, err)
		require.NoError(t, agent.Check(filepath.Join(runtime, keyName), asuser.Read), name)
		require.Error(t, agent.Check(victim, asuser.Read), name)
	}
	for name, attack := range map[string]func(){
		"folder of another": func() { require.NoError(t, os.Mkdir(runtime, 0o700)) },
		"link of the user": func() {
			require.NoError(t, os.Symlink("/etc", runtime))
			require.NoError(t, os.Lchown(runtime, uid, -1))
		},
	} {
		require.NoError(t, os.RemoveAll(runtime))
		attack()
		_, err := DeliverKey(Delivery{Root: i.root})
		require.Error(t, err, name)
	}
	i.write(defaultKeyFile, "not a key "+i.key, 0o600)
	_, err = DeliverKey(Delivery{Root: i.root})
	require.ErrorIs(t, err, errNoKey)
	assert.NotContains(t, err.Error(), i.key)
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

// withoutACLs is set in the process of a test that has mounted a file system without access control lists.
const withoutACLs = "AGENTSETUP_WITHOUT_ACLS"

func TestGrantGroup_OnAFileSystemWithoutACLs(t *testing.T) {
	folder := os.Getenv(withoutACLs)
	if folder == "" {
		if os.Geteuid() != 0 {
			t.Skip("only root can mount")
		}
		dir, err := os.MkdirTemp("/tmp", "ramfs") //nolint:usetesting // the folders above that of the test are closed
		require.NoError(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		require.NoError(t, os.Chmod(dir, 0o755))
		cmd := exec.Command("unshare", "--mount", "sh", "-ec", `mount -t ramfs -o mode=755 ramfs "$1"; exec "$2" -test.run "^TestGrantGroup_OnAFileSystemWithoutACLs$" -test.v`, "sh", dir, os.Args[0])
		cmd.Env = append(os.Environ(), withoutACLs+"="+dir)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		assert.Contains(t, string(out), "--- PASS")
		return
	}
	// A user whose group has no other member: such a user exists on each system.
	private, group := "daemon", 1
	home := filepath.Join(folder, "home", ".pm2")
	require.NoError(t, os.MkdirAll(filepath.Join(home, "logs"), 0o700))
	log := filepath.Join(home, "logs", "web-out.log")
	require.NoError(t, os.WriteFile(log, nil, 0o600))
	for _, path := range []string{filepath.Join(folder, "home"), home, filepath.Join(home, "logs"), log} {
		require.NoError(t, os.Chown(path, group, group))
	}
	tr := &tree{t: t, root: folder, home: home}
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "etc"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "etc/group"), []byte("daemon:x:1:\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "etc/passwd"), []byte("daemon:x:1:1::/:/bin/sh\n"), 0o644))
	homes, _ := pm2home.Find(pm2home.Search{Root: folder, More: []string{home}})
	require.Len(t, homes, 1)
	require.Equal(t, private, homes[0].User)

	rec := &record{}
	a := tr.access(rec, true)
	a.root = folder
	err := a.grantHome(&homes[0])
	require.ErrorContains(t, err, "the file system has no access control lists")
	require.NoError(t, a.grantGroup(&homes[0]))
	planned := tr.lines
	assert.Equal(t, []string{
		"usermod -aG daemon 4244", "chmod g+x " + folder + "/home", "chmod g+rx " + home, "chmod g+rx " + home + "/logs", "chmod g+r " + log,
	}, planned)

	a = tr.access(rec, false)
	a.root = folder
	a.user.Groups = []uint32{uint32(group)} // as after usermod, which the test does not run on this machine
	require.NoError(t, a.grantGroup(&homes[0]))
	assert.Equal(t, planned[1:], tr.lines)
	require.NoError(t, a.user.Check(log, asuser.Read))
	require.Error(t, numbered(other).Check(log, asuser.Read))

	a.dirs = nil
	require.NoError(t, tr.access(rec, false).removeAll())
	require.Error(t, a.user.Check(log, asuser.Read))

	// Permissions are added to a mode that has more bits.
	require.NoError(t, os.Chmod(filepath.Join(home, "logs"), os.ModeSetgid|0o700))
	require.NoError(t, a.grantGroup(&homes[0]))
	info, err := os.Stat(filepath.Join(home, "logs"))
	require.NoError(t, err)
	assert.Equal(t, os.ModeDir|os.ModeSetgid|0o750, info.Mode())

	// A group with privileges, whose only member the user is.
	require.NoError(t, os.WriteFile(filepath.Join(folder, "etc/passwd"), []byte("daemon:x:1:7::/:/bin/sh\n"), 0o644))
	a = tr.access(rec, false)
	a.root = folder
	require.ErrorContains(t, a.grantGroup(&homes[0]), "is not the primary group of daemon")
	assert.Empty(t, tr.lines)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "etc/passwd"), []byte("daemon:x:1:1::/:/bin/sh\n"), 0o644))

	// Another member of the group would get access too.
	require.NoError(t, os.WriteFile(filepath.Join(folder, "etc/group"), []byte("daemon:x:1:other\n"), 0o644))
	a = tr.access(rec, false)
	a.root = folder
	require.ErrorContains(t, a.grantGroup(&homes[0]), "is not private to daemon (other)")
	assert.Empty(t, tr.lines)
}
