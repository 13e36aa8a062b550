// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package installtest

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/installtest/debianroot"
)

const unit = "otelcol-tenant-gateway"

// host is a Debian machine with the gateway's package.
type host struct {
	*debianroot.Machine
	t *testing.T
}

// everything lists all files of a machine that a package may leave behind, and its users.
func (h host) everything() []string {
	h.t.Helper()
	return strings.Split(h.Shell(`
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /share -o -path /var/log -o -path /var/tmp \
	-o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/systemd -o -path /root \) -prune -o -print
ls -d /run/otelcol* /tmp/systemd-private-*otelcol* /var/tmp/systemd-private-*otelcol* 2>/dev/null || true
find /var/lib/systemd -name '*otelcol*'
cut -d: -f1,3 /etc/passwd /etc/group
find / -xdev -name '*otelcol*' \( -path '/share/*' -o -path '/proc/*' -o -path '/sys/*' -o -path '/run/*' -o -path '/var/log/*' \) -prune \
	-o -name '*otelcol*' -print | sort`), "\n")
}

// until waits for a condition.
func (h host) until(what string, condition func() bool) {
	h.t.Helper()
	for end := time.Now().Add(time.Minute); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			state, _ := h.Try("systemctl", "status", "--no-pager", "--full", unit, agent)
			log, _ := h.Try("journalctl", "--no-pager", "-n", "40", "--output", "cat")
			h.t.Fatalf("not %s:\n%s\n%s", what, state, log)
		}
	}
}

// healthy waits until the gateway answers 200.
func (h host) healthy() {
	h.t.Helper()
	h.until("healthy", func() bool {
		code, _ := h.Network("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:13133/health")
		return code == "200"
	})
}

// property returns a property of the gateway's unit.
func (h host) property(name string) string {
	h.t.Helper()
	return h.propertyOf(unit, name)
}

// propertyOf returns a property of a unit.
func (h host) propertyOf(unit, name string) string {
	h.t.Helper()
	return strings.TrimSpace(h.Run("systemctl", "show", "-p", name, "--value", unit))
}

