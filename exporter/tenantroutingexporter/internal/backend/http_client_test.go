package backend

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
)

// What only a client does is still done where it is asked for.
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

// BenchmarkHTTP_Send is one request of 24 KB that was compressed when it was
// accepted, to a server on loopback and back.
func BenchmarkHTTP_Send(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer s.Close()
	set := HTTPSettings{Client: confighttp.NewDefaultClientConfig(), Encoding: EncodingProto}
	set.Client.Endpoint, set.Client.Timeout, set.Client.Compression = s.URL, time.Minute, "gzip"
	pool := NewPool(componenttest.NewNopTelemetrySettings(), component.NewDefaultBuildInfo(), componenttest.NewNopHost())
	defer func() { require.NoError(b, pool.Close()) }()
	d, err := NewHTTP("d", profiles()[0], set, pool)
	require.NoError(b, err)
	batch := logsBatch(b, strings.Repeat("x", 10))
	noisy := make([]byte, 7000)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noisy)
	batch.Payloads[0], err = d.codec.Compress(b.Context(), noisy)
	require.NoError(b, err)
	t := d.Target(batch.Key.Signal, template.Values{Tenant: batch.Key.Tenant})
	b.ReportAllocs()
	for b.Loop() {
		if res := t.Send(b.Context(), batch); res.Verdict != lane.Delivered {
			b.Fatal(res.Err)
		}
	}
}
