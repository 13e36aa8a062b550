package backend

import (
	"bytes"
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"
	"go.opentelemetry.io/collector/config/configcompression"
)

// gzipper compresses request bodies in place of confighttp, whose compressor is
// the standard library's: most of what a gateway does is to compress, and this
// one does the same in a third of the time. It is safe for concurrent use.
//
// No more bodies are compressed at a time than there are processors. More would
// not be faster, and each takes a writer with a megabyte of tables, which many
// writers also push out of the processor's cache.
type gzipper struct {
	turns   chan struct{} // holds one for each body that is being compressed
	writers sync.Pool     // of *gzipWriter
}

type gzipWriter struct {
	gzip *gzip.Writer
	out  bytes.Buffer
}

// maxKeptBuffer bounds what a pooled writer keeps of a large request.
const maxKeptBuffer = 4 * mib

// defaultGzipLevel makes requests about as large as the default of confighttp
// does: a little smaller for OTLP, a little larger for bare text.
const defaultGzipLevel = 6

// newGzipper takes the levels of the collector's HTTP clients, where 0 is the
// default.
func newGzipper(level configcompression.Level) (*gzipper, error) {
	if level == 0 || level == configcompression.DefaultCompressionLevel {
		level = defaultGzipLevel
	}
	if _, err := gzip.NewWriterLevel(nil, int(level)); err != nil {
		return nil, err
	}
	g := &gzipper{turns: make(chan struct{}, runtime.GOMAXPROCS(0))}
	g.writers.New = func() any {
		w, _ := gzip.NewWriterLevel(nil, int(level)) // the level is known to be valid
		return &gzipWriter{gzip: w}
	}
	return g, nil
}

// compress returns payloads as one gzip stream, in memory of its own: a transport
// may go on reading a body after it has returned an answer.
func (g *gzipper) compress(ctx context.Context, payloads [][]byte) ([]byte, error) {
	select {
	case g.turns <- struct{}{}:
		defer func() { <-g.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w := g.writers.Get().(*gzipWriter)
	defer func() {
		if w.out.Cap() <= maxKeptBuffer {
			g.writers.Put(w)
		}
	}()
	w.out.Reset()
	w.gzip.Reset(&w.out)
	for _, p := range payloads {
		if _, err := w.gzip.Write(p); err != nil {
			return nil, err
		}
	}
	if err := w.gzip.Close(); err != nil {
		return nil, err
	}
	return slices.Clone(w.out.Bytes()), nil
}
