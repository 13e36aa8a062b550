// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

// seriesOf returns samples of which each value is f of the time in minutes.
func seriesOf(f func(minute float64) float64) []sample {
	var out []sample
	for at := time.Duration(0); at < 20*time.Minute; at += 10 * time.Second {
		s := sample{at: at, gone: int(at.Seconds())}
		for i := range s.values {
			s.values[i] = f(at.Minutes())
		}
		out = append(out, s)
	}
	return out
}

func TestReport_FailsOnGrowthAlone(t *testing.T) {
	const unit = 100 << 20 // above the slack of every measure
	for name, c := range map[string]struct {
		f     func(minute float64) float64
		fails bool
	}{
		"level":                     {func(float64) float64 { return unit }, false},
		"falls":                     {func(m float64) float64 { return unit * (30 - m) }, false},
		"grows while it warms up":   {func(m float64) float64 { return unit * min(m, 5) }, false},
		"saw teeth":                 {func(m float64) float64 { return unit * (1 + m - float64(int(m))) }, false},
		"a peak":                    {func(m float64) float64 { return map[bool]float64{true: 50 * unit, false: unit}[int(m) == 18] }, false},
		"grows with what was there": {func(m float64) float64 { return unit * (1 + m/10) }, true},
		"grows without end":         {func(m float64) float64 { return unit * m }, true},
	} {
		var out bytes.Buffer
		err := report(&out, seriesOf(c.f), 6*time.Minute)
		assert.Equal(t, c.fails, err != nil, "%s: %v", name, err)
		if c.fails {
			for _, m := range measures {
				if m.share >= 0 {
					assert.ErrorContains(t, err, m.name+" grow")
				}
			}
			assert.NotContains(t, err.Error(), "queued bytes", "what backends do not take is not judged")
		}
	}
}

func TestReport_NeedsSamples(t *testing.T) {
	assert.ErrorContains(t, report(&bytes.Buffer{}, seriesOf(func(float64) float64 { return 1 }), 19*time.Minute), "too few")
}

func TestSample_ReadsMetrics(t *testing.T) {
	var s sample
	require.NoError(t, s.readMetrics(`# HELP x
otelcol_exporter_tenant_routing_lanes{destination="a",state="idle"} 3
otelcol_exporter_tenant_routing_lanes{destination="b",state="open"} 2
otelcol_exporter_tenant_routing_queued_bytes{destination="a"} 1.5e+3
`))
	assert.Equal(t, 5.0, s.values[lanes])
	assert.Equal(t, 1500.0, s.values[queuedBytes])
	assert.Equal(t, 3.0, s.values[series])
	assert.Error(t, s.readMetrics(`x{otel_metric_overflow="true"} 1`))
}

func TestChurn_MakesRegistriesThatTheGatewayTakes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	c := newChurn(path, 20, func(int) string { return "http://127.0.0.1:1" })
	require.NoError(t, c.write())
	for due := 0; due <= 100; due += 10 {
		require.NoError(t, c.next(due))
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		snapshot, err := registryfile.Parse(data)
		require.NoError(t, err)
		assert.Equal(t, 20, snapshot.Len())
	}
	assert.Equal(t, 100, c.gone)
	assert.Equal(t, 120, c.created)
}

// TestSoak_RunsTheBuiltGateway shows that the soak itself works; it is too short to
// say anything of the gateway.
func TestSoak_RunsTheBuiltGateway(t *testing.T) {
	build := filepath.Join("..", "..", "_build")
	if _, err := os.Stat(filepath.Join(build, "otelcol-tenant")); err != nil {
		if os.Getenv("REQUIRE_REAL") == "1" {
			t.Fatal("REQUIRE_REAL=1 and there is no _build/otelcol-tenant (run make build)")
		}
		t.Skip("there is no _build/otelcol-tenant (run make build)")
	}
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("there is no /proc")
	}
	csv := filepath.Join(t.TempDir(), "samples.csv")
	err := soak(context.Background(), options{
		duration: 8 * time.Second, every: 500 * time.Millisecond, sample: 500 * time.Millisecond,
		churn: 30, live: 30, rate: 60, build: build, csv: csv,
	})
	// Lanes open and nothing closes within seconds: growth is what it may find, or
	// that a slow machine took too few samples.
	if err != nil {
		assert.Regexp(t, " grow: |too few", err.Error())
	}
	data, err := os.ReadFile(csv)
	require.NoError(t, err)
	assert.Greater(t, bytes.Count(data, []byte("\n")), 1)
}
