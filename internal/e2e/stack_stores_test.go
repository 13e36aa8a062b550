// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// scopedStore has the parts of the APIs of Loki, Mimir and Tempo with which data is written
// and queried, from their documentation. Tenants are separated by X-Scope-OrgID.
type scopedStore struct {
	url string
	// shared is a store that ignores tenants.
	shared bool

	mu     sync.Mutex
	logs   map[string][]string            // bodies by tenant
	series map[string][]map[string]string // labels by tenant
	spans  map[string]map[string][]string // names by tenant and trace
}

func newScopedStore(t *testing.T) *scopedStore {
	t.Helper()
	s := &scopedStore{logs: map[string][]string{}, series: map[string][]map[string]string{}, spans: map[string]map[string][]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// ServeHTTP implements http.Handler.
func (s *scopedStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Scope-OrgID")
	if id == "" {
		http.Error(w, "no org id", http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shared {
		id = "all"
	}
	if r.Method == http.MethodPost {
		body, err := plainBody(r)
		if err == nil {
			err = s.store(id, r.URL.Path, body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer, err := s.answer(id, r.URL.Path, r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// plainBody returns the body of a request without its compression.
func plainBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "":
		return body, nil
	case "gzip":
		plain, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(plain)
	case "zstd":
		plain, err := zstd.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		defer plain.Close()
		return io.ReadAll(plain)
	default:
		return nil, fmt.Errorf("encoding %q", encoding)
	}
}

func (s *scopedStore) store(id, path string, body []byte) error {
	switch path {
	case "/otlp/v1/logs":
		req := plogotlp.NewExportRequest()
		if err := req.UnmarshalProto(body); err != nil {
			return err
		}
		for _, lr := range logRecords(req.Logs()) {
			s.logs[id] = append(s.logs[id], lr.Body().AsString())
		}
	case "/otlp/v1/metrics":
		req := pmetricotlp.NewExportRequest()
		if err := req.UnmarshalProto(body); err != nil {
			return err
		}
		for _, m := range metricsOf(req.Metrics()) {
			for _, p := range m.Gauge().DataPoints().All() {
				labels := map[string]string{"__name__": m.Name()}
				for k, v := range p.Attributes().All() {
					labels[k] = v.AsString()
				}
				s.series[id] = append(s.series[id], labels)
			}
		}
	case "/v1/traces":
		req := ptraceotlp.NewExportRequest()
		if err := req.UnmarshalProto(body); err != nil {
			return err
		}
		for _, span := range spansOf(req.Traces()) {
			if s.spans[id] == nil {
				s.spans[id] = map[string][]string{}
			}
			trace := span.TraceID().String()
			s.spans[id][trace] = append(s.spans[id][trace], span.Name())
		}
	default:
		return fmt.Errorf("there is no %s", path)
	}
	return nil
}

func (s *scopedStore) answer(id, path string, query url.Values) (any, error) {
	switch {
	case path == "/loki/api/v1/query_range" && query.Get("query") == `{service_name="smoke"}` && query.Get("start") != "":
		values := [][2]string{}
		for n, body := range s.logs[id] {
			values = append(values, [2]string{fmt.Sprint(n), body})
		}
		return map[string]any{"status": "success", "data": map[string]any{"resultType": "streams", "result": []any{map[string]any{"stream": map[string]string{"service_name": "smoke"}, "values": values}}}}, nil
	case path == "/prometheus/api/v1/query" && query.Get("query") == "smoke_test":
		result := []any{}
		for _, labels := range s.series[id] {
			result = append(result, map[string]any{"metric": labels, "value": []any{0, "1"}})
		}
		return map[string]any{"status": "success", "data": map[string]any{"resultType": "vector", "result": result}}, nil
	case strings.HasPrefix(path, "/api/v2/traces/"):
		spans := []any{} // another tenant's trace is 200 and empty, as in Tempo
		for _, name := range s.spans[id][strings.TrimPrefix(path, "/api/v2/traces/")] {
			spans = append(spans, map[string]any{"name": name})
		}
		return map[string]any{"trace": map[string]any{"spans": spans}}, nil
	}
	return nil, fmt.Errorf("there is no %s?%s", path, query.Encode())
}
