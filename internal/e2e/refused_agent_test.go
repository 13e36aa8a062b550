// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"

	"go.opentelemetry.io/collector/pdata/plog"
)

// TestAgent_KeepsWhatTheGatewayRefuses starts an agent whose key the gateway does not know
// yet, and repeats that after a restart of the agent. Data that was sent before the gateway
// knows the key waits in the disk queue and then arrives.
func TestAgent_KeepsWhatTheGatewayRefuses(t *testing.T) {
	t.Parallel()
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "tenant-a")
	before, err := os.ReadFile(reg.path)
	require.NoError(t, err)
	_, key := reg.key("tenant-a")
	after, err := os.ReadFile(reg.path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(reg.path, before, 0o600))
	g := startGateway(t, reg)

	free := addresses(t, 4)
	state := t.TempDir()
	agent := func() *collector {
		return start(t, map[string]string{
			"BUSINESS_ID": "tenant-a", "TENANT_KEY": key, "GATEWAY_ENDPOINT": "http://" + g.http,
			"PM2_HOME": t.TempDir(), "STATE_DIR": state, "OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1],
			"HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
		}, "--config", filepath.Join(root, "distributions", "agent", "config.yaml"))
	}
	a := agent()
	body, err := plogotlp.NewExportRequestFromLogs(payload(tenant.Logs, 7, "tenant-a", "x").(plog.Logs)).MarshalProto()
	require.NoError(t, err)
	status, text := postProto(t, free[1], "logs", body, nil)
	require.Equal(t, http.StatusOK, status, text)
	require.Eventually(t, func() bool { return strings.Contains(a.Output(), "A destination rejects the credentials") }, 15*time.Second, 20*time.Millisecond)
	a.stop()

	agent()
	require.NoError(t, os.WriteFile(reg.path, after, 0o600))
	reader, got := archive.NewReader(g.data), map[string]int64{}
	require.Eventually(t, func() bool {
		onlyLogs := counting(t, got)
		onlyLogs.Metrics = nil // without the agent's host metrics
		require.NoError(t, reader.Poll(onlyLogs))
		return got["tenant-a"] == 7
	}, 40*time.Second, 100*time.Millisecond)
}
