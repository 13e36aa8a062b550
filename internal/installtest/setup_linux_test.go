// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package installtest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/installtest/debianroot"
)

// vm is a clean Debian machine with a real PM2, and with a gateway that represents another machine. The gateway's
// files are in /gw.
type vm struct {
	*debianroot.Machine
	t *testing.T
}

const (
	gatewayAddress = "127.0.0.1:14318"
	node           = "env LD_LIBRARY_PATH=/share/lib PM2_DISABLE_VERSION_CHECK=true PM2_DISCRETE_MODE=true PM2_NO_INTERACTION=true /share/node /share/node_modules/pm2/bin/pm2 "
	registry       = "TENANTCTL_REGISTRY=/gw/tenants.yaml"
)

func newVM(t *testing.T) vm {
	t.Helper()
	program := command(t, "node", "nodejs")
	modules, err := filepath.EvalSymlinks(filepath.Join(root, "internal/e2e/testdata/node/node_modules"))
	if err != nil {
		missing(t, "PM2 (npm ci in internal/e2e/testdata/node)")
	}
	v := vm{debianroot.New(t, debianroot.Settings{}), t}
	v.Share(program)
	libraries := filepath.Join(v.SharedFolder(), "lib")
	require.NoError(t, os.Mkdir(libraries, 0o755))
	for _, m := range regexp.MustCompile(`=> (/\S+)`).FindAllStringSubmatch(output(t, "ldd", program), -1) {
		output(t, "cp", "--dereference", m[1], libraries)
	}
	// Links are much faster, and possible on one file system.
	if err := exec.Command("cp", "--recursive", "--link", modules, v.SharedFolder()).Run(); err != nil {
		output(t, "cp", "--recursive", "--no-preserve=ownership", modules, v.SharedFolder())
	}
	v.Boot()
	return v
}

// gateway starts a gateway with two tenants, and returns the environment of an agent of the tenant acme.
func (v vm) gateway() string {
	v.t.Helper()
	v.binary("otelcol-tenant")
	v.binary("tenantctl")
	config, err := filepath.Abs(filepath.Join(root, "distributions/gateway/config.yaml"))
	require.NoError(v.t, err)
	v.Shell("mkdir /gw; cp /share/otelcol-tenant /share/tenantctl /gw; rm /share/otelcol-tenant; " + registry + " /gw/tenantctl tenant create acme; " + registry + " /gw/tenantctl tenant create other")
	cmd := v.Command("env", "TENANTS_FILE=/gw/tenants.yaml", "DATA_DIR=/gw/data", "STATE_DIR=/gw/state", "OTLP_HTTP_ENDPOINT="+gatewayAddress,
		"OTLP_GRPC_ENDPOINT=127.0.0.1:14317", "HEALTH_ENDPOINT=127.0.0.1:23133", "METRICS_PORT=18888", "/gw/otelcol-tenant", "--config", v.Share(config))
	log, err := os.Create(filepath.Join(v.t.TempDir(), "gateway.log"))
	require.NoError(v.t, err)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(v.t, cmd.Start())
	v.t.Cleanup(func() {
		v.Halt() // ends the gateway
		_ = cmd.Wait()
		if v.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			v.t.Logf("gateway:\n%s", text[max(0, len(text)-3000):])
		}
		_ = log.Close()
	})
	v.until("the gateway answers", func() bool {
		code, _ := v.Network("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:23133/health")
		return code == "200"
	})
	return v.Shell(registry + " /gw/tenantctl onboard acme --endpoint http://" + gatewayAddress + " --new-key --description vm -o env 2>/dev/null")
}

// binary shares a binary of make build.
func (v vm) binary(name string) {
	v.t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "_build", name))
	require.NoError(v.t, err)
	if _, err := os.Stat(path); err != nil {
		missing(v.t, "_build/"+name+" (make build)")
	}
	v.Share(path)
}

// until waits for a condition.
func (v vm) until(what string, condition func() bool) {
	v.t.Helper()
	for end := time.Now().Add(time.Minute); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			log, _ := v.Try("journalctl", "--no-pager", "-n", "30", "-o", "cat", "-u", agent)
			doctor, _ := v.Try("tenantctl", "doctor")
			v.t.Fatalf("not after a minute: %s\n%s\n%s", what, log, doctor)
		}
	}
}

// application starts a PM2 with an application that writes numbered lines, as a user of its own.
func (v vm) application(user, app string) {
	v.t.Helper()
	v.unsaved(user, app)
	v.save(user)
}

