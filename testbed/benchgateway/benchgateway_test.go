// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

func TestPayloads_DifferAndHaveTheSameNumberOfRecords(t *testing.T) {
	seen := map[string]bool{}
	for _, body := range payloads() {
		n, err := countRecords(body)
		require.NoError(t, err)
		assert.EqualValues(t, recordsPerRequest, n)
		seen[string(body)] = true
	}
	assert.Len(t, seen, bodies)
}

func TestCountRecords_RejectsInvalidProtobuf(t *testing.T) {
	body := payloads()[0]
	_, err := countRecords(body[:len(body)-1])
	require.Error(t, err)
	_, err = countRecords([]byte("{}"))
	require.Error(t, err)
	n, err := countRecords(append(bytes.Clone(body), body...)) // as merged requests are
	require.NoError(t, err)
	assert.EqualValues(t, 2*recordsPerRequest, n)
}

func TestSink_CountsRecordsByTenantAndInvalidRequests(t *testing.T) {
	list := customers(2)
	s, err := newSink(list)
	require.NoError(t, err)
	defer s.close()
	post := func(path, encoding string, body []byte) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, bytes.NewReader(body))
		require.NoError(t, err)
		if encoding != "" {
			req.Header.Set("Content-Encoding", encoding)
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	body := payloads()[0]
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err = w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())

	assert.Equal(t, 200, post("/tenant-00000/v1/logs", "", body))
	assert.Equal(t, 200, post("/tenant-00000/v1/logs", "gzip", packed.Bytes()))
	assert.Equal(t, 200, post("/tenant-00001/v1/logs", "", body))
	require.NoError(t, s.check(list, 0, 3), "two for the first, one for the second")
	require.ErrorContains(t, s.check(list, 0, 4), "tenant-00001 received 100 records instead of 200")
	assert.Equal(t, 400, post("/tenant-00002/v1/logs", "", body))
	assert.Equal(t, 400, post("/tenant-00000/v1/logs", "br", body))
	require.ErrorContains(t, s.check(list, 0, 3), "2 requests to the backends were invalid")
}

func TestUsage_ParsesProcFiles(t *testing.T) {
	cpu, err := parseStat("4242 (otel) col) x) S 1 4242 4242 0 -1 4194560 100 0 0 0 1234 66 7 8 20 0 9 0 100 1000 10")
	require.NoError(t, err)
	assert.Equal(t, 13*time.Second, cpu)
	_, err = parseStat("4242 (x) S 1")
	require.Error(t, err)
	peak, err := parseStatus([]byte("Name:\tx\nVmPeak:\t 2000 kB\nVmHWM:\t   1024 kB\nVmRSS:\t 512 kB\n"))
	require.NoError(t, err)
	assert.EqualValues(t, 1<<20, peak)
	_, err = parseStatus([]byte("Name:\tx\n"))
	require.Error(t, err)
	live, err := parseHeap(strings.NewReader("heap profile: 1: 2\n# Stack = 100 / 200\n# HeapAlloc = 1000\n"))
	require.NoError(t, err)
	assert.EqualValues(t, 1100, live)
	_, err = parseHeap(strings.NewReader("not found"))
	require.Error(t, err)
}

// Every configuration is valid YAML, and has every customer.
func TestSubject_Configures(t *testing.T) {
	list := customers(3)
	for name, tokens := range map[string]int{"contrib": 2, "contrib-batch": 2, "contrib-durable": 2, "memory": 0, "durable": 0} {
		t.Run(name, func(t *testing.T) {
			build := t.TempDir()
			require.NoError(t, os.MkdirAll(filepath.Join(build, "baseline-gateway"), 0o700))
			for _, binary := range []string{"otelcol-tenant", "baseline-gateway/otelcol-baseline-gateway"} {
				require.NoError(t, os.WriteFile(filepath.Join(build, binary), nil, 0o600))
			}
			s, err := newSubject(name, build, options{compression: "gzip", level: 1, batch: "100ms"})
			require.NoError(t, err)
			dir := t.TempDir()
			path, err := s.configure(settings{Dir: dir, Endpoint: "127.0.0.1:1", Pprof: "127.0.0.1:2", MetricsPort: "3", Sink: "http://127.0.0.1:4", Customers: list})
			require.NoError(t, err)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			var config map[string]any
			require.NoError(t, yaml.Unmarshal(text, &config), string(text))
			assert.Contains(t, config, "service")
			assert.Contains(t, string(text), "compression_params: {level: 1}")
			for _, c := range list {
				assert.Equal(t, tokens, strings.Count(string(text), c.Key), "in a list of tokens and a route, or only in the registry")
			}
			assert.Equal(t, s.durable, strings.Contains(string(text), "file_storage"))
			data, err := os.ReadFile(filepath.Join(dir, "tenants.yaml"))
			require.NoError(t, err)
			snap, err := registryfile.Parse(data)
			require.NoError(t, err)
			for _, c := range list {
				assert.Equal(t, c.ID, string(snap.Key(apikey.Digest(c.Key)).Tenant().ID))
			}
		})
	}
	_, err := newSubject("other", t.TempDir(), options{})
	require.Error(t, err)
	_, err = newSubject("memory", t.TempDir(), options{})
	require.ErrorContains(t, err, "is not built")
}

func TestMedian(t *testing.T) {
	value := func(r result) float64 { return float64(r.peak) }
	assert.InDelta(t, 3, median([]result{{peak: 9}, {peak: 1}, {peak: 3}}, value), 0)
	assert.InDelta(t, 2, median([]result{{peak: 3}, {peak: 1}}, value), 0)
}

func TestNumbers(t *testing.T) {
	list, err := numbers("100, 1000")
	require.NoError(t, err)
	assert.Equal(t, []int{100, 1000}, list)
	for _, text := range []string{"0", "-1", "x", "1,,2"} {
		_, err := numbers(text)
		require.Error(t, err, text)
	}
}
