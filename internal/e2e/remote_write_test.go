// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// exposition is what the exporter of a remote-write test shows at its nth scrape. Each
// family is one that OTLP or its readers could change.
func exposition(n int64) string {
	return fmt.Sprintf(`# HELP plain A counter whose series ends in _total.
# TYPE plain counter
plain_total{path="/"} %[1]d
# TYPE cycles_total_cycles counter
# HELP cycles_total_cycles A counter with total twice in its name.
cycles_total_cycles_total %[1]d
# TYPE temperature_celsius gauge
# UNIT temperature_celsius celsius
temperature_celsius{room="a"} %[1]d.5
temperature_celsius{room="b"} NaN
# TYPE used_total gauge
used_total 1
# TYPE ratio gauge
ratio 0.25
# TYPE latency_seconds histogram
# UNIT latency_seconds seconds
latency_seconds_bucket{le="0.1"} %[1]d
latency_seconds_bucket{le="1.0"} %[2]d # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 0.7
latency_seconds_bucket{le="+Inf"} %[2]d
latency_seconds_count %[2]d
latency_seconds_sum %[1]d.25
# TYPE size_bytes summary
# UNIT size_bytes bytes
size_bytes{quantile="0.5"} 10
size_bytes{quantile="0.99"} +Inf
size_bytes_count %[1]d
size_bytes_sum %[2]d
# TYPE build info
build_info{version="1.2.3"} 1
# TYPE phase stateset
phase{phase="up"} 1
phase{phase="down"} 0
# TYPE untyped unknown
untyped -1e-300
# EOF
`, n, 2*n)
}

// remoteWriteSource is a Prometheus that scrapes an exporter and itself.
func remoteWriteSource(t *testing.T, exporter string, writes ...string) *store {
	t.Helper()
	path, addr, dir := realBackend(t, "prometheus"), addresses(t, 1)[0], t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf(`global: {scrape_interval: 1s, scrape_native_histograms: true, always_scrape_classic_histograms: true}
scrape_configs:
  - {job_name: shop/exporter, static_configs: [{targets: [%q]}]}
  - {job_name: self, static_configs: [{targets: [%q]}]}
remote_write:
%s`, exporter, addr, strings.Join(writes, ""))
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	return newStore(t, addr, "/-/ready", process.Settings{Path: path, Args: []string{
		"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + addr,
		"--enable-feature=exemplar-storage,metadata-wal-records",
	}})
}

// remoteWriteTarget is a Prometheus that takes OTLP and remote write.
func remoteWriteTarget(t *testing.T) *store {
	t.Helper()
	path, addr, dir := realBackend(t, "prometheus"), addresses(t, 1)[0], t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, []byte("storage: {tsdb: {out_of_order_time_window: 10m}}\n"), 0o600))
	return newStore(t, addr, "/-/ready", process.Settings{Path: path, Args: []string{
		"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + addr,
		"--web.enable-otlp-receiver", "--web.enable-remote-write-receiver", "--enable-feature=exemplar-storage",
	}})
}

// allSeries returns the samples of each series of the two jobs, but for target_info, which
// Prometheus makes of the resources of OTLP itself.
func (s *store) allSeries() map[string][]string {
	s.t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Metric     map[string]string
				Values     []json.RawMessage
				Histograms []json.RawMessage
			}
		}
	}
	text := s.query("/api/v1/query", nil, url.Values{"query": {`{__name__!="target_info",job=~".+"}[1h]`}})
	require.NoError(s.t, json.Unmarshal([]byte(text), &answer), text)
	all := make(map[string][]string, len(answer.Data.Result))
	for _, series := range answer.Data.Result {
		var labels []string
		for _, name := range slices.Sorted(maps.Keys(series.Metric)) {
			labels = append(labels, name+"="+series.Metric[name])
		}
		for _, v := range slices.Concat(series.Values, series.Histograms) {
			all[strings.Join(labels, ",")] = append(all[strings.Join(labels, ",")], string(v))
		}
	}
	return all
}

// exemplars returns the exemplars of a metric.
func (s *store) exemplars(metric string) string {
	s.t.Helper()
	var answer struct{ Data []json.RawMessage }
	text := s.query("/api/v1/query_exemplars", nil, url.Values{
		"query": {metric}, "start": {fmt.Sprint(time.Now().Add(-time.Hour).Unix())}, "end": {fmt.Sprint(time.Now().Add(time.Hour).Unix())},
	})
	require.NoError(s.t, json.Unmarshal([]byte(text), &answer), text)
	return fmt.Sprintf("%s", answer.Data)
}

// difference returns the first few series that are not the same on both sides.
func difference(want, got map[string][]string) (out []string) {
	for name, samples := range want {
		if !slices.Equal(samples, got[name]) {
			out = append(out, fmt.Sprintf("%s: %d samples, want %d", name, len(got[name]), len(samples)))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			out = append(out, name+": not written")
		}
	}
	slices.Sort(out)
	return out[:min(len(out), 10)]
}