// save saves the list of applications of a user.
func (v vm) save(user string) {
	v.t.Helper()
	v.Shell(fmt.Sprintf("runuser -u %[1]s -- env HOME=/home/%[1]s %[2]s save", user, node))
}

// unsaved is application without a saved list of applications.
func (v vm) unsaved(user, app string) {
	v.t.Helper()
	v.Shell(fmt.Sprintf(`
if ! id %[1]s >/dev/null 2>&1; then
	useradd --create-home --shell /bin/sh %[1]s
	chmod 700 /home/%[1]s
fi
cat >/home/%[1]s/%[2]s.js <<'END'
let n = 0
setInterval(() => console.log('%[1]s %[2]s line ' + n++), 200)
END
chown %[1]s: /home/%[1]s/%[2]s.js
runuser -u %[1]s -- env HOME=/home/%[1]s %[3]s start /home/%[1]s/%[2]s.js --name %[2]s`, user, app, node))
}

// arrived counts the lines in the data of a tenant at the gateway that contain text.
func (v vm) arrived(tenant, text string) int {
	v.t.Helper()
	out := v.Shell(fmt.Sprintf(`grep -rhoF -e '%s' /gw/data/tenant=%s/signal=logs 2>/dev/null | wc -l`, text, tenant))
	var n int
	_, err := fmt.Sscan(out, &n)
	require.NoError(v.t, err, out)
	return n
}

// grows requires that further lines with text arrive.
func (v vm) grows(text string) {
	v.t.Helper()
	before := v.arrived("acme", text)
	v.until("further lines of "+text, func() bool { return v.arrived("acme", text) > before })
}

// health returns the status and the text of the agent's /health.
func (v vm) health() (code, text string) {
	v.t.Helper()
	out, err := v.Network("curl", "-s", "-w", "\n%{http_code}", "http://127.0.0.1:13133/health")
	require.NoError(v.t, err)
	at := strings.LastIndex(out, "\n")
	return out[at+1:], out[:at]
}

func (v vm) pid() string {
	v.t.Helper()
	return strings.TrimSpace(v.Run("systemctl", "show", "-p", "MainPID", "--value", agent))
}

// finding is a finding of the doctor.
type finding struct{ ID, Severity, Subject, Message, Fix string }

// doctor returns the findings that are not ok.
func (v vm) doctor() (faults []finding) {
	v.t.Helper()
	cmd := v.Command("tenantctl", "doctor", "--timeout", "60s", "-o", "json") // the machine may be busy
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(v.t, err, &exit)
		require.Equal(v.t, 1, exit.ExitCode(), "%s", exit.Stderr)
	}
	var all []finding
	require.NoError(v.t, json.Unmarshal(out, &all), "%s", out)
	require.Greater(v.t, len(all), 10)
	for _, f := range all {
		if f.Severity != "ok" {
			faults = append(faults, f)
		}
	}
	return faults
}

