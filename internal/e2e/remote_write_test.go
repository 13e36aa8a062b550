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

// modernExposition is exposition with what Prometheus 3 reads beside it: names in UTF-8,
// created timestamps, scopes, target_info and a series that comes and goes.
func modernExposition(n, created int64) string {
	text := strings.TrimSuffix(exposition(n), "# EOF\n") + fmt.Sprintf(`# TYPE born counter
born_total %[1]d
born_created %[2]d.5
# TYPE scoped gauge
scoped{otel_scope_name="lib",otel_scope_version="2",otel_scope_schema_url="https://s.example/1",otel_scope_module="m"} %[1]d
# TYPE target info
target_info{version="4.5.6",k8s_pod_name="shop-1"} 1
# TYPE depth gaugehistogram
depth_bucket{le="1.0"} 2
depth_bucket{le="+Inf"} %[1]d
depth_gcount %[1]d
depth_gsum 4
# TYPE "größe.aktuell" gauge
{"größe.aktuell","straße.nr"="5",utf8="yes"} %[1]d
`, n+2, created)
	if n%4 < 2 {
		text += fmt.Sprintf("# TYPE flapping gauge\nflapping %d\n", n)
	}
	return text + "# EOF\n"
}

// remoteWriteSource is a Prometheus that scrapes an exporter, itself, and another exporter
// whose classic histograms it makes native ones with custom buckets.
func remoteWriteSource(t *testing.T, exporter, custom string, writes ...string) *store {
	t.Helper()
	path, addr, dir := realBackend(t, "prometheus"), addresses(t, 1)[0], t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf(`global: {scrape_interval: 1s, scrape_native_histograms: true, always_scrape_classic_histograms: true}
scrape_configs:
  - {job_name: shop/exporter, static_configs: [{targets: [%q]}]}
  - {job_name: custom, convert_classic_histograms_to_nhcb: true, static_configs: [{targets: [%q]}]}
  - {job_name: self, static_configs: [{targets: [%q]}]}
remote_write:
%s`, exporter, custom, addr, strings.Join(writes, ""))
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	return newStore(t, addr, "/-/ready", process.Settings{Path: path, Args: []string{
		"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + addr,
		"--enable-feature=exemplar-storage,metadata-wal-records,st-storage",
	}})
}

