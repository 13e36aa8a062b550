// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// TestPrivateEndpoints has destinations that lead to loopback in all ways. Where
// the tenant's variables choose the host, the lane waits, the log names the key,
// and what waits is delivered once the key allows it.
func TestPrivateEndpoints(t *testing.T) {
	for name, c := range map[string]struct {
		destination string
		address     string // of the variable; %s is the port
		check       bool   // it is known before a connection is made
		fixed       bool   // the operator's own address
	}{
		"HTTP":                    {`otlp_http: {endpoint: "{vars.x}"}`, "http://127.0.0.1:%s", true, false},
		"HTTP by name":            {`otlp_http: {endpoint: "{vars.x}"}`, "http://localhost:%s", true, false},
		"HTTP mapped":             {`otlp_http: {endpoint: "{vars.x}"}`, "http://[::ffff:127.0.0.1]:%s", true, false},
		"HTTP unspecified":        {`otlp_http: {endpoint: "{vars.x}"}`, "http://0.0.0.0:%s", true, false},
		"HTTP signal":             {`otlp_http: {endpoint: "http://backend.example", logs_endpoint: "{vars.x}/v1/logs"}`, "http://127.0.0.1:%s", true, false},
		"HTTP host part":          {`otlp_http: {endpoint: "http://{vars.x}:%s"}`, "127.0.0.1", true, false},
		"HTTP from a file":        {`otlp_http: {endpoint: "{vars.ref}"}`, "http://127.0.0.1:%s", false, false},
		"gRPC":                    {`otlp_grpc: {endpoint: "{vars.x}", tls: {insecure: true}}`, "127.0.0.1:%s", true, false},
		"gRPC by name":            {`otlp_grpc: {endpoint: "{vars.x}", tls: {insecure: true}}`, "localhost:%s", true, false},
		"gRPC URL":                {`otlp_grpc: {endpoint: "{vars.x}", tls: {insecure: true}}`, "http://127.0.0.1:%s", true, false},
		"gRPC behind passthrough": {`otlp_grpc: {endpoint: "passthrough:///{vars.x}:%s", tls: {insecure: true}}`, "127.0.0.1", true, false},
		"gRPC behind dns":         {`otlp_grpc: {endpoint: "dns:///{vars.x}:%s", tls: {insecure: true}}`, "localhost", true, false},
		"fixed HTTP":              {`otlp_http: {endpoint: "http://127.0.0.1:%s?x={vars.path}"}`, "x", false, true},
		"fixed gRPC":              {`otlp_grpc: {endpoint: "127.0.0.1:%s", tls: {insecure: true}, headers: {x: "{vars.x}"}}`, "x", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sink, grpcAddr, httpAddr := startSink(t)
			address := httpAddr
			if strings.Contains(name, "gRPC") {
				address = grpcAddr
			}
			_, port, err := net.SplitHostPort(address)
			require.NoError(t, err)
			fill := func(format string) string { return strings.ReplaceAll(format, "%s", port) }
			secrets := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(secrets, "x"), []byte(fill(c.address)), 0o600))
			registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a", Vars: map[string]string{
				"x": fill(c.address), "path": "p", "ref": "${file:" + secrets + "/x}",
			}})
			storage := newStorage(t, t.TempDir())
			config := fmt.Sprintf(`
registry: tenant_registry
storage: file_storage
references: {directories: [%q]}
destinations: {d: {%s}}
routes: {logs: [d]}
lane: {batch: {timeout: 0s}}
retry: {initial_interval: 10ms, max_interval: 10ms}
circuit_breaker: {failures: 2, open: 10ms}
`, secrets, fill(c.destination))
			host := tenanttest.Host{registryID: registry, storageID: storage}
			delivered := func() bool { return len(sink.seen()) > 0 }
			var log lockedBuffer
			if !c.fixed {
				g := startLoggedGateway(t, parseConfig(t, config), host, &log)
				registry.Set(t, registry.Snapshot().Tenant("a"))
				require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "1")))
				require.Eventually(t, func() bool { return sum(t, g.tel, "send_attempts", "reason=private_endpoint") > 1 }, 10*time.Second, 5*time.Millisecond)
				if c.check {
					require.Eventually(t, func() bool { return strings.Contains(log.String(), "A tenant's routes do not work") }, 10*time.Second, 5*time.Millisecond)
				}
				assert.Zero(t, sum(t, g.tel, "dropped_records"))
				g.stop()
				assert.Contains(t, log.String(), "allow_private_endpoints", "the log names the key")
				assert.Regexp(t, "a loopback address|an unspecified address", log.String())
				assert.Empty(t, sink.seen())
				config += "allow_private_endpoints: [127.0.0.0/8, '::1', 0.0.0.0/8]\n"
			}
			g := startLoggedGateway(t, parseConfig(t, config), host, &log)
			if c.fixed {
				require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "1")))
			}
			require.Eventually(t, func() bool { return delivered() || sum(t, g.tel, "delivered_records") > 0 }, 30*time.Second, 5*time.Millisecond, log.String())
		})
	}
}
