// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// arrived is what a backend has of the series of Prometheus: their samples, in the form of
// storedFloats, and what belongs to a series beside them.
type arrived struct {
	samples      map[string][]string
	ends         map[string]int // staleness markers
	descriptions map[string]string
	units        map[string]string
	exemplars    map[string]int
}

// seriesLabels returns the labels that a data point has in Prometheus, but for those of the
// gateway.
func seriesLabels(name string, resource, point pcommon.Map) string {
	labels := []string{"__name__=" + name}
	get := func(key string) string {
		if v, ok := resource.Get(key); ok {
			return v.Str()
		}
		return ""
	}
	job := get("service.name")
	if namespace := get("service.namespace"); namespace != "" {
		job = namespace + "/" + job
	}
	labels = append(labels, "job="+job, "instance="+get("service.instance.id"))
	for k, v := range point.All() {
		labels = append(labels, k+"="+v.AsString())
	}
	slices.Sort(labels)
	return strings.Join(labels, ",")
}

// arrived returns what the backend has of gauges and sums.
func (r *recorder) arrived() arrived {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := arrived{map[string][]string{}, map[string]int{}, map[string]string{}, map[string]string{}, map[string]int{}}
	for _, md := range r.metrics {
		for _, rm := range md.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					points := m.Gauge().DataPoints
					if m.Type() == pmetric.MetricTypeSum {
						points = m.Sum().DataPoints
					}
					if m.Description() != "" {
						a.descriptions[m.Name()] = m.Description()
					}
					if m.Unit() != "" {
						a.units[m.Name()] = m.Unit()
					}
					for _, p := range points().All() {
						labels := seriesLabels(m.Name(), rm.Resource().Attributes(), p.Attributes())
						a.exemplars[m.Name()] += p.Exemplars().Len()
						if p.Flags().NoRecordedValue() {
							a.ends[labels]++
							continue
						}
						a.samples[labels] = append(a.samples[labels], fmt.Sprint(p.Timestamp().AsTime().UnixMilli(), " ", p.DoubleValue()))
					}
				}
			}
		}
	}
	for _, samples := range a.samples {
		slices.Sort(samples)
	}
	return a
}

// storedFloats returns the samples of all series that a Prometheus has of a job.
func (s *store) storedFloats(job string) map[string][]string {
	s.t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	text := s.query("/api/v1/query", nil, url.Values{"query": {fmt.Sprintf("{job=%q}[1h]", job)}})
	require.NoError(s.t, json.Unmarshal([]byte(text), &answer), text)
	all := map[string][]string{}
	for _, series := range answer.Data.Result {
		var labels []string
		for k, v := range series.Metric {
			labels = append(labels, k+"="+v)
		}
		slices.Sort(labels)
		id := strings.Join(labels, ",")
		for _, v := range series.Values {
			value, err := strconv.ParseFloat(v[1].(string), 64)
			require.NoError(s.t, err)
			all[id] = append(all[id], fmt.Sprint(int64(math.Round(v[0].(float64)*1000)), " ", value))
		}
		slices.Sort(all[id])
	}
	return all
}

