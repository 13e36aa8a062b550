// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
)

func TestHostPort(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://localhost:4318": "localhost 4318", "https://gateway.example": "gateway.example 443", "http://10.0.0.1/v1": "10.0.0.1 80",
		"127.0.0.1:4317": "127.0.0.1 4317", "dns:///localhost:4317": "localhost 4317", "passthrough:///10.0.0.1:4317": "10.0.0.1 4317", "http://[::1]:4318/x": "::1 4318", "gateway": "", "127.0.0.1:x": "", "127.0.0.1:0": "", "": "",
	} {
		got := ""
		if host, port, ok := hostPort(endpoint); ok {
			got = fmt.Sprint(host, " ", port)
		}
		assert.Equal(t, want, got, endpoint)
	}
}

func TestLoopDetector_FindsThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems do not provide the ports that a process listens on")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // on loopback
	require.NoError(t, err)
	cfg := parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
destinations:
  gateway: {otlp_http: {endpoint: "http://localhost:%d"}}
  remote: {otlp_http: {endpoint: "https://192.0.2.1:%[1]d"}}
  each: {otlp_http: {endpoint: "http://{tenant}.localhost:%[1]d"}}
routes: {logs: [gateway], metrics: [gateway], traces: [gateway]}
`, l.Addr().(*net.TCPAddr).Port))
	s := newLoopDetector(cfg)
	assert.Len(t, s.candidates, 2)
	now := time.Now()
	got := s.findings(now)
	require.Len(t, got, 1)
	assert.Equal(t, condition.FeedbackLoop, got[0].Name)
	assert.Contains(t, got[0].Message, "localhost:")
	require.NoError(t, l.Close())
	assert.Len(t, s.findings(now.Add(9*time.Second)), 1, "it is looked for every 10 s")
	assert.Empty(t, s.findings(now.Add(10*time.Second)))
}

func TestLoopDetector_ComparesAddresses(t *testing.T) {
	name, err := os.Hostname()
	require.NoError(t, err)
	address := netip.MustParseAddrPort
	machine := map[netip.Addr]bool{
		netip.MustParseAddr("127.0.0.1"): true, netip.MustParseAddr("172.17.0.1"): true, netip.MustParseAddr("fd00::1"): true,
	}
	for _, c := range []struct {
		endpoint string
		listener netip.AddrPort
		want     bool
	}{
		{"http://127.0.0.1:4318", address("127.0.0.1:4318"), true},
		{"http://localhost:4318", address("127.0.0.1:4318"), true},
		{"http://0.0.0.0:4318", address("127.0.0.1:4318"), true},
		{"http://localhost:4318", address("[::1]:4318"), true},
		{"http://127.0.0.1:4318", address("0.0.0.0:4318"), true},
		{"http://127.0.0.1:4318", address("[::]:4318"), true},
		{"http://127.0.0.7:4318", address("0.0.0.0:4318"), true},
		{"http://[::1]:4318", address("[::]:4318"), true},
		{"http://172.17.0.1:4318", address("0.0.0.0:4318"), true},
		{"http://172.17.0.1:4318", address("172.17.0.1:4318"), true},
		{"http://[fd00::1]:4318", address("[::]:4318"), true},
		{"http://" + name + ":4318", address("0.0.0.0:4318"), true},
		{"http://" + name + ":4318", address("172.17.0.1:4318"), true},

		{"http://127.0.0.1:4318", address("127.0.0.1:4319"), false},
		{"http://127.0.0.1:4318", address("127.0.0.2:4318"), false},
		{"http://127.0.0.1:4318", address("172.17.0.1:4318"), false},
		{"http://127.0.0.1:4318", address("[::1]:4318"), false},
		{"http://[::1]:4318", address("0.0.0.0:4318"), false},
		{"http://172.17.0.1:4318", address("127.0.0.1:4318"), false},
		{"http://192.0.2.1:4318", address("0.0.0.0:4318"), false},
		{"http://" + name + ":4318", address("127.0.0.1:4318"), false},
		{"http://gateway.example:4318", address("0.0.0.0:4318"), false},
	} {
		s := newLoopDetector(parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
destinations:
  gateway: {otlp_http: {endpoint: %q}}
routes: {logs: [gateway], metrics: [gateway], traces: [gateway]}
`, c.endpoint)))
		got := false
		for _, candidate := range s.candidates {
			got = got || candidate.reaches([]netip.AddrPort{c.listener}, machine)
		}
		assert.Equal(t, c.want, got, "%s, listening on %s", c.endpoint, c.listener)
	}
}

func TestLoopDetector_IgnoresOtherProcessesOnThePort(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems do not provide the ports that a process listens on")
	}
	l, err := net.Listen("tcp", "127.0.0.2:0") //nolint:noctx // on loopback
	require.NoError(t, err)
	defer l.Close()
	s := newLoopDetector(parseConfig(t, fmt.Sprintf(`
registry: tenant_registry
destinations:
  gateway: {otlp_http: {endpoint: "http://127.0.0.1:%d"}}
routes: {logs: [gateway], metrics: [gateway], traces: [gateway]}
`, l.Addr().(*net.TCPAddr).Port)))
	assert.Empty(t, s.findings(time.Now()))
}