// send sends a log record and returns the status of the answer.
func (h host) send(key string) string {
	h.t.Helper()
	code, err := h.Network("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Authorization: Bearer "+key, "-H", "Content-Type: application/json",
		"-d", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"hello"}}]}]}]}`, "http://127.0.0.1:4318/v1/logs")
	require.NoError(h.t, err)
	return code
}

var keyForm = regexp.MustCompile(`obs_k[0-9A-Za-z_]+`)

// newHost returns a clean machine.
func newHost(t *testing.T) host {
	t.Helper()
	command(t, "curl", "curl")
	return host{debianroot.New(t, debianroot.Settings{}), t}
}

func TestGateway_FromInstallToPurge(t *testing.T) {
	old := []string{repacked(t, base, "0.1.0-1", nil), repacked(t, gateway, "0.1.0-1", nil)}
	h := newHost(t)
	h.Boot()
	before := h.everything()

	// Install: the gateway runs, as its user, within its bounds.
	installed := []string{h.Share(old[0]), h.Share(old[1])}
	h.Run(append([]string{"dpkg", "--install"}, installed...)...)
	h.healthy()
	first := h.property("MainPID")
	assert.Equal(t, "enabled\n", h.Run("systemctl", "is-enabled", unit))
	assert.Equal(t, "otelcol-tenant-gateway\n", h.Run("stat", "-c", "%U", "/proc/"+first))
	assert.NotEqual(t, "infinity", h.property("MemoryMax"))
	assert.Equal(t, "2048", h.property("TasksMax"))
	status := h.Run("cat", "/proc/"+first+"/status")
	for _, line := range []string{"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		assert.Contains(t, status, line+"\n")
	}
	assert.Equal(t, "0", h.Shell(`grep -z "^OTEL_GO_X_CARDINALITY_LIMIT=" /proc/`+first+`/environ | cut -d= -f2 | tr -d "\000\n"`))
	assert.NotRegexp(t, `operation not permitted|permission denied|read-only file system`, h.Run("journalctl", "--no-pager", "-u", unit))

	// tenantctl as root: the gateway reads the registry, its user cannot write it.
	h.Run("tenantctl", "--registry", "/etc/otelcol-tenant/tenants.yaml", "tenant", "create", "acme", "--name", "Acme Ltd")
	key := keyForm.FindString(h.Run("tenantctl", "--registry", "/etc/otelcol-tenant/tenants.yaml", "key", "create", "acme"))
	require.NotEmpty(t, key)
	assert.Equal(t, "640 root otelcol-tenant-gateway\n", h.Run("stat", "-c", "%a %U %G", "/etc/otelcol-tenant/tenants.yaml"))
	h.until("accepted", func() bool { return h.send(key) == "200" })
	assert.Equal(t, "401", h.send("obs_k_wrong"))
	h.until("archived", func() bool {
		out, err := h.Try("sh", "-c", "cat /var/lib/otelcol-tenant-gateway/data/tenant=acme/signal=logs/*/*/*.jsonl")
		return err == nil && strings.Contains(out, "hello")
	})
	assert.Equal(t, "750 otelcol-tenant-gateway\n", h.Run("stat", "-c", "%a %U", "/var/lib/otelcol-tenant-gateway"))
	_, err := h.Try("setpriv", "--reuid", "daemon", "--regid", "daemon", "--clear-groups", "ls", "/var/lib/otelcol-tenant-gateway")
	require.Error(t, err, "other users cannot read the archive")

	// An invalid configuration is not loaded.
	h.Run("cp", "-p", "/etc/otelcol-tenant/gateway.yaml", "/root/valid.yaml")
	h.Shell("echo 'nonsense: true' >>/etc/otelcol-tenant/gateway.yaml")
	_, err = h.Try("systemctl", "reload", unit)
	require.Error(t, err)
	assert.Equal(t, first, h.property("MainPID"))

	// An upgrade keeps the running gateway as long as the configuration is not valid.
	current := debs(t, h.Machine, base, gateway)
	out := h.Run(append([]string{"dpkg", "--install", "--force-confold"}, current...)...)
	assert.Contains(t, out, "the configuration is not valid for the new version")
	assert.Contains(t, out, "nonsense", "the reason is shown")
	assert.Equal(t, first, h.property("MainPID"))
	assert.Equal(t, "200", h.send(key))

	// With a valid one, edited by the operator, the upgrade restarts it and keeps the file.
	h.Run("cp", "-p", "/root/valid.yaml", "/etc/otelcol-tenant/gateway.yaml")
	h.Shell("echo '# edited by the operator' >>/etc/otelcol-tenant/gateway.yaml")
	h.Run("systemctl", "reload", unit)
	h.healthy()
	changed := []string{
		h.Share(repacked(t, base, "9.0.0-1", nil)),
		h.Share(repacked(t, gateway, "9.0.0-1", map[string]string{"etc/otelcol-tenant/gateway.yaml": "receivers: {}\n"})),
	}
	h.Run(append([]string{"dpkg", "--install", "--force-confdef", "--force-confold"}, changed...)...)
	h.until("restarted", func() bool { pid := h.property("MainPID"); return pid != first && pid != "0" })
	h.healthy()
	assert.Contains(t, h.Run("cat", "/etc/otelcol-tenant/gateway.yaml"), "# edited by the operator\n")
	assert.Equal(t, "640 root otelcol-tenant-gateway\n", h.Run("stat", "-c", "%a %U %G", "/etc/otelcol-tenant/gateway.yaml"))
	h.until("accepted after the upgrade", func() bool { return h.send(key) == "200" })

	// A gateway that its operator stopped stays so over an upgrade.
	h.Run("systemctl", "stop", unit)
	h.Run(append([]string{"dpkg", "--install", "--force-confold"}, changed...)...)
	_, err = h.Try("systemctl", "is-active", unit)
	require.Error(t, err)

	// It starts with the machine.
	h.Halt()
	h.Boot()
	h.healthy()

	// Removed: it ends, and what it stored remains. Installed again: it runs.
	h.Run("dpkg", "--remove", gateway)
	_, err = h.Try("systemctl", "is-active", unit)
	require.Error(t, err)
	h.Run("test", "-s", "/etc/otelcol-tenant/tenants.yaml")
	h.Run("test", "-d", "/var/lib/otelcol-tenant-gateway/data/tenant=acme")
	h.Run("dpkg", "--install", changed[1])
	h.healthy()
	h.until("accepted after the installation", func() bool { return h.send(key) == "200" })

	// Purged: nothing is left.
	h.Run("dpkg", "--purge", gateway)
	h.Run("dpkg", "--purge", base)
	assert.ElementsMatch(t, before, h.everything())
	failed, _ := h.Try("systemctl", "--failed", "--plain", "--no-legend")
	assert.NotContains(t, failed, "otelcol")
}

// In a container, or while an image is built, there is no systemd.
func TestGateway_InstallsWithoutSystemd(t *testing.T) {
	h := newHost(t)
	before := h.everything()
	h.Run(append([]string{"dpkg", "--install"}, debs(t, h.Machine, base, gateway, agent)...)...)
	assert.Equal(t, "/lib/systemd/system/otelcol-tenant-gateway.service\n",
		h.Run("readlink", "/etc/systemd/system/multi-user.target.wants/otelcol-tenant-gateway.service"))
	as := func(user string, args ...string) (string, error) {
		return h.Try(append([]string{"setpriv", "--reuid", user, "--regid", user, "--clear-groups"}, args...)...)
	}
	out, err := as(gateway, "otelcol-tenant", "validate", "--config", "/etc/otelcol-tenant/gateway.yaml")
	require.NoError(t, err, out)
	out, err = as(gateway, "cat", "/etc/otelcol-tenant/tenants.yaml")
	require.NoError(t, err, out)
	_, err = as(gateway, "sh", "-c", ": >>/etc/otelcol-tenant/tenants.yaml")
	require.Error(t, err, "the gateway's user cannot change tenants")
	_, err = as(gateway, "cat", "/etc/otelcol-tenant/gateway.env")
	require.Error(t, err, "only root reads the secrets in the environment")
	_, err = as(agent, "cat", "/etc/otelcol-tenant/gateway.yaml")
	require.Error(t, err, "the agent's user cannot read the gateway's configuration")
	assert.Contains(t, h.Run("bash", "-c", ". /usr/share/bash-completion/completions/tenantctl && type __start_tenantctl"), "function")
	for _, name := range []string{"otelcol-tenant", "tenantctl"} {
		var sbom struct {
			Format     string           `json:"bomFormat"`
			Components []map[string]any `json:"components"`
		}
		require.NoError(t, json.Unmarshal([]byte(h.Run("cat", "/usr/share/doc/otelcol-tenant/sbom/"+name+".cdx.json")), &sbom))
		assert.Equal(t, "CycloneDX", sbom.Format)
		assert.Greater(t, len(sbom.Components), 20)
	}
	h.Run("dpkg", "--purge", agent, gateway, base)
	assert.ElementsMatch(t, before, h.everything())
}
