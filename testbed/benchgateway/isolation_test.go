// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

func TestMarked_IsFoundAfterAnotherRequest(t *testing.T) {
	body := append(append([]byte(nil), payloads()[0]...), marked(mark+"007.00000042")...)
	n, err := countRecords(body)
	require.NoError(t, err)
	assert.EqualValues(t, recordsPerRequest+1, n)

	a := &arrivals{sent: make(map[string]time.Time)}
	a.expect(mark + "007.00000042")
	a.expect(mark + "007.00000043")
	merged := append(append([]byte(nil), body...), marked(mark+"007.00000043")...)
	a.note(merged, time.Now())
	here, err := a.wait(t.Context(), 2)
	require.NoError(t, err)
	assert.Len(t, here, 2)
	assert.Empty(t, a.sent)

	a.note(body, time.Now())
	_, err = a.wait(t.Context(), 2)
	require.ErrorContains(t, err, "1 requests were delivered twice")
}

func TestArrivals_WaitEndsWithContext(t *testing.T) {
	a := &arrivals{sent: make(map[string]time.Time)}
	a.expect(mark + "000.00000000")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.wait(ctx, 1)
	require.ErrorContains(t, err, "0 of 1 requests")
}

func TestPercentile(t *testing.T) {
	var d []time.Duration
	for i := range 200 {
		d = append(d, time.Duration(199-i))
	}
	assert.Equal(t, time.Duration(100), percentile(d, 50))
	assert.Equal(t, time.Duration(198), percentile(d, 99))
	assert.Equal(t, time.Duration(199), d[0], "the argument is not sorted")
	assert.Zero(t, percentile(nil, 99))
}

// Each tenant's backend has the URL in the registry.
func TestSubject_ConfiguresOwnBackends(t *testing.T) {
	build := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(build, "otelcol-tenant"), nil, 0o600))
	s, err := newSubject("memory", build, options{compression: "gzip", batch: "20ms"})
	require.NoError(t, err)
	list := customers(2)
	list[0].URL, list[1].URL = "http://127.0.0.1:1", "http://127.0.0.1:2"
	dir := t.TempDir()
	path, err := s.configure(settings{Dir: dir, Endpoint: "127.0.0.1:1", Pprof: "127.0.0.1:2", MetricsPort: "3", OwnURLs: true, Customers: list})
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(text), `endpoint: "{vars.url}"`)
	data, err := os.ReadFile(filepath.Join(dir, "tenants.yaml"))
	require.NoError(t, err)
	snap, err := registryfile.Parse(data)
	require.NoError(t, err)
	for _, c := range list {
		assert.Equal(t, c.URL, snap.Key(apikey.Digest(c.Key)).Tenant().Vars["url"])
	}
}

func TestIsolation_Options(t *testing.T) {
	o := options{isolation: true, isolationRate: 1, isolationFlood: 20, isolationTime: time.Second, runs: 1, requests: 1, workers: 1, build: t.TempDir(), subjects: "contrib,memory"}
	require.ErrorContains(t, run(t.Context(), o), "otelcol-tenant is not built", "contrib is left out")
	o.isolationFlood = 0.5
	require.ErrorContains(t, run(t.Context(), o), "-isolation-flood")
}