// Two commands on a clean machine bring the logs of the PM2 of other users to the gateway.
func TestSetup_FromCleanMachineToFirstLine(t *testing.T) {
	v := newVM(t)
	env := v.gateway()
	v.Write("/root/agent.env", env, 0o600)
	v.application("shop", "web")
	v.unsaved("api", "worker") // nobody has run pm2 save
	// A hostile user, whose folder leads to files of root.
	v.Shell(`
useradd --create-home mallory
mkdir -p /home/mallory/.pm2/logs
ln -s /etc/shadow /home/mallory/.pm2/logs/link.log
ln /etc/shadow /home/mallory/.pm2/logs/hard.log
ln -s /root /home/mallory/.pm2/pm2.log
chown -h mallory: /home/mallory/.pm2 /home/mallory/.pm2/logs /home/mallory/.pm2/logs/link.log /home/mallory/.pm2/pm2.log
useradd --create-home eve
ln -s /root /home/eve/.pm2
chown -h eve: /home/eve/.pm2`)
	shadow := v.Shell("getfacl -n /etc/shadow /root 2>/dev/null")
	packages := debs(t, v.Machine, base, agent)

	begin := time.Now()
	commands := [][]string{
		append([]string{"dpkg", "--install"}, packages...),
		{"tenantctl", "setup", "--env", "/root/agent.env"},
	}
	for _, c := range commands {
		out, err := v.Try(c...)
		t.Logf("%q:\n%s", c[0], out)
		require.NoError(t, err)
	}
	v.until("lines of both users have arrived", func() bool {
		return v.arrived("acme", "shop web line ") > 0 && v.arrived("acme", "api worker line ") > 0
	})
	took := time.Since(begin)
	t.Logf("%d commands, %.1f s", len(commands), took.Seconds())
	assert.Less(t, took, 2*time.Minute)

	// The service never failed, runs as its own user, and is healthy.
	assert.Equal(t, "0\n", v.Run("systemctl", "show", "-p", "NRestarts", "--value", agent))
	assert.Equal(t, agent+"\n", v.Run("stat", "-c", "%U", "/proc/"+v.pid()))
	assert.Equal(t, "enabled\n", v.Run("systemctl", "is-enabled", agent))
	// A list that nobody has saved is no fault, for /health as for setup. Each names it once, with what to do.
	code, health := v.health()
	assert.Equal(t, "200", code, health)
	assert.Contains(t, health, "pm2_unreachable")
	assert.Contains(t, health, "Run `pm2 save`")
	faults := v.doctor()
	require.Len(t, faults, 1, "%+v", faults)
	assert.Equal(t, "pm2.socket warning", faults[0].ID+" "+faults[0].Severity)
	assert.Contains(t, faults[0].Fix, "Run `pm2 save` as api")
	v.save("api") // the agent sees it a moment later, see below
	_, err := v.Try("test", "-e", "/gw/data/tenant=other")
	require.Error(t, err, "no other tenant has data")

	// Only root may read the key, which is in no environment.
	assert.Equal(t, "600 root\n600 root\n", v.Run("stat", "-c", "%a %U", "/etc/otelcol-tenant/agent.key", "/etc/otelcol-tenant/agent.env"))
	_, err = v.Try("grep", "-q", "obs_", "/etc/otelcol-tenant/agent.env", "/proc/"+v.pid()+"/environ", "/proc/"+v.pid()+"/cmdline")
	require.Error(t, err)

	// Files of root behind hostile names have got no access, nor have other users.
	assert.Equal(t, shadow, v.Shell("getfacl -n /etc/shadow /root 2>/dev/null"))
	for _, path := range []string{"/home/shop/.pm2/logs/web-out.log", "/home/shop/.pm2/dump.pm2"} {
		_, err = v.Try("runuser", "-u", "api", "--", "cat", path)
		require.Error(t, err, path)
		v.Run("runuser", "-u", agent, "--", "cat", path)
	}

	// Files that PM2 creates later are read.
	v.application("shop", "later")
	v.until("lines of a new application", func() bool { return v.arrived("acme", "shop later line ") > 0 })

	// A further call changes nothing and restarts nothing.
	pid := v.pid()
	out := v.Run("tenantctl", "setup")
	assert.Contains(t, out, "(nothing to change)")
	assert.NotContains(t, out, "Wrote")
	assert.Equal(t, pid, v.pid())

	v.until("the agent has the saved list", func() bool { _, health := v.health(); return !strings.Contains(health, "conditions") })
	assert.Empty(t, v.doctor())

	t.Run("rotation of the key without a restart", v.rotation)
	t.Run("removal of access", v.removal)
}

func (v vm) rotation(t *testing.T) {
	v.t = t
	pid := v.pid()
	for _, install := range []string{
		"tenantctl setup --key-file /root/new.key",
		"install -m 600 /root/new.key /etc/otelcol-tenant/agent.key && systemctl reload " + agent,
	} {
		keys := v.Shell(registry + " /gw/tenantctl key list acme -o json")
		v.Shell("umask 077; " + registry + " /gw/tenantctl key create acme --description new >/root/new.key 2>/dev/null")
		out, err := v.Try("sh", "-ec", install)
		if err != nil {
			log, _ := v.Try("journalctl", "--no-pager", "-n", "30", "-o", "cat", "-u", agent)
			require.NoError(t, err, "%s\n%s", out, log)
		}
		t.Logf("%s:\n%s", install, out)
		var old []struct {
			ID    string `json:"id"`
			State string `json:"state"`
		}
		require.NoError(t, json.Unmarshal([]byte(keys), &old), keys)
		revoked := 0
		for _, k := range old {
			if k.State == "active" {
				v.Shell(registry + " /gw/tenantctl key revoke " + k.ID)
				revoked++
			}
		}
		require.Equal(t, 1, revoked, keys)
		v.grows("shop web line ")
		assert.Equal(t, pid, v.pid(), "the agent was not restarted")
	}
	assert.Empty(t, v.doctor())

	// A key that the gateway rejects is not installed.
	v.Shell("umask 077; " + registry + " /gw/tenantctl key create acme --description unused >/root/revoked.key 2>/root/created")
	v.Shell(registry + ` /gw/tenantctl key revoke "$(cut -d_ -f2 /root/revoked.key)"`)
	before := v.Run("cat", "/etc/otelcol-tenant/agent.key")
	v.until("the gateway knows that the key is revoked", func() bool { return strings.Contains(v.answer("/root/revoked.key"), "revoked") })
	out, err := v.Try("tenantctl", "setup", "--key-file", "/root/revoked.key")
	require.Error(t, err, out)
	assert.Contains(t, out, "The key is revoked, which cannot be undone. Install a new key")
	assert.Contains(t, out, "nothing was changed")
	assert.Equal(t, before, v.Run("cat", "/etc/otelcol-tenant/agent.key"))
}

