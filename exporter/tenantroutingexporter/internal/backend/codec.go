// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/config/configcompression"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

// newCodec returns the codec that compresses requests in place of the collector's HTTP client,
// or nil if the client compresses, or requests are not compressed. The client would compress again
// for each attempt, gzip with the standard library's slow implementation and Zstandard with
// megabytes of history for each request in flight.
//
// Levels are those of the client, where 0 is the default. For gzip the default is the fastest
// level: compression is most of the work of a gateway, and level 6 takes twice the time to save a
// fourteenth of the bytes.
func newCodec(c configcompression.Type, level configcompression.Level) (compress.Codec, error) {
	standard := level == 0 || level == configcompression.DefaultCompressionLevel
	switch c {
	case configcompression.TypeGzip:
		if err := c.ValidateParams(configcompression.CompressionParams{Level: level}); err != nil {
			return nil, err
		}
		if standard {
			level = compress.Fastest
		}
		return compress.NewGzip(int(level))
	case configcompression.TypeZstd:
		return compress.NewZstd(int(level))
	}
	return nil, nil //nolint:nilnil // no codec is a valid result
}

// Smaller payloads are queued uncompressed, because merged payloads compress better together: up to
// a tenth better for payloads of 16 KiB at the fastest level, up to a fifth at higher levels, which
// have a larger window.
const (
	minPrecompress     = 16 << 10
	minPrecompressSlow = 64 << 10
)

// precompressPatience is how long Precompress waits for a free compressor. After it, the payload is
// compressed when it is sent, where lanes alternate: no tenant's flood delays the requests of others.
const precompressPatience = 10 * time.Millisecond

// Precompress compresses the payload of an accepted part, if all destinations of the part take it in
// that form. It is queued compressed, and is not compressed again for each destination and each
// attempt. If no compressor is free soon or ctx ends first, the payload is not changed.
func (p *Pool) Precompress(ctx context.Context, part lane.Part) {
	_ = p.recovery.Run("compressing accepted data", func() { precompress(ctx, part) })
}

func precompress(ctx context.Context, part lane.Part) {
	p := part.Payload
	c := sharedCodec(part.Routes)
	if c == nil || p.Size < minPrecompress || (p.Size < minPrecompressSlow && c.Level() > 1) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, precompressPatience)
	defer cancel()
	if data, err := c.Compress(ctx, p.Data); err == nil {
		p.Data = data
	}
}

// sharedCodec returns the codec of all routes, or nil if they have none or not the same.
func sharedCodec(routes []lane.Route) compress.Codec {
	var c compress.Codec
	for _, route := range routes {
		t, ok := route.Target.(*httpTarget)
		if !ok || !t.destination.precompress {
			return nil
		}
		if c != nil && !compress.Alike(c, t.destination.codec) {
			return nil
		}
		c = t.destination.codec
	}
	return c
}
