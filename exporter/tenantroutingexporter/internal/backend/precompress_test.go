// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// partFor returns a part of one payload, of so many bytes at least, for destinations.
func partFor(t *testing.T, size int, destinations ...*Destination) lane.Part {
	t.Helper()
	b := logsBatch(t, strings.Repeat("order was placed ", size/17+1))
	part := lane.Part{Payload: &lane.Payload{
		Tenant: b.Key.Tenant, Signal: tenant.Logs, Records: 1, Data: b.Payloads[0], Size: len(b.Payloads[0]),
	}}
	for _, d := range destinations {
		part.Routes = append(part.Routes, lane.Route{Destination: d.name, Target: d.Target(tenant.Logs, template.Values{Tenant: b.Key.Tenant})})
	}
	return part
}

func gzipped(level configcompression.Level) func(*HTTPSettings) {
	return func(set *HTTPSettings) {
		set.Client.Compression, set.Client.CompressionParams.Level = "gzip", level
	}
}

func TestPrecompress_OnlyIfAllDestinationsAcceptTheForm(t *testing.T) {
	const url = "http://127.0.0.1:1"
	fast := overHTTP(t, profile(t, "otlp"), url, gzipped(0))
	small := overHTTP(t, profile(t, "otlp"), url, gzipped(6))
	none := overHTTP(t, profile(t, "otlp"), url, nil)
	zstd := overHTTP(t, profile(t, "tempo"), url, func(set *HTTPSettings) { set.Client.Compression = "zstd" })
	asJSON := overHTTP(t, profile(t, "otlp"), url, func(set *HTTPSettings) { gzipped(0)(set); set.Encoding = EncodingJSON })
	own := overHTTP(t, profile(t, "otlp"), url, func(set *HTTPSettings) {
		gzipped(0)(set)
		set.Client.Headers.Set("content-encoding", "identity")
	})
	grpc := overGRPC(t, profile(t, "otlp"), "127.0.0.1:1", nil)
	archive, err := NewArchive("a", ArchiveSettings{Directory: t.TempDir(), MaxFileBytes: 1, MaxOpenFiles: 1, Compression: ArchiveCompressionNone}, newPool(t))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		size          int
		to            []*Destination
		precompressed bool
	}{
		"one":                              {minPrecompress, []*Destination{fast}, true},
		"two that agree":                   {minPrecompress, []*Destination{fast, fast}, true},
		"small ones are better together":   {minPrecompress / 2, []*Destination{fast}, false},
		"more so at a higher level":        {minPrecompress, []*Destination{small}, false},
		"a large one at a higher level":    {minPrecompressSlow, []*Destination{small}, true},
		"two levels":                       {minPrecompressSlow, []*Destination{fast, small}, false},
		"no compression":                   {minPrecompress, []*Destination{none}, false},
		"zstd":                             {minPrecompress, []*Destination{zstd, zstd}, true},
		"two compressions":                 {minPrecompressSlow, []*Destination{fast, zstd}, false},
		"another encoding":                 {minPrecompress, []*Destination{asJSON}, false},
		"a Content-Encoding of one's own":  {minPrecompress, []*Destination{own}, false},
		"gRPC":                             {minPrecompress, []*Destination{fast, grpc}, false},
		"files":                            {minPrecompress, []*Destination{archive, fast}, false},
		"nowhere that is known at present": {minPrecompress, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			part := partFor(t, c.size, c.to...)
			before := part.Payload.Data
			newPool(t).Precompress(t.Context(), part)
			assert.Equal(t, c.precompressed, compress.Is(part.Payload.Data))
			assert.Equal(t, len(before), part.Payload.Size)
			after, err := compress.Expand(part.Payload.Data)
			require.NoError(t, err)
			assert.Equal(t, before, after)
		})
	}
	part := partFor(t, minPrecompress, fast)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 { // whichever of its turn and the end of its context is seen first
		newPool(t).Precompress(ctx, part)
	}
	_, err = compress.Expand(part.Payload.Data)
	require.NoError(t, err)
}

