// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package installtest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAgent_FromInstallToPurge(t *testing.T) {
	old := []string{repacked(t, base, "0.1.0-1", nil), repacked(t, agent, "0.1.0-1", nil)}
	h := newHost(t)
	h.Boot()
	before := h.everything()
	h.Run("dpkg", "--install", h.Share(old[0]), h.Share(old[1]))
	assert.Equal(t, "inactive", h.propertyOf(agent, "ActiveState"), "without a key there is nothing to start")
	h.Run("systemctl", "start", agent)
	assert.Equal(t, "inactive", h.propertyOf(agent, "ActiveState"), "the condition of the unit")

	// A key of a gateway that cannot be reached.
	h.Run("tenantctl", "--registry", "/root/tenants.yaml", "tenant", "create", "acme")
	key := keyForm.FindString(h.Run("tenantctl", "--registry", "/root/tenants.yaml", "key", "create", "acme"))
	require.NotEmpty(t, key)
	h.Write("/etc/otelcol-tenant/agent.env", "BUSINESS_ID=acme\nTENANT_KEY="+key+"\nGATEWAY_ENDPOINT=http://127.0.0.1:14318\n", 0o600)
	h.Run("systemctl", "enable", "--now", agent)
	alive := func() bool {
		_, err := h.Try("tenantctl", "health", "--live")
		return err == nil
	}
	h.until("alive", alive)
	first := h.propertyOf(agent, "MainPID")
	assert.Equal(t, "otelcol-tenant-agent\n", h.Run("stat", "-c", "%U", "/proc/"+first))
	assert.Equal(t, "536870912", h.propertyOf(agent, "MemoryMax"))
	assert.NotRegexp(t, `operation not permitted|read-only file system`, h.Run("journalctl", "--no-pager", "-u", agent))

	// Upgrades: restarted if the configuration is valid, and not otherwise.
	current := debs(t, h.Machine, base, agent)
	h.Shell("cp -p /etc/otelcol-tenant/agent.yaml /root/; echo 'nonsense: true' >>/etc/otelcol-tenant/agent.yaml")
	out := h.Run(append([]string{"dpkg", "--install", "--force-confold"}, current...)...)
	assert.Contains(t, out, "the configuration is not valid for the new version")
	assert.Equal(t, first, h.propertyOf(agent, "MainPID"))
	h.Run("cp", "-p", "/root/agent.yaml", "/etc/otelcol-tenant/agent.yaml")
	h.Run("systemctl", "reload", agent)
	h.Run(append([]string{"dpkg", "--install", "--force-confold"}, current...)...)
	h.until("restarted", func() bool { pid := h.propertyOf(agent, "MainPID"); return pid != first && pid != "0" })
	h.until("alive again", alive)

	// Removed, installed again by an operator who wants it back, and purged.
	h.Run("dpkg", "--remove", agent)
	_, err := h.Try("systemctl", "is-active", agent)
	require.Error(t, err)
	h.Run("test", "-s", "/etc/otelcol-tenant/agent.env")
	h.Run("dpkg", "--purge", agent, base)
	assert.ElementsMatch(t, before, h.everything())
}
