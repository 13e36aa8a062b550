// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// recorder is a backend that keeps what it accepted, in that order. The last element of a
// request's path is the signal.
type recorder struct {
	url    string
	refuse func(body []byte) bool // permanently, with 400; nil rejects nothing
	away   atomic.Bool            // answers 503
	uneven bool                   // delays some requests more than others

	mu       sync.Mutex
	logs     []plog.LogRecord
	spans    []ptrace.Span
	metrics  []pmetric.Metrics
	requests int // taken
	refused  int // requests
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

// ServeHTTP implements http.Handler.
func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	if r.away.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.uneven {
		pause(req.Context(), time.Duration(rand.IntN(20))*time.Millisecond)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil && r.refuse(body) {
		r.refused++
		http.Error(w, "a record is not valid", http.StatusBadRequest)
		return
	}
	if err := r.take(req.URL.Path, body); err != nil {
		http.Error(w, "not OTLP: "+err.Error(), http.StatusBadRequest)
		return
	}
	r.requests++
}

func (r *recorder) take(path string, body []byte) error {
	switch {
	case strings.HasSuffix(path, "/logs"):
		ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(body)
		if err != nil {
			return err
		}
		r.logs = append(r.logs, logRecords(ld)...)
	case strings.HasSuffix(path, "/traces"):
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(body)
		if err != nil {
			return err
		}
		r.spans = append(r.spans, spansOf(td)...)
	case strings.HasSuffix(path, "/metrics"):
		md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(body)
		if err != nil {
			return err
		}
		r.metrics = append(r.metrics, md)
	default:
		return fmt.Errorf("path %s", path)
	}
	return nil
}

// bodies returns the bodies of the log records in the order of arrival.
func (r *recorder) bodies() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, lr := range r.logs {
		all = append(all, lr.Body().AsString())
	}
	return all
}

// spanNames returns the names of the spans in the order of arrival.
func (r *recorder) spanNames() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		all = append(all, s.Name())
	}
	return all
}

// metricNames returns the names of the metrics in the order of arrival.
func (r *recorder) metricNames() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, md := range r.metrics {
		for _, m := range metricsOf(md) {
			all = append(all, m.Name())
		}
	}
	return all
}

// series returns the samples of a metric by time series, in the order of arrival: the
// values of sums and gauges, and the counts of histograms.
func (r *recorder) series(metric string) map[string][]sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string][]sample{}
	for _, md := range r.metrics {
		for _, rm := range md.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					if m.Name() != metric {
						continue
					}
					add := func(attributes pcommon.Map, at pcommon.Timestamp, value float64) {
						id := identity(rm.Resource().Attributes()) + identity(attributes)
						all[id] = append(all[id], sample{at.AsTime().UnixMilli(), value})
					}
					eachValue(m, add)
				}
			}
		}
	}
	return all
}

func eachValue(m pmetric.Metric, add func(pcommon.Map, pcommon.Timestamp, float64)) {
	switch m.Type() {
	case pmetric.MetricTypeSum:
		for _, p := range m.Sum().DataPoints().All() {
			add(p.Attributes(), p.Timestamp(), number(p))
		}
	case pmetric.MetricTypeGauge:
		for _, p := range m.Gauge().DataPoints().All() {
			add(p.Attributes(), p.Timestamp(), number(p))
		}
	case pmetric.MetricTypeHistogram:
		for _, p := range m.Histogram().DataPoints().All() {
			add(p.Attributes(), p.Timestamp(), float64(p.Count()))
		}
	}
}

func number(p pmetric.NumberDataPoint) float64 {
	if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
		return float64(p.IntValue())
	}
	return p.DoubleValue()
}

// identity is equal for maps with the same content.
func identity(m pcommon.Map) string {
	var parts []string
	for k, v := range m.All() {
		parts = append(parts, fmt.Sprintf("%q=%q", k, v.AsString()))
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ",") + "}"
}
