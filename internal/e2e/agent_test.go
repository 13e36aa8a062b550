// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/pm2corpus"
)

// agent is the shipped agent configuration, running for one tenant.
type agent struct {
	*collector
	grpc, http string // for applications on its machine
	metrics    string // the agent's own telemetry
}

// startAgent runs the agent for an existing tenant, with a new key and this PM2 home,
// against the gateway.
func startAgent(t *testing.T, g *gateway, reg *registry, tenant, home string, args ...string) *agent {
	t.Helper()
	_, key := reg.key(tenant)
	g.awaitKey(key)
	free := addresses(t, 4)
	a := &agent{grpc: free[0], http: free[1], metrics: free[3]}
	a.collector = start(t, map[string]string{
		"BUSINESS_ID": tenant, "TENANT_KEY": key, "DEPLOY_ENV": "e2e", "GATEWAY_ENDPOINT": "http://" + g.http,
		"PM2_HOME": home, "STATE_DIR": filepath.Join(t.TempDir(), "state"), "TZ": "UTC",
		"OTLP_GRPC_ENDPOINT": a.grpc, "OTLP_HTTP_ENDPOINT": a.http,
		"HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
	}, append([]string{"--config", filepath.Join(root, "distributions", "agent", "config.yaml")}, args...)...)
	return a
}

// awaitKey waits until the gateway knows a new key. A client that uses the key earlier gets
// 401 and may not retry.
func (g *gateway) awaitKey(key string) {
	g.t.Helper()
	require.Eventually(g.t, func() bool {
		code, _ := postProto(g.t, g.http, "traces", nil, bearer(key))
		return code == http.StatusOK
	}, inForce, 10*time.Millisecond)
}

// exact returns the arguments of an agent that delivers every line of the applications in
// order and unchanged. The longest line of the corpus exceeds the default limit.
func exact() []string {
	return []string{
		"--config", "yaml:receivers::pm2::stack_traces: separate",
		"--config", "yaml:receivers::pm2::include_log_record_original: true",
		"--config", "yaml:receivers::pm2::max_line_size: 4MiB",
		"--config", "yaml:receivers::pm2::daemon_log::enabled: false",
		"--config", "yaml:exporters::tenant_routing::lane::concurrency: 1",
	}
}

// inOrder returns the arguments of a gateway that keeps the order of requests.
func inOrder() []string {
	return []string{"--config", "yaml:exporters::tenant_routing::lane::concurrency: 1"}
}

// arrivals collects the log records in one tenant's archive by log file.
type arrivals struct {
	t      *testing.T
	tenant string
	reader *archive.Reader
	lines  map[string][]pm2corpus.Line
	total  int
}

func newArrivals(t *testing.T, g *gateway, tenant string) *arrivals {
	t.Helper()
	return &arrivals{t: t, tenant: tenant, reader: archive.NewReader(g.data), lines: map[string][]pm2corpus.Line{}}
}

// poll reads new records from the archive.
func (a *arrivals) poll() {
	a.t.Helper()
	require.NoError(a.t, a.reader.Poll(archive.Handler{Logs: func(tenant, _ string, ld plog.Logs) error {
		require.Equal(a.t, a.tenant, tenant)
		for _, line := range pm2corpus.FromLogs(ld) {
			line.Fields.Normalized = true
			a.lines[line.File] = append(a.lines[line.File], line)
			a.total++
		}
		return nil
	}}))
}

// await polls until the expected number of lines has arrived for each file, or the time is
// over, which is not a failure yet.
func (a *arrivals) await(expected map[string][]pm2corpus.Expected, most time.Duration) {
	a.t.Helper()
	all := func() bool {
		for file, lines := range expected {
			if len(a.lines[file]) < len(lines) {
				return false
			}
		}
		return true
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(most); time.Now().Before(end); <-tick.C {
		if a.poll(); all() {
			return
		}
	}
}