// TestRemoteWrite_ArrivesAsItIsStored has a real Prometheus with what tenantctl onboard
// prints write what it scrapes: Debian's 2.42, which speaks 1.0 alone, with basic
// authentication, and a current one in 2.0. What a backend of OTLP gets are the samples
// that the Prometheus itself has stored, with metadata, exemplars and ends.
func TestRemoteWrite_ArrivesAsItIsStored(t *testing.T) {
	t.Parallel()
	for name, sender := range map[string]struct {
		path   string
		change func(o operate.OnboardingView) []string
		flags  string
	}{
		"2.42 of Debian, 1.0": {debianPrometheus(t), func(operate.OnboardingView) []string {
			return []string{
				"    authorization:\n      credentials_file: " + operate.KeyFile + "\n", "",
				"    # basic_auth:\n    #   username: \"acme\"\n    #   password_file: ", "    basic_auth:\n      username: \"acme\"\n      password_file: ",
			}
		}, "exemplar-storage"},
		"3, 2.0": {realBackend(t, "prometheus"), func(operate.OnboardingView) []string {
			return []string{"# protobuf_message", "protobuf_message"}
		}, "exemplar-storage,metadata-wal-records"},
	} {
		t.Run(name, func(t *testing.T) {
			backend := newRecorder(t)
			r := newRig(t, `
    allow_private_endpoints: [127.0.0.1]
    destinations:
      backend: {otlp_http: {endpoint: "`+backend.url+`", compression: none}}
    routes: {metrics: [backend]}`+fastRetry, "acme")
			g := r.run()
			var scrapes atomic.Int64
			exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
				_, _ = w.Write([]byte(exposition(scrapes.Add(1))))
			}))
			defer exporter.Close()
			dir, addr := t.TempDir(), addresses(t, 1)[0]
			keyFile, config := filepath.Join(dir, "gateway.key"), filepath.Join(dir, "prometheus.yml")
			require.NoError(t, os.WriteFile(keyFile, []byte(r.keys["acme"]+"\n"), 0o600))
			o := onboarding(t, r, "acme", "http://"+r.remoteWrite)
			snippet := adapted(t, o.PrometheusConfig, append(sender.change(o),
				operate.KeyFile, keyFile, "    queue_config:\n", "    metadata_config: {send_interval: 1s}\n    queue_config:\n      batch_send_deadline: 200ms\n")...)
			require.NoError(t, os.WriteFile(config, []byte(fmt.Sprintf(
				"global: {scrape_interval: 500ms, scrape_timeout: 500ms}\nscrape_configs:\n  - {job_name: shop/exporter, static_configs: [{targets: [%q]}]}\n%s",
				strings.TrimPrefix(exporter.URL, "http://"), snippet)), 0o600))
			source := newStore(t, addr, "/-/ready", process.Settings{Path: sender.path, Args: []string{
				"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + addr, "--enable-feature=" + sender.flags,
			}})
			require.Eventually(t, func() bool { return scrapes.Load() >= 10 }, time.Minute, 20*time.Millisecond)
			exporter.Close()
			labels := func(name, rest string) string {
				all := append([]string{"__name__=" + name, "job=shop/exporter", "instance=" + strings.TrimPrefix(exporter.URL, "http://")}, rest)
				slices.Sort(all)
				return strings.Join(all, ",")
			}
			require.Eventually(t, func() bool {
				return backend.arrived().ends[labels("plain_total", "path=/")] == 1
			}, time.Minute, 50*time.Millisecond, "the end of a series")
			want, exemplars := source.storedFloats("shop/exporter"), source.exemplars("latency_seconds_bucket")
			require.NoError(t, source.stop())
			r.drained()
			got := backend.arrived()
			require.Greater(t, len(want), 20)
			for series, samples := range want {
				// The source goes on with `up` and the like until it stops.
				require.GreaterOrEqual(t, len(got.samples[series]), len(samples), series)
				assert.Equal(t, samples, got.samples[series][:len(samples)], series)
				if !strings.Contains(series, "__name__=scrape_") && !strings.Contains(series, "__name__=up,") {
					assert.Equal(t, 1, got.ends[series], series)
				}
			}
			for series := range got.samples {
				assert.Contains(t, want, series)
			}
			assert.Equal(t, "A counter whose series ends in _total.", got.descriptions["plain_total"])
			assert.Equal(t, "celsius", got.units["temperature_celsius"])
			assert.Contains(t, exemplars, "4bf92f3577b34da6a3ce929d0e0e4736")
			assert.Equal(t, strings.Count(exemplars, `"traceID"`)+strings.Count(exemplars, `"trace_id"`), got.exemplars["latency_seconds_bucket"])
			assert.Zero(t, r.total().dropped)
			g.stop()
		})
	}
}
