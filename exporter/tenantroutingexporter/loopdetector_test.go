// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"fmt"
	"net"
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
		"127.0.0.1:4317": "127.0.0.1 4317", "http://[::1]:4318/x": "::1 4318", "gateway": "", "127.0.0.1:x": "", "127.0.0.1:0": "", "": "",
	} {
		got := ""
		if host, port, ok := hostPort(endpoint); ok {
			got = fmt.Sprint(host, " ", port)
		}
		assert.Equal(t, want, got, endpoint)
	}
	for host, want := range map[string]bool{"localhost": true, "127.0.0.2": true, "::1": true, "0.0.0.0": true, "192.0.2.1": false, "gateway": false} {
		assert.Equal(t, want, isLocal(host), host)
	}
}

func TestSelfSend_IsFound(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems do not say which ports a process listens on")
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
	assert.Len(t, s.local, 1)
	now := time.Now()
	got := s.findings(now)
	require.Len(t, got, 1)
	assert.Equal(t, condition.FeedbackLoop, got[0].Name)
	assert.Contains(t, got[0].Message, "localhost:")
	require.NoError(t, l.Close())
	assert.Len(t, s.findings(now.Add(9*time.Second)), 1, "it is looked for every 10 s")
	assert.Empty(t, s.findings(now.Add(10*time.Second)))
}
