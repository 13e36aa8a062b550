package backend

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/config/configcompression"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

// newCodec returns what compresses requests in place of the collector's HTTP client,
// or nil if that does it itself, or nobody. The client would compress again for each
// attempt, gzip with the standard library's slow implementation and Zstandard with
// megabytes of history for each request in flight.
//
// Levels are those of the client, where 0 is the default. Of gzip ours is the
// fastest: to compress is most of what a gateway does, and level 6 takes twice the
// time to save a fourteenth of the bytes.
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
	return nil, nil //nolint:nilnil // that there is none is an answer
}

// Below these sizes a payload waits as it is, since several that are merged
// compress better together: up to a tenth better for payloads of 16 KiB at the
// fastest level, up to a fifth at higher ones, which look back further.
const (
	minSealed      = 16 << 10
	minSealedSmall = 64 << 10
)

// sealPatience is how long Seal waits for its turn. What many requests of one
// tenant would have to wait for is compressed when it is sent, where lanes take
// turns: no tenant's flood keeps the others waiting at the door.
const sealPatience = 10 * time.Millisecond

// Seal compresses the payload of a part when it is accepted, if all destinations
// of the part take it like that. It waits in that form then, and is not compressed
// again for each of them and each attempt. If its turn does not come soon or ctx
// ends first, it stays as it is.
func (p *Pool) Seal(ctx context.Context, part lane.Part) {
	_ = p.recovery.Run("compressing accepted data", func() { seal(ctx, part) })
}

func seal(ctx context.Context, part lane.Part) {
	p := part.Payload
	c := sealer(part.Routes)
	if c == nil || p.Size < minSealed || (p.Size < minSealedSmall && c.Level() > 1) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sealPatience)
	defer cancel()
	if data, err := c.Compress(ctx, p.Data); err == nil {
		p.Data = data
	}
}

// sealer returns what compresses for all routes, or nil.
func sealer(routes []lane.Route) compress.Codec {
	var c compress.Codec
	for _, route := range routes {
		t, ok := route.Target.(*httpTarget)
		if !ok || !t.destination.sealed {
			return nil
		}
		if c != nil && !compress.Alike(c, t.destination.codec) {
			return nil
		}
		c = t.destination.codec
	}
	return c
}