// TestRemoteWrite_StoresWhatPrometheusWritesDirectly has a real Prometheus write what it
// scrapes to another one and, in both versions of the protocol, to the gateway, which
// delivers to a Prometheus for each tenant. All three store the same series.
func TestRemoteWrite_StoresWhatPrometheusWritesDirectly(t *testing.T) {
	direct := remoteWriteTarget(t)
	behind := map[string]*store{"acme": remoteWriteTarget(t), "bolt": remoteWriteTarget(t)}
	r := newRig(t, `
    allow_private_endpoints: [127.0.0.1]
    destinations:
      prom: {profile: prometheus, otlp_http: {endpoint: "{vars.prometheus}"}}
    routes: {metrics: [prom]}`+fastRetry, "acme", "bolt")
	for owner, s := range behind {
		r.reg.ctl("tenant", "update", owner, "--var", "prometheus=http://"+s.addr)
	}
	g := r.run()

	var scrapes atomic.Int64
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
		_, _ = w.Write([]byte(exposition(scrapes.Add(1))))
	}))
	defer exporter.Close()
	const send = "    send_exemplars: true\n    send_native_histograms: true\n    metadata_config: {send_interval: 1s}\n"
	write := func(address, key, message string) string {
		text := fmt.Sprintf("  - url: http://%s/api/v1/write\n    protobuf_message: %s\n", address, message)
		if key != "" {
			text += fmt.Sprintf("    authorization: {credentials: %q}\n", key)
		}
		return text + send
	}
	source := remoteWriteSource(t, strings.TrimPrefix(exporter.URL, "http://"),
		write(direct.addr, "", "prometheus.WriteRequest"), // which keeps exemplars that come apart from samples
		write(r.remoteWrite, r.keys["acme"], "prometheus.WriteRequest"),
		write(r.remoteWrite, r.keys["bolt"], "io.prometheus.write.v2.Request"))
	require.Eventually(t, func() bool { return scrapes.Load() >= 8 }, time.Minute, 20*time.Millisecond)
	require.NoError(t, source.stop())
	r.drained()
	want := direct.allSeries()
	require.NotEmpty(t, want)
	for owner, s := range behind {
		// A Prometheus stores what is out of order a moment after it has answered.
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			assert.Empty(c, difference(want, s.allSeries()))
		}, 30*time.Second, 200*time.Millisecond, owner)
		assert.Equal(t, direct.exemplars("latency_seconds_bucket"), s.exemplars("latency_seconds_bucket"), owner)
		assert.Equal(t, map[string][]string{}, r.dead(owner), owner)
	}
	assert.Contains(t, direct.exemplars("latency_seconds_bucket"), "4bf92f3577b34da6a3ce929d0e0e4736")
	for _, name := range []string{"cycles_total_cycles_total", "size_bytes", "phase", "prometheus_http_request_duration_seconds", "up"} {
		assert.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(want)), func(labels string) bool {
			return strings.Contains(labels+",", "__name__="+name+",")
		}), name)
	}
	assert.Zero(t, r.total().dropped)
	g.stop()
}

// TestRemoteWrite_VMAgent has a real vmagent write what it scrapes to a Prometheus and,
// compressed with zstd, to the gateway.
func TestRemoteWrite_VMAgent(t *testing.T) {
	agent := realBackend(t, "vmagent")
	direct, behind := remoteWriteTarget(t), remoteWriteTarget(t)
	r := newRig(t, `
    allow_private_endpoints: [127.0.0.1]
    destinations:
      prom: {profile: prometheus, otlp_http: {endpoint: "http://`+behind.addr+`"}}
    routes: {metrics: [prom]}`+fastRetry, "acme")
	addr, dir := addresses(t, 1)[0], t.TempDir()
	g := r.run()
	var scrapes atomic.Int64
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
		_, _ = w.Write([]byte(exposition(scrapes.Add(1))))
	}))
	defer exporter.Close()
	config := filepath.Join(dir, "scrape.yml")
	require.NoError(t, os.WriteFile(config, []byte(fmt.Sprintf(
		"scrape_configs:\n  - {job_name: shop/exporter, scrape_interval: 1s, static_configs: [{targets: [%q]}]}\n", strings.TrimPrefix(exporter.URL, "http://"))), 0o600))
	source := newStore(t, addr, "/health", process.Settings{Path: agent, Args: []string{
		"-httpListenAddr=" + addr, "-promscrape.config=" + config, "-remoteWrite.tmpDataPath=" + filepath.Join(dir, "queue"),
		"-remoteWrite.flushInterval=200ms", "-remoteWrite.url=http://" + direct.addr + "/api/v1/write", "-remoteWrite.url=http://" + r.remoteWrite + "/api/v1/write",
		"-remoteWrite.bearerToken=none," + r.keys["acme"],
	}})
	require.Eventually(t, func() bool { return scrapes.Load() >= 6 }, time.Minute, 20*time.Millisecond)
	require.NoError(t, source.stop())
	r.drained()
	want := direct.allSeries()
	require.Greater(t, len(want), 15)
	require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Empty(c, difference(want, behind.allSeries())) }, 30*time.Second, 200*time.Millisecond)
	assert.Equal(t, map[string][]string{}, r.dead("acme"))
	assert.Contains(t, string(get(t, "http://"+r.metrics+"/metrics")), `otelcol_receiver_prometheus_remote_write_requests{code="204",version="1.0"}`)
	assert.NotContains(t, string(get(t, "http://"+r.metrics+"/metrics")), `code="415"`, "zstd is accepted, so that vmagent does not fall back")
	g.stop()
}

// TestRemoteWrite_Compliance runs the official tests of receivers of remote write 2.0
// against the gateway.
func TestRemoteWrite_Compliance(t *testing.T) {
	suite := realBackend(t, "remote-write-compliance")
	r := newRig(t, "", "acme")
	g := r.run()
	config := filepath.Join(t.TempDir(), "config.yml")
	require.NoError(t, os.WriteFile(config, []byte(fmt.Sprintf(
		"remote_write:\n  - {name: gateway, url: http://%s/api/v1/write, authorization: {credentials: %q}}\n", r.remoteWrite, r.keys["acme"])), 0o600))
	cmd := exec.CommandContext(t.Context(), suite, "-test.v")
	cmd.Env = append(os.Environ(), "PROMETHEUS_RW2_COMPLIANCE_CONFIG_FILE="+config)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, 39, strings.Count(string(out), "\n--- PASS: "), "tests of the suite")
	assert.NotContains(t, string(out), "--- SKIP")
	g.stop()
}
