// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configcompression"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

func TestHTTP_GzipIsReadableAndHasALength(t *testing.T) {
	var lengths []int64
	var bodies []string
	handler := decompressing(t, func(w http.ResponseWriter, _ *http.Request, data []byte) { bodies = append(bodies, string(data)) })
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, []string{"gzip"}, r.Header["Content-Encoding"])
		lengths = append(lengths, r.ContentLength)
		handler(w, r)
	}))
	defer s.Close()
	d := overHTTP(t, profile(t, "otlp"), s.URL, func(set *HTTPSettings) { set.Client.Compression = "gzip" })
	b := logsBatch(t, "one", "two")
	require.Equal(t, lane.Delivered, send(t, d, b).Verdict)
	require.Len(t, bodies, 1)
	assert.Equal(t, string(bytes.Join(b.Payloads, nil)), bodies[0])
	assert.Positive(t, lengths[0])
}

func TestHTTP_SendsPrecompressedBodiesAsTheyAre(t *testing.T) {
	var got []byte
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		assert.Equal(t, []string{"identity"}, r.Header["Content-Encoding"])
		var err error
		got, err = io.ReadAll(r.Body)
		assert.NoError(t, err)
	}))
	defer s.Close()
	d := overHTTP(t, profile(t, "otlp"), s.URL, func(set *HTTPSettings) {
		set.Client.Compression = "gzip"
		set.Client.Headers.Set("Content-Encoding", "identity")
	})
	b := logsBatch(t, "one")
	require.Equal(t, lane.Delivered, send(t, d, b).Verdict)
	assert.Equal(t, b.Payloads[0], got)
}

// Level -3 is our name for the fastest, and none that the collector's clients take.
func TestNewCodec_TakesTheLevelsOfTheClient(t *testing.T) {
	for _, level := range []configcompression.Level{-2, -1, 0, 1, 9} {
		c, err := newCodec(configcompression.TypeGzip, level)
		require.NoError(t, err, level)
		assert.Equal(t, level == 0 || level == -1, c.Level() == compress.Fastest, level)
	}
	for _, level := range []configcompression.Level{-4, compress.Fastest, 10} {
		_, err := newCodec(configcompression.TypeGzip, level)
		require.ErrorContains(t, err, "unsupported parameters", level)
	}
	for _, level := range []configcompression.Level{-1, 0, 1, 22, 1000} { // as of the client
		_, err := newCodec(configcompression.TypeZstd, level)
		require.NoError(t, err, level)
	}
	for _, c := range []configcompression.Type{"", "none", "zlib", "snappy", "lz4"} {
		codec, err := newCodec(c, 0)
		require.NoError(t, err)
		assert.Nil(t, codec, c)
	}
}

// busy is a codec whose turn never comes.
type busy struct{ compress.Codec }

func (busy) Compress(ctx context.Context, _ ...[]byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// The data of one tenant keeps the processors busy for seconds. Other tenants do not wait for it.
func TestPrecompress_WaitsBrieflyForACompressor(t *testing.T) {
	d := overHTTP(t, profile(t, "otlp"), "http://127.0.0.1:1", gzipped(0))
	d.codec = busy{d.codec}
	part := partFor(t, minPrecompress, d)
	synctest.Test(t, func(t *testing.T) {
		before, begin := part.Payload.Data, time.Now()
		newPool(t).Precompress(t.Context(), part)
		assert.Equal(t, precompressPatience, time.Since(begin))
		assert.Same(t, &before[0], &part.Payload.Data[0], "it stays as it is")
	})
}