// A destination receives the same data for every form of the payloads.
func TestSend_DecompressesForOtherDestinations(t *testing.T) {
	g, err := compress.NewGzip(compress.Fastest)
	require.NoError(t, err)
	z, err := compress.NewZstd(1)
	require.NoError(t, err)
	mixed := func(t *testing.T) (precompressed *lane.Batch, want []byte) {
		b := logsBatch(t, "one", strings.Repeat("two", 9000), "three", strings.Repeat("four", 9000))
		want = bytes.Join(b.Payloads, nil)
		for i, c := range map[int]compress.Codec{1: g, 3: z} {
			b.Payloads[i], err = c.Compress(t.Context(), b.Payloads[i])
			require.NoError(t, err)
		}
		return b, want
	}
	for name, change := range map[string]func(*HTTPSettings){
		"gzip": gzipped(0), "gzip, level 9": gzipped(9), "none": nil,
		"zstd": func(set *HTTPSettings) { set.Client.Compression = "zstd" },
		"own":  func(set *HTTPSettings) { gzipped(0)(set); set.Client.Headers.Set("Content-Encoding", "identity") },
	} {
		t.Run(name, func(t *testing.T) {
			var got []byte
			s := httptest.NewServer(decompressing(t, func(_ http.ResponseWriter, _ *http.Request, data []byte) { got = data }))
			defer s.Close()
			b, want := mixed(t)
			require.Equal(t, lane.Delivered, send(t, overHTTP(t, profile(t, "otlp"), s.URL, change), b).Verdict)
			assert.True(t, bytes.Equal(want, got))
		})
	}
	t.Run("JSON", func(t *testing.T) {
		var got []byte
		s := httptest.NewServer(decompressing(t, func(_ http.ResponseWriter, _ *http.Request, data []byte) { got = data }))
		defer s.Close()
		b, _ := mixed(t)
		d := overHTTP(t, profile(t, "otlp"), s.URL, func(set *HTTPSettings) { gzipped(0)(set); set.Encoding = EncodingJSON })
		require.Equal(t, lane.Delivered, send(t, d, b).Verdict)
		assert.Contains(t, string(got), `"stringValue":"three"`)
		assert.Contains(t, string(got), strings.Repeat("four", 9000))
	})
	t.Run("gRPC", func(t *testing.T) {
		var got []string
		addr := serveGRPC(t, func(_ context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
			got = bodiesOf(r)
			return plogotlp.NewExportResponse(), nil
		})
		b, _ := mixed(t)
		require.Equal(t, lane.Delivered, send(t, overGRPC(t, profile(t, "otlp"), addr, nil), b).Verdict)
		assert.Equal(t, []string{"one", strings.Repeat("two", 9000), "three", strings.Repeat("four", 9000)}, got)
	})
	t.Run("files and dead letters", func(t *testing.T) {
		b, _ := mixed(t)
		lines, err := linesFor(tenant.Logs, b.Payloads)
		require.NoError(t, err)
		assert.Equal(t, 4, bytes.Count(lines, []byte("\n")))
		letters, err := lettersOf(t, b, lane.Result{Verdict: lane.Rejected}, time.Now())
		require.NoError(t, err)
		assert.Equal(t, 4, bytes.Count(letters, []byte("\n")))
		assert.Contains(t, string(letters), strings.Repeat("two", 9000))
	})
}

// A payload that is damaged is given up: no later attempt would help it.
func TestSend_RejectsADamagedPayload(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("nothing may be sent") }))
	defer s.Close()
	for name, d := range map[string]*Destination{
		"gzip": overHTTP(t, profile(t, "otlp"), s.URL, gzipped(0)),
		"none": overHTTP(t, profile(t, "otlp"), s.URL, nil),
		"json": overHTTP(t, profile(t, "otlp"), s.URL, func(set *HTTPSettings) { set.Encoding = EncodingJSON }),
		"grpc": overGRPC(t, profile(t, "otlp"), strings.TrimPrefix(s.URL, "http://"), nil),
	} {
		b := logsBatch(t, "one")
		b.Payloads[0] = []byte{0, 1, 2, 3, 4, 5, 6} // compressed, says the first byte
		res := send(t, d, b)
		assert.Equal(t, lane.Rejected, res.Verdict, name)
		assert.Equal(t, "decode", res.Reason, name)
		assert.ErrorIs(t, res.Err, compress.ErrMalformed, name)
	}
}
