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
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
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
	requireRoot(t)
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