// remoteWriteTarget is a Prometheus that takes OTLP and remote write. It stores a sample of
// value 0 where a series has a start timestamp.
func remoteWriteTarget(t *testing.T, translation string) *store {
	t.Helper()
	path, addr, dir := realBackend(t, "prometheus"), addresses(t, 1)[0], t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, []byte(fmt.Sprintf(`storage: {tsdb: {out_of_order_time_window: 10m}}
otlp: {translation_strategy: %s, promote_scope_metadata: true, convert_histograms_to_nhcb: true}
`, translation)), 0o600))
	return newStore(t, addr, "/-/ready", process.Settings{Path: path, Args: []string{
		"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + addr,
		"--web.enable-otlp-receiver", "--web.enable-remote-write-receiver", "--enable-feature=exemplar-storage,created-timestamp-zero-ingestion",
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

// Translations of names that Prometheus knows.
const (
	withSuffixes  = "UnderscoreEscapingWithSuffixes" // its default
	noTranslation = "NoTranslation"
)

// TestRemoteWrite_StoresWhatPrometheusWritesDirectly has a real Prometheus write what it
// scrapes to others, directly and through the gateway, which delivers to a Prometheus for
// each tenant, in both versions of the protocol. Both ways store the same series, those of
// the table in the README among them.
func TestRemoteWrite_StoresWhatPrometheusWritesDirectly(t *testing.T) {
	t.Parallel()
	direct := map[string]*store{"acme": remoteWriteTarget(t, withSuffixes), "bolt": remoteWriteTarget(t, withSuffixes)}
	behind := map[string]*store{"acme": remoteWriteTarget(t, withSuffixes), "bolt": remoteWriteTarget(t, noTranslation)}
	message := map[string]string{"acme": "prometheus.WriteRequest", "bolt": "io.prometheus.write.v2.Request"}
	r := newRig(t, `
    allow_private_endpoints: [127.0.0.1]
    destinations:
      prom: {profile: prometheus, otlp_http: {endpoint: "{vars.prometheus}"}}
    routes: {metrics: [prom]}`+fastRetry, "acme", "bolt")
	for owner, s := range behind {
		r.reg.ctl("tenant", "update", owner, "--var", "prometheus=http://"+s.addr)
	}
	g := r.run()

	created := time.Now().Add(-100 * time.Second).Unix()
	newExporter := func() (address string, scrapes *atomic.Int64) {
		scrapes = new(atomic.Int64)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8")
			_, _ = w.Write([]byte(modernExposition(scrapes.Add(1), created)))
		}))
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://"), scrapes
	}
	exporter, scrapes := newExporter()
	custom, _ := newExporter()
	const send = "    send_exemplars: true\n    send_native_histograms: true\n    metadata_config: {send_interval: 1s}\n"
	var writes []string
	for owner, s := range direct {
		writes = append(writes,
			fmt.Sprintf("  - url: http://%s/api/v1/write\n    protobuf_message: %s\n", s.addr, message[owner])+send,
			fmt.Sprintf("  - url: http://%s/api/v1/write\n    protobuf_message: %s\n    authorization: {credentials: %q}\n", r.remoteWrite, message[owner], r.keys[owner])+send)
	}
	began := time.Now()
	source := remoteWriteSource(t, exporter, custom, writes...)
	require.Eventually(t, func() bool { return scrapes.Load() >= 10 }, time.Minute, 20*time.Millisecond)
	require.NoError(t, source.stop())
	ended := time.Now()
	r.drained()
	for owner, s := range behind {
		want := direct[owner].allSeries()
		require.NotEmpty(t, want)
		got := s.allSeries
		if owner == "acme" { // whose Prometheus changes names in UTF-8
			got = func() map[string][]string { return withoutUTF8(s.allSeries()) }
			want = withoutUTF8(want)
		}
		// A Prometheus stores what is out of order a moment after it has answered.
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			assert.Empty(c, difference(want, got()))
		}, 30*time.Second, 200*time.Millisecond, owner)
		for _, row := range goldenRows(t) {
			if owner == "acme" && (strings.Contains(row.series, "utf8") || strings.HasSuffix(row.typ, "custom buckets")) {
				continue // Prometheus does not send custom buckets in 1.0
			}
			assert.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(want)), row.is), "%s: %s", owner, row.series)
		}
		const flaps, stays = `flapping{job="shop/exporter"}`, `plain_total{job="shop/exporter"}`
		flapping := direct[owner].visible(flaps, began, ended)
		assert.Equal(t, flapping, s.visible(flaps, began, ended), owner)
		assert.Less(t, strings.Count(flapping, "["), strings.Count(direct[owner].visible(stays, began, ended), "["), "it ends where it is not scraped")
		// The direct way of 2.0 loses exemplars that come apart from samples.
		assert.Equal(t, direct["acme"].exemplars("latency_seconds_bucket"), s.exemplars("latency_seconds_bucket"), owner)
		assert.Equal(t, map[string][]string{}, r.dead(owner), owner)
		info := s.seriesOf(`target_info{job="shop/exporter"}`)
		for k, v := range map[string]string{"version": "4.5.6", "k8s_pod_name": "shop-1", "business_id": owner} {
			assert.Contains(t, info, k+"="+v, owner)
		}
		assert.NotContains(t, info, map[string]string{"acme": "bolt", "bolt": "acme"}[owner])
	}
	assert.Contains(t, direct["acme"].exemplars("latency_seconds_bucket"), "4bf92f3577b34da6a3ce929d0e0e4736")
	atStart := fmt.Sprintf(`[%d.500,"0"]`, created)
	born := 0
	for series, samples := range direct["bolt"].allSeries() {
		if strings.Contains(series, "__name__=born_total,") {
			assert.Equal(t, atStart, samples[0], "2.0 has start timestamps")
			born++
		}
	}
	assert.Equal(t, 2, born)
	assert.Zero(t, r.total().dropped)
	g.stop()
}