// answer returns what the gateway answers to a request without data with the key in a file of the machine.
func (v vm) answer(file string) string {
	v.t.Helper()
	key := strings.TrimSpace(v.Run("cat", file))
	out, err := v.Network("curl", "-sS", "-H", "Authorization: Bearer "+key, "-H", "Content-Type: application/json", "-d", "{}", "http://"+gatewayAddress+"/v1/logs")
	require.NoError(v.t, err)
	return out
}

func (v vm) removal(t *testing.T) {
	v.t = t
	out := v.Run("tenantctl", "setup", "--remove-access")
	t.Log(out)
	assert.Equal(t, "700 shop\n", v.Run("stat", "-c", "%a %U", "/home/shop"))
	left := v.Shell("getfacl -R -s -p /home /root 2>/dev/null | grep -e otelcol -e default || true")
	assert.Empty(t, left)
	_, err := v.Try("runuser", "-u", agent, "--", "cat", "/home/shop/.pm2/logs/web-out.log")
	require.Error(t, err)
	names := map[string]bool{}
	for _, f := range v.doctor() {
		names[f.ID] = true
	}
	assert.True(t, names["logs.readable"], "the doctor names what is not readable: %v", names)
}

// On a machine without PM2 and with a gateway that does not answer, setup ends with what is missing, and the
// agent is not healthy. With input that cannot be used it changes nothing.
func TestSetup_SaysWhatIsMissing(t *testing.T) {
	command(t, "curl", "curl")
	m := debianroot.New(t, debianroot.Settings{})
	m.Boot()
	m.Run(append([]string{"dpkg", "--install"}, debs(t, m, base, agent)...)...)
	assert.Equal(t, "0\n", m.Run("systemctl", "show", "-p", "NRestarts", "--value", agent))
	exit := func(args ...string) (string, int) {
		out, err := m.Try(args...)
		var e *exec.ExitError
		if err != nil {
			require.ErrorAs(t, err, &e)
			return out, e.ExitCode()
		}
		return out, 0
	}
	key, _ := apikey.New()
	m.Write("/root/wrong.env", "BUSINESS_ID=acme\nTENANT_KEY="+key[:30]+"\nGATEWAY_ENDPOINT=https://gateway.example:4318\n", 0o600)
	out, code := exit("tenantctl", "setup", "--env", "/root/wrong.env")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "TENANT_KEY has 30 characters")
	_, code = exit("test", "-e", "/etc/otelcol-tenant/agent.env")
	assert.Equal(t, 1, code, "nothing was written")
	out, code = exit("tenantctl", "doctor")
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "tenantctl setup --env agent.env")

	m.Write("/root/agent.env", "BUSINESS_ID=acme\nTENANT_KEY="+key+"\nGATEWAY_ENDPOINT=http://127.0.0.1:9\nPM2_HOM=/x\n", 0o600)
	out, code = exit("tenantctl", "setup", "--env", "/root/agent.env", "--wait", "20s")
	t.Log(out)
	assert.Equal(t, 1, code)
	for _, want := range []string{
		"Nothing uses the variable PM2_HOM. Is PM2_HOME meant?", "The connection is refused", "No home of PM2 was found",
		"gateway_unreachable: ", "pm2_not_found: ", "no record was accepted within 20s; the agent reports ",
	} {
		assert.Contains(t, out, want)
	}
	status, err := m.Network("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:13133/health")
	require.NoError(t, err)
	assert.Equal(t, "503", status, "the agent is not healthy")

	// An agent that does not start: the last line of its log is shown.
	m.Run("systemctl", "stop", agent)
	m.Shell("sed -i 's/check_interval: 1s/check_interval: never/' /etc/otelcol-tenant/agent.yaml")
	out, code = exit("tenantctl", "setup")
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "the configuration is not valid")
	assert.Contains(t, out, "check_interval")
	out, _ = exit("tenantctl", "doctor")
	assert.Contains(t, out, "check_interval")
}
