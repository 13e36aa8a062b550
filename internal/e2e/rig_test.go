// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// rig is the shipped gateway with destinations of a test. It can be restarted with the same
// state at the same addresses.
type rig struct {
	t       *testing.T
	reg     *registry
	keys    map[string]string // by tenant
	grpc    string
	http    string
	metrics string

	remoteWrite string
	loki        string
	letters     string // the folder of dead letters
	env         map[string]string
	args        []string
}

// newRig prepares a gateway with these tenants. The overlay is the content of
// tenant_routing in YAML, indented by four spaces.
func newRig(t *testing.T, overlay string, tenants ...string) *rig {
	t.Helper()
	built(t, "otelcol-tenant") // or skips before anything else starts
	free := addresses(t, 6)
	dir := t.TempDir()
	r := &rig{
		t: t, reg: newRegistry(t), keys: map[string]string{}, grpc: free[0], http: free[1], metrics: free[3], remoteWrite: free[4], loki: free[5],
		letters: filepath.Join(dir, "dead-letters"),
	}
	for _, id := range tenants {
		r.reg.ctl("tenant", "create", id)
		_, r.keys[id] = r.reg.key(id)
	}
	r.env = map[string]string{
		"TENANTS_FILE": r.reg.path, "DATA_DIR": filepath.Join(dir, "data"), "STATE_DIR": filepath.Join(dir, "state"),
		"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
		"REMOTE_WRITE_ENDPOINT": free[4], "LOKI_PUSH_ENDPOINT": free[5],
	}
	file := filepath.Join(dir, "overlay.yaml")
	overlay = "exporters:\n  tenant_routing:\n    dead_letter: {directory: \"" + r.letters + "\"}\n" + overlay
	require.NoError(t, os.WriteFile(file, []byte(overlay), 0o600))
	r.args = []string{"--config", filepath.Join(root, "distributions", "gateway", "config.yaml"), "--config", file}
	return r
}

// run starts the gateway.
func (r *rig) run() *collector {
	r.t.Helper()
	return start(r.t, r.env, r.args...)
}

// post sends a request with the tenant's key and requires that it is accepted.
func (r *rig) post(id string, data any) {
	r.t.Helper()
	code, text := r.try(id, data)
	require.Equal(r.t, http.StatusOK, code, text)
}

// try sends a request with the tenant's key and returns the answer.
func (r *rig) try(id string, data any) (status int, text string) {
	r.t.Helper()
	signal, body := encoded(r.t, data)
	return postProto(r.t, r.http, signal.String(), body, bearer(r.keys[id]))
}

// total returns the sum of the accounts of all destinations and signals.
func (r *rig) total() account {
	r.t.Helper()
	var sum account
	for _, a := range accounts(r.t, r.metrics) {
		sum.accepted += a.accepted
		sum.recovered += a.recovered
		sum.delivered += a.delivered
		sum.queued += a.queued
		sum.deadLettered += a.deadLettered
		sum.dropped += a.dropped
	}
	return sum
}

// drained waits until nothing is queued, and requires that the accounts balance.
func (r *rig) drained() {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.total().queued == 0 }, 2*time.Minute, 50*time.Millisecond, "what is accepted is not delivered")
	requireBalance(r.t, accounts(r.t, r.metrics))
}

// dead returns the content of the tenant's dead letters, by destination and signal: the
// names of metrics and spans, and the bodies of log records.
func (r *rig) dead(id string) map[string][]string {
	r.t.Helper()
	files, err := filepath.Glob(filepath.Join(r.letters, "tenant="+id, "destination=*", "signal=*", "*.jsonl"))
	require.NoError(r.t, err)
	all := map[string][]string{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(r.t, err)
		signal := strings.TrimPrefix(filepath.Base(filepath.Dir(file)), "signal=")
		where := strings.TrimPrefix(filepath.Base(filepath.Dir(filepath.Dir(file))), "destination=") + " " + signal
		for line := range strings.Lines(string(raw)) {
			all[where] = append(all[where], namesOf(r.t, signal, []byte(line))...)
		}
	}
	return all
}

// namesOf returns the names in a line of OTLP JSON.
func namesOf(t *testing.T, signal string, line []byte) (names []string) {
	t.Helper()
	switch signal {
	case "logs":
		ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
		require.NoError(t, err)
		for _, lr := range logRecords(ld) {
			names = append(names, lr.Body().AsString())
		}
	case "metrics":
		md, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(line)
		require.NoError(t, err)
		for _, m := range metricsOf(md) {
			names = append(names, m.Name())
		}
	default:
		td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
		require.NoError(t, err)
		for _, s := range spansOf(td) {
			names = append(names, s.Name())
		}
	}
	return names
}

func logRecords(ld plog.Logs) (all []plog.LogRecord) {
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				all = append(all, lr)
			}
		}
	}
	return all
}

func metricsOf(md pmetric.Metrics) (all []pmetric.Metric) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				all = append(all, m)
			}
		}
	}
	return all
}

func spansOf(td ptrace.Traces) (all []ptrace.Span) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				all = append(all, s)
			}
		}
	}
	return all
}

// encoded returns an export request in protobuf.
func encoded(t *testing.T, data any) (tenant.Signal, []byte) {
	t.Helper()
	var signal tenant.Signal
	var body []byte
	var err error
	switch d := data.(type) {
	case plog.Logs:
		signal = tenant.Logs
		body, err = plogotlp.NewExportRequestFromLogs(d).MarshalProto()
	case pmetric.Metrics:
		signal = tenant.Metrics
		body, err = pmetricotlp.NewExportRequestFromMetrics(d).MarshalProto()
	case ptrace.Traces:
		signal = tenant.Traces
		body, err = ptraceotlp.NewExportRequestFromTraces(d).MarshalProto()
	default:
		err = fmt.Errorf("%T is no telemetry", data)
	}
	require.NoError(t, err)
	return signal, body
}

// jsonLines decodes a JSON value from each line.
func jsonLines[T any](t *testing.T, text string) (all []T) {
	t.Helper()
	for line := range strings.Lines(text) {
		var v T
		require.NoError(t, json.Unmarshal([]byte(line), &v), line)
		all = append(all, v)
	}
	return all
}