// withoutUTF8 returns the series without those that have the label utf8.
func withoutUTF8(all map[string][]string) map[string][]string {
	maps.DeleteFunc(all, func(series string, _ []string) bool { return strings.Contains(series, "utf8=yes") })
	return all
}

// visible returns the values of a metric that a graph shows. A series that has ended shows
// none.
func (s *store) visible(metric string, from, to time.Time) string {
	s.t.Helper()
	var answer struct {
		Data struct {
			Result []struct{ Values json.RawMessage }
		}
	}
	text := s.query("/api/v1/query_range", nil, url.Values{
		"query": {metric}, "start": {from.Format(time.RFC3339Nano)}, "end": {to.Format(time.RFC3339Nano)}, "step": {"100ms"},
	})
	require.NoError(s.t, json.Unmarshal([]byte(text), &answer), text)
	require.Len(s.t, answer.Data.Result, 1, text)
	return string(answer.Data.Result[0].Values)
}

// seriesOf returns the labels of the series of a selector, as texts.
func (s *store) seriesOf(selector string) string {
	s.t.Helper()
	var answer struct{ Data []map[string]string }
	text := s.query("/api/v1/series", nil, url.Values{"match[]": {selector}})
	require.NoError(s.t, json.Unmarshal([]byte(text), &answer), text)
	var all []string
	for _, labels := range answer.Data {
		for name, value := range labels {
			all = append(all, name+"="+value)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

// goldenRow is a row of the table of series in the README of the receiver.
type goldenRow struct{ typ, series string }

// goldenRows returns the rows of the table.
func goldenRows(t *testing.T) (rows []goldenRow) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "receiver", "prometheusremotewritereceiver", "README.md"))
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(raw), "\n| type | series | OTLP | `prometheus.type` |\n")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "\n\n")
	for _, line := range strings.Split(table, "\n")[1:] {
		cells := strings.Split(strings.TrimPrefix(line, "| "), " | ")
		rows = append(rows, goldenRow{cells[0], strings.Trim(cells[1], "`")})
	}
	require.NotEmpty(t, rows)
	return rows
}

// is reports whether stored labels are those of the series, beside those of its target.
func (row goldenRow) is(labels string) bool {
	name, rest, _ := strings.Cut(strings.TrimSuffix(row.series, "}"), "{")
	want := []string{"__name__=" + name}
	for pair := range strings.SplitSeq(rest, ",") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			want = append(want, strings.Trim(k, `"`)+"="+strings.Trim(v, `"`))
		}
	}
	have := strings.Split(labels, ",")
	for _, l := range want {
		if !slices.Contains(have, l) {
			return false
		}
	}
	return !slices.ContainsFunc(have, func(l string) bool {
		return !slices.Contains(want, l) && !strings.HasPrefix(l, "job=") && !strings.HasPrefix(l, "instance=")
	})
}

// TestRemoteWrite_VMAgent has a real vmagent write what it scrapes to a Prometheus and,
// compressed with zstd, to the gateway.
func TestRemoteWrite_VMAgent(t *testing.T) {
	t.Parallel()
	agent := realBackend(t, "vmagent")
	direct, behind := remoteWriteTarget(t, withSuffixes), remoteWriteTarget(t, withSuffixes)
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
	assert.Regexp(t, `(?m)^otelcol_receiver_prometheus_remote_write_requests_total\{code="204",version="1.0"\} [1-9]`, string(get(t, "http://"+r.metrics+"/metrics")))
	assert.NotContains(t, string(get(t, "http://"+r.metrics+"/metrics")), `code="415"`, "zstd is accepted, so that vmagent does not fall back")
	g.stop()
}

// TestRemoteWrite_Compliance runs the official tests of receivers of remote write 2.0
// against the gateway.
func TestRemoteWrite_Compliance(t *testing.T) {
	t.Parallel()
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
