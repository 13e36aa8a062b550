// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/plogtest"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/pmetrictest"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/ptracetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.yaml.in/yaml/v3"
)

// TestPipelines runs every folder of testdata/pipelines through the built
// binary. A folder has
//
//	config.yaml                     the collector's configuration
//	in-{logs,metrics,traces}.yaml   what an application sends to OTLP_HTTP_ENDPOINT
//	headers.yaml                    the headers it sends it with
//	home/logs/*.log                 a PM2 home, as PM2_HOME
//	tenants.yaml                    a registry, as TENANTS_FILE
//	out-{logs,metrics,traces}.yaml  what must arrive at the backend, SINK_HTTP or SINK_GRPC
//
// If a case sends a signal and has no out file for it, the test writes the file and fails,
// so that it gets reviewed.
func TestPipelines(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join(root, "testdata", "pipelines", "*", "config.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, config := range cases {
		dir := filepath.Dir(config)
		t.Run(filepath.Base(dir), func(t *testing.T) { runPipeline(t, dir) })
	}
}

func runPipeline(t *testing.T, dir string) {
	s := newSink(t)
	free := addresses(t, 2)
	env := map[string]string{
		"OTLP_GRPC_ENDPOINT": free[0],
		"OTLP_HTTP_ENDPOINT": free[1],
		"SINK_GRPC":          s.grpc,
		"SINK_HTTP":          "http://" + s.http,
		"STATE_DIR":          t.TempDir(),
		"TENANTS_FILE":       filepath.Join(dir, "tenants.yaml"),
		"PM2_HOME":           t.TempDir(),
	}
	home := filepath.Join(dir, "home")
	if _, err := os.Stat(home); err == nil {
		require.NoError(t, os.CopyFS(filepath.Join(env["PM2_HOME"], "copy"), os.DirFS(home)))
		env["PM2_HOME"] = filepath.Join(env["PM2_HOME"], "copy")
	}
	c := start(t, env, "--config", filepath.Join(dir, "config.yaml"))
	sendCase(t, dir, free[1])
	awaitCase(t, dir, s)
	c.stop()
	compareCase(t, dir, s)
}

// exists reports whether the case has the file.
func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

func sendCase(t *testing.T, dir, addr string) {
	t.Helper()
	headers := map[string]string{}
	if raw, err := os.ReadFile(filepath.Join(dir, "headers.yaml")); err == nil {
		require.NoError(t, yaml.Unmarshal(raw, &headers))
	}
	send := func(signal string, body []byte, err error) {
		t.Helper()
		require.NoError(t, err)
		status, text := postProto(t, addr, signal, body, headers)
		require.Equal(t, http.StatusOK, status, text)
	}
	if exists(dir, "in-logs.yaml") {
		ld, err := golden.ReadLogs(filepath.Join(dir, "in-logs.yaml"))
		require.NoError(t, err)
		body, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
		send("logs", body, err)
	}
	if exists(dir, "in-metrics.yaml") {
		md, err := golden.ReadMetrics(filepath.Join(dir, "in-metrics.yaml"))
		require.NoError(t, err)
		body, err := pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
		send("metrics", body, err)
	}
	if exists(dir, "in-traces.yaml") {
		td, err := golden.ReadTraces(filepath.Join(dir, "in-traces.yaml"))
		require.NoError(t, err)
		body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
		send("traces", body, err)
	}
}

// postProto sends an OTLP protobuf body and returns the status and text of the answer.
func postProto(t *testing.T, addr, signal string, body []byte, headers map[string]string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/v1/"+signal, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-protobuf")
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

func (s *sink) allLogs() plog.Logs {
	all := plog.NewLogs()
	for _, ld := range s.logs.AllLogs() {
		for _, rl := range ld.ResourceLogs().All() {
			rl.CopyTo(all.ResourceLogs().AppendEmpty())
		}
	}
	return all
}

