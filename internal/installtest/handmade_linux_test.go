// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package installtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unitByHand is the agent's unit of releases without packages.
const unitByHand = `[Service]
EnvironmentFile=/etc/otelcol-tenant/agent.env
ExecStart=/usr/bin/otelcol-tenant --config /etc/otelcol-tenant/config.yaml
User=otelcol-tenant
StateDirectory=otelcol-tenant
Restart=always
[Install]
WantedBy=multi-user.target
`

// An agent that was installed by hand, as the README of releases without packages describes,
// keeps running over the installation and the removal of the packages.
func TestPackages_KeepAnAgentInstalledByHand(t *testing.T) {
	h := newHost(t)
	for _, binary := range []string{"otelcol-tenant", "tenantctl"} {
		path, err := filepath.Abs(filepath.Join(root, "_build", binary))
		require.NoError(t, err)
		if _, err := os.Stat(path); err != nil {
			missing(t, "_build/"+binary+" (run make build)")
		}
		h.Run("install", "-m", "0755", h.Share(path), "/usr/bin/")
	}
	config := "receivers: {otlp: {protocols: {http: {endpoint: 127.0.0.1:4318}}}}\nexporters: {nop: }\nservice: {pipelines: {logs: {receivers: [otlp], exporters: [nop]}}}\n"
	byHand := map[string]string{
		"/etc/otelcol-tenant/config.yaml":                    config,
		"/etc/systemd/system/otelcol-tenant-agent.service":   unitByHand,
		"/etc/otelcol-tenant/agent.env":                      "BUSINESS_ID=acme\n",
		"/var/lib/otelcol-tenant/receiver_pm2_checkpoint":    "state",
		"/etc/otelcol-tenant/tenants.yaml":                   "tenants: []\n# of this operator\n",
		"/etc/systemd/system/other-gateway.service.d/x.conf": "[Service]\n",
	}
	for path, content := range byHand {
		h.Write(path, content, 0o600)
	}
	h.Run("useradd", "--system", "otelcol-tenant")
	h.Shell("chown otelcol-tenant /etc/otelcol-tenant/config.yaml; chown -R otelcol-tenant /var/lib/otelcol-tenant; systemctl enable otelcol-tenant-agent")
	h.Boot()
	h.until("running", func() bool {
		code, _ := h.Network("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Content-Type: application/json", "-d", "{}", "http://127.0.0.1:4318/v1/logs")
		return code == "200"
	})
	pid := h.Run("systemctl", "show", "-p", "MainPID", "--value", agent)

	out := h.Run(append([]string{"dpkg", "--install"}, debs(t, h.Machine, base, agent)...)...)
	assert.Contains(t, out, "/etc/systemd/system/otelcol-tenant-agent.service replaces the unit of the package")
	assert.Equal(t, "active\n", h.Run("systemctl", "is-active", agent))
	assert.Equal(t, pid, h.Run("systemctl", "show", "-p", "MainPID", "--value", agent))
	for path, content := range byHand {
		assert.Equal(t, content, h.Run("cat", path), path)
	}
	h.Run("systemctl", "restart", agent)
	assert.Contains(t, h.Shell("tr '\\0' ' ' </proc/$(systemctl show -p MainPID --value otelcol-tenant-agent)/cmdline"), "config.yaml")

	// The gateway's package uses a registry that exists, and lets its service read it.
	h.Run("systemctl", "stop", agent)
	h.Run(append([]string{"dpkg", "--install"}, debs(t, h.Machine, gateway)...)...)
	assert.Equal(t, byHand["/etc/otelcol-tenant/tenants.yaml"], h.Run("cat", "/etc/otelcol-tenant/tenants.yaml"))
	assert.Equal(t, "600 root root", strings.TrimSpace(h.Run("stat", "-c", "%a %U %G", "/etc/otelcol-tenant/tenants.yaml")), "permissions are the operator's")
}
