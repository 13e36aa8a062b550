// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package installtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The scripts of the RPM package get numbers from rpm, which Debian lacks: how many versions
// are installed afterwards. The test calls them in rpm's order on a machine with systemd, with
// the files of Debian's package.
func TestGateway_ScriptsForRPM(t *testing.T) {
	rpm := command(t, "rpm", "rpm")
	h := newHost(t)
	for _, name := range []string{base, gateway} {
		h.Shell("dpkg-deb --fsys-tarfile '" + h.Share(packageFile(t, name, "deb")) + "' | tar --extract --keep-directory-symlink --directory=/")
	}
	all := output(t, rpm, "-qp", "--scripts", packageFile(t, gateway, "rpm"))
	script := func(name string) string {
		_, text, ok := strings.Cut(all, name+" scriptlet (using /bin/sh):\n")
		require.True(t, ok, name)
		for _, next := range []string{"preinstall", "postinstall", "preuninstall", "postuninstall"} {
			text, _, _ = strings.Cut(text, next+" scriptlet (using /bin/sh):\n")
		}
		return text
	}
	call := func(name, installed string) string {
		return h.Run("sh", "-c", script(name), name, installed)
	}
	h.Boot()

	call("preinstall", "1")
	assert.Contains(t, h.Run("getent", "passwd", gateway), ":/sbin/nologin\n")
	h.Run("chgrp", gateway, "/etc/otelcol-tenant/gateway.yaml", "/etc/otelcol-tenant/secrets") // rpm does it by the names in the package
	call("postinstall", "1")
	assert.Equal(t, "640 root otelcol-tenant-gateway\n", h.Run("stat", "-c", "%a %U %G", "/etc/otelcol-tenant/tenants.yaml"))
	assert.Equal(t, "inactive", h.property("ActiveState"), "rpm starts nothing by itself")
	h.Run("systemctl", "enable", "--now", unit)
	h.healthy()
	first := h.property("MainPID")

	// An upgrade installs the new version before it removes the old one.
	h.Shell("cp -p /etc/otelcol-tenant/gateway.yaml /root/; echo 'nonsense: true' >>/etc/otelcol-tenant/gateway.yaml")
	call("preinstall", "2")
	assert.Contains(t, call("postinstall", "2"), "the configuration is not valid for the new version")
	assert.Equal(t, first, h.property("MainPID"))
	h.Run("cp", "-p", "/root/gateway.yaml", "/etc/otelcol-tenant/gateway.yaml")
	call("postinstall", "2")
	call("preuninstall", "1")
	call("postuninstall", "1")
	h.until("restarted", func() bool { pid := h.property("MainPID"); return pid != first && pid != "0" })
	h.healthy()
	assert.Equal(t, "enabled\n", h.Run("systemctl", "is-enabled", unit))

	call("preuninstall", "0")
	call("postuninstall", "0")
	_, err := h.Try("systemctl", "is-active", unit)
	require.Error(t, err)
	_, err = h.Try("systemctl", "is-enabled", unit)
	require.Error(t, err)
	h.Run("test", "-s", "/etc/otelcol-tenant/tenants.yaml")
	h.Run("test", "-d", "/var/lib/otelcol-tenant-gateway/state")
}