func (s *sink) allMetrics() pmetric.Metrics {
	all := pmetric.NewMetrics()
	for _, md := range s.metrics.AllMetrics() {
		for _, rm := range md.ResourceMetrics().All() {
			rm.CopyTo(all.ResourceMetrics().AppendEmpty())
		}
	}
	return all
}

func (s *sink) allTraces() ptrace.Traces {
	all := ptrace.NewTraces()
	for _, td := range s.traces.AllTraces() {
		for _, rs := range td.ResourceSpans().All() {
			rs.CopyTo(all.ResourceSpans().AppendEmpty())
		}
	}
	return all
}

// awaitCase waits until as much has arrived as is expected. A case that expects nothing is
// new, and its files are written from what arrives: awaitCase waits until the amount stays
// the same.
func awaitCase(t *testing.T, dir string, s *sink) {
	t.Helper()
	logs, points, spans := 0, 0, 0
	if exists(dir, "out-logs.yaml") {
		ld, err := golden.ReadLogs(filepath.Join(dir, "out-logs.yaml"))
		require.NoError(t, err)
		logs = ld.LogRecordCount()
	}
	if exists(dir, "out-metrics.yaml") {
		md, err := golden.ReadMetrics(filepath.Join(dir, "out-metrics.yaml"))
		require.NoError(t, err)
		points = md.DataPointCount()
	}
	if exists(dir, "out-traces.yaml") {
		td, err := golden.ReadTraces(filepath.Join(dir, "out-traces.yaml"))
		require.NoError(t, err)
		spans = td.SpanCount()
	}
	if logs+points+spans == 0 {
		arrived, since := 0, time.Now()
		assert.Eventually(t, func() bool {
			if now := s.logs.LogRecordCount() + s.metrics.DataPointCount() + s.traces.SpanCount(); now != arrived {
				arrived, since = now, time.Now()
			}
			return arrived > 0 && time.Since(since) > time.Second
		}, 15*time.Second, 20*time.Millisecond, "nothing arrived")
		return
	}
	assert.Eventually(t, func() bool {
		return s.logs.LogRecordCount() >= logs && s.metrics.DataPointCount() >= points && s.traces.SpanCount() >= spans
	}, 15*time.Second, 20*time.Millisecond)
}

func compareCase(t *testing.T, dir string, s *sink) {
	t.Helper()
	if path := filepath.Join(dir, "out-logs.yaml"); s.logs.LogRecordCount() > 0 || exists(dir, "out-logs.yaml") {
		if !exists(dir, "out-logs.yaml") {
			require.NoError(t, golden.WriteLogs(t, path, maskVersion(t, s.allLogs())))
		}
		want, err := golden.ReadLogs(path)
		require.NoError(t, err)
		assert.NoError(t, plogtest.CompareLogs(want, maskVersion(t, s.allLogs()), plogtest.IgnoreObservedTimestamp(),
			plogtest.IgnoreResourceLogsOrder(), plogtest.IgnoreScopeLogsOrder(), plogtest.IgnoreLogRecordsOrder()))
	}
	if path := filepath.Join(dir, "out-metrics.yaml"); s.metrics.DataPointCount() > 0 || exists(dir, "out-metrics.yaml") {
		if !exists(dir, "out-metrics.yaml") {
			require.NoError(t, golden.WriteMetrics(t, path, s.allMetrics()))
		}
		want, err := golden.ReadMetrics(path)
		require.NoError(t, err)
		assert.NoError(t, pmetrictest.CompareMetrics(want, s.allMetrics(), pmetrictest.IgnoreResourceMetricsOrder(), pmetrictest.IgnoreTimestamp()))
	}
	if path := filepath.Join(dir, "out-traces.yaml"); s.traces.SpanCount() > 0 || exists(dir, "out-traces.yaml") {
		if !exists(dir, "out-traces.yaml") {
			require.NoError(t, golden.WriteTraces(t, path, s.allTraces()))
		}
		want, err := golden.ReadTraces(path)
		require.NoError(t, err)
		assert.NoError(t, ptracetest.CompareTraces(want, s.allTraces(), ptracetest.IgnoreResourceSpansOrder()))
	}
}
