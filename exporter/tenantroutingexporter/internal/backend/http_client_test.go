// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
)

// Settings that only a client applies still apply.
func TestHTTP_Cookies(t *testing.T) {
	var cookies []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookies = append(cookies, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "lb", Value: "7"})
	}))
	defer s.Close()
	d := overHTTP(t, profile(t, "otlp"), s.URL, func(set *HTTPSettings) {
		set.Client.Cookies = configoptional.Some(confighttp.CookiesConfig{})
	})
	for range 2 {
		require.Equal(t, lane.Delivered, send(t, d, logsBatch(t, "two")).Verdict)
	}
	assert.Equal(t, []string{"", "lb=7"}, cookies)
}

// telemetryOf returns telemetry of which metrics and spans can be looked at. As the
// collector does below the level "detailed", it leaves out the metrics of HTTP
// clients if it is configured so.
func telemetryOf(without bool) (tel component.TelemetrySettings, metrics *sdkmetric.ManualReader, spans *tracetest.InMemoryExporter) {
	tel = componenttest.NewNopTelemetrySettings()
	metrics, spans = sdkmetric.NewManualReader(), tracetest.NewInMemoryExporter()
	options := []sdkmetric.Option{sdkmetric.WithReader(metrics)}
	if without {
		scope := instrumentation.Scope{Name: "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"}
		options = append(options, sdkmetric.WithView(sdkmetric.NewView(
			sdkmetric.Instrument{Name: "*", Scope: scope}, sdkmetric.Stream{Aggregation: sdkmetric.AggregationDrop{}})))
	}
	tel.MeterProvider = sdkmetric.NewMeterProvider(options...)
	tel.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	return tel, metrics, spans
}

func poolWith(t testing.TB, tel component.TelemetrySettings) *Pool {
	t.Helper()
	p := NewPool(tel, component.NewDefaultBuildInfo(), componenttest.NewNopHost(), recovery.New(zap.NewNop()))
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	return p
}

func toServer(t testing.TB, url string, pool *Pool) *Destination {
	t.Helper()
	set := HTTPSettings{Client: confighttp.NewDefaultClientConfig(), Encoding: EncodingProto}
	set.Client.Endpoint, set.Client.Timeout, set.Client.Compression = url, time.Minute, "gzip"
	d, err := NewHTTP("d", profiles()[0], set, pool)
	require.NoError(t, err)
	return d
}

func TestHTTP_IsMeasuredAndTracedIfEnabled(t *testing.T) {
	var received, measured int64
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { received, _ = io.Copy(io.Discard, r.Body) }))
	defer s.Close()
	for _, without := range []bool{false, true} {
		tel, metrics, spans := telemetryOf(without)
		require.Equal(t, lane.Delivered, send(t, toServer(t, s.URL, poolWith(t, tel)), logsBatch(t, "one")).Verdict)
		var got metricdata.ResourceMetrics
		require.NoError(t, metrics.Collect(t.Context(), &got))
		var names []string
		for _, sm := range got.ScopeMetrics {
			for _, m := range sm.Metrics {
				names = append(names, m.Name)
				if sizes, ok := m.Data.(metricdata.Histogram[int64]); ok && m.Name == "http.client.request.body.size" {
					measured = sizes.DataPoints[0].Sum
				}
			}
		}
		if without {
			assert.Empty(t, names)
			assert.Empty(t, spans.GetSpans())
			continue
		}
		assert.Contains(t, names, "http.client.request.duration")
		assert.Positive(t, received)
		assert.Equal(t, received, measured, "the size of the body")
		assert.NotContains(t, names, "http.client.active_requests", "the probe is not seen")
		assert.Len(t, spans.GetSpans(), 1)
	}
}

// BenchmarkHTTP_Send is one request of 100 or 300 records that was compressed when it was
// accepted, to a server on loopback and back.
func BenchmarkHTTP_Send(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer s.Close()
	for _, c := range []struct {
		size     int // compressed
		detailed bool
	}{{7000, false}, {7000, true}, {20_000, false}} {
		noisy := make([]byte, c.size)
		_, _ = rand.NewChaCha8([32]byte{1}).Read(noisy)
		b.Run(fmt.Sprintf("size=%d,detailed=%t", c.size, c.detailed), func(b *testing.B) {
			tel, _, _ := telemetryOf(!c.detailed)
			tel.TracerProvider = sdktrace.NewTracerProvider()
			d := toServer(b, s.URL, poolWith(b, tel))
			batch := logsBatch(b, "one")
			var err error
			batch.Payloads[0], err = d.codec.Compress(b.Context(), noisy)
			require.NoError(b, err)
			t := d.Target(batch.Key.Signal, template.Values{Tenant: batch.Key.Tenant})
			b.ReportAllocs()
			for b.Loop() {
				if res := t.Send(b.Context(), batch); res.Verdict != lane.Delivered {
					b.Fatal(res.Err)
				}
			}
		})
	}
}
