// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// store is a real backend of make backends that can be stopped and restarted with its data.
type store struct {
	t    *testing.T
	addr string
	set  process.Settings
	p    *process.Process
}

// realBackend returns the path of a backend's binary, or skips.
func realBackend(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "_build", "backends", name))
	require.NoError(t, err)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if name == "victoria-traces" {
		t.Skip("there is no _build/backends/victoria-traces (make victoria-traces VICTORIATRACES_SOURCE=DIR): the Go module proxy does not serve it, so CI has none")
	}
	missing(t, "_build/backends/"+name+" (run make backends)")
	return ""
}

func newStore(t *testing.T, addr, health string, set process.Settings) *store {
	t.Helper()
	set.Health = "http://" + addr + health
	s := &store{t: t, addr: addr, set: set}
	t.Cleanup(func() {
		if t.Failed() && s.p != nil {
			t.Logf("output of %s:\n%s", filepath.Base(set.Path), s.p.Tail(3000))
		}
		if s.p != nil {
			_ = s.p.Kill()
		}
	})
	s.start()
	return s
}

// newVictoria starts victoria-logs, victoria-metrics or victoria-traces.
func newVictoria(t *testing.T, name string, flags ...string) *store {
	t.Helper()
	path, addr := realBackend(t, name), addresses(t, 1)[0]
	return newStore(t, addr, "/health", process.Settings{Path: path, Args: append([]string{
		"-httpListenAddr=" + addr, "-storageDataPath=" + filepath.Join(t.TempDir(), "data"), "-memory.allowedBytes=128MiB",
	}, flags...)})
}

// newPrometheus starts Prometheus without a window for out-of-order samples.
func newPrometheus(t *testing.T) *store {
	t.Helper()
	path, addr, dir := realBackend(t, "prometheus"), addresses(t, 1)[0], t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, []byte("otlp: {promote_resource_attributes: [business_id]}\n"), 0o600))
	return newStore(t, addr, "/-/ready", process.Settings{Path: path, Args: []string{
		"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + addr,
		"--web.enable-otlp-receiver",
	}})
}

func (s *store) start() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	p, err := process.Start(ctx, s.set)
	require.NoError(s.t, err)
	s.p = p
}

func (s *store) stop() error {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	return s.p.Stop(ctx)
}

// query posts a form and returns the body of a successful answer.
func (s *store) query(path string, headers map[string]string, form url.Values) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+s.addr+path, strings.NewReader(form.Encode()))
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, resp.StatusCode, "%s", body)
	return string(body)
}

// rows returns the rows that VictoriaLogs or VictoriaTraces stores for an account, by time.
func (s *store) rows(account string) []map[string]string {
	s.t.Helper()
	return jsonLines[map[string]string](s.t, s.query("/select/logsql/query", map[string]string{"AccountID": account},
		url.Values{"query": {"* | sort by (_time)"}, "limit": {"100000"}}))
}

// sample is a stored value with its time in milliseconds.
type sample struct {
	ms    int64
	value float64
}

// samples returns the samples that VictoriaMetrics stores for a metric of a tenant, by
// time, without duplicates.
func (s *store) samples(metric, owner string) []sample {
	s.t.Helper()
	type series struct {
		Metric     map[string]string
		Values     []float64
		Timestamps []int64
	}
	var all []sample
	for _, one := range jsonLines[series](s.t, s.query("/api/v1/export", nil,
		url.Values{"match[]": {fmt.Sprintf(`{__name__=%q,business_id=%q}`, metric, owner)}})) {
		require.Equal(s.t, "shop of "+owner, one.Metric["service.name"], "a sample of another tenant")
		for i, v := range one.Values {
			all = append(all, sample{one.Timestamps[i], v})
		}
	}
	slices.SortStableFunc(all, func(a, b sample) int { return int(a.ms - b.ms) })
	return slices.Compact(all)
}

// rangeOf returns the samples that Prometheus stores for a metric of a tenant, by time.
func (s *store) rangeOf(metric, owner string) (all []sample) {
	s.t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]json.RawMessage
			}
		}
	}
	text := s.query("/api/v1/query", nil, url.Values{"query": {fmt.Sprintf(`%s{business_id=%q}[1h]`, metric, owner)}})
	require.NoError(s.t, json.Unmarshal([]byte(text), &answer), text)
	for _, series := range answer.Data.Result {
		require.Equal(s.t, "shop of "+owner, series.Metric["job"], "a sample of another tenant")
		for _, pair := range series.Values {
			seconds, err := strconv.ParseFloat(string(pair[0]), 64)
			require.NoError(s.t, err)
			value, err := strconv.ParseFloat(strings.Trim(string(pair[1]), `"`), 64)
			require.NoError(s.t, err)
			all = append(all, sample{int64(math.Round(seconds * 1000)), value})
		}
	}
	return all
}

// strict is a server in front of a store that rejects a whole request with status 400 for
// one bad record, as most backends do: a log record, metric or span named "bad…".
type strict struct {
	url     string
	refused atomic.Int64 // requests
	lenient atomic.Bool  // nothing is rejected
}

func newStrict(t *testing.T, s *store) *strict {
	t.Helper()
	target, err := url.Parse("http://" + s.addr)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	front := &strict{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		bad, err := holdsBad(r.URL.Path, r.Header.Get("Content-Encoding"), body)
		if err != nil || bad && !front.lenient.Load() {
			front.refused.Add(1)
			http.Error(w, fmt.Sprintf("a record is not valid (%v)", err), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	front.url = server.URL
	return front
}

func holdsBad(path, encoding string, body []byte) (bool, error) {
	if encoding == "gzip" {
		unzip, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return false, err
		}
		if body, err = io.ReadAll(unzip); err != nil {
			return false, err
		}
	}
	var names []string
	switch {
	case strings.HasSuffix(path, "/logs"):
		ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(body)
		if err != nil {
			return false, err
		}
		for _, lr := range logRecords(ld) {
			names = append(names, lr.Body().AsString())
		}
	case strings.HasSuffix(path, "/metrics"):
		md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(body)
		if err != nil {
			return false, err
		}
		for _, m := range metricsOf(md) {
			names = append(names, m.Name())
		}
	default:
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(body)
		if err != nil {
			return false, err
		}
		for _, s := range spansOf(td) {
			names = append(names, s.Name())
		}
	}
	return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "bad") }), nil
}
