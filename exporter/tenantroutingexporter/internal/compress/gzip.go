// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package compress

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"sync"

	"github.com/klauspost/compress/flate"
)

// Fastest is the level of gzip that compresses about like 1, a little faster and
// without tables that outlive a call. It is none of gzip's own.
const Fastest = -3

// Gzip is the codec of that name.
type Gzip struct {
	level int
	turns turns
	pool  sync.Pool // of *scratch
}

var _ Codec = (*Gzip)(nil)

// scratch is the memory of one compression.
type scratch struct {
	flate  *flate.Writer // nil at level Fastest
	joined []byte        // payloads that are compressed together, at level Fastest
	out    bytes.Buffer
}

// NewGzip takes Fastest and the levels of gzip: 1 is fast and 9 small, 0 stores, -1
// is the library's default and -2 codes bytes alone.
func NewGzip(level int) (*Gzip, error) {
	g := &Gzip{level: level, turns: newTurns()}
	if level == Fastest {
		g.pool.New = func() any { return new(scratch) }
		return g, nil
	}
	if _, err := flate.NewWriter(nil, level); err != nil {
		return nil, err
	}
	g.pool.New = func() any {
		w, _ := flate.NewWriter(nil, level) // the level is known to be valid
		return &scratch{flate: w}
	}
	return g, nil
}

// Encoding implements Codec.
func (*Gzip) Encoding() string { return "gzip" }

// Level implements Codec.
func (g *Gzip) Level() int { return g.level }

// Compress implements Codec.
func (g *Gzip) Compress(ctx context.Context, payloads ...[]byte) ([]byte, error) {
	if err := g.turns.take(ctx); err != nil {
		return nil, err
	}
	defer g.turns.give()
	s := g.pool.Get().(*scratch)
	defer func() {
		if s.out.Cap() <= maxKept && cap(s.joined) <= maxKept {
			g.pool.Put(s)
		}
	}()
	sum, size := measure(payloads)
	var head [maxHead]byte
	s.out.Reset()
	s.out.Write(appendHead(head[:0], deflated, sum, size))
	if err := s.deflate(payloads); err != nil {
		return nil, err
	}
	return slices.Clone(s.out.Bytes()), nil
}

// deflate appends to s.out. Flushing ends the blocks at a byte; closing would also
// mark one as the last.
func (s *scratch) deflate(payloads [][]byte) error {
	if s.flate == nil {
		var joined []byte
		joined, s.joined = join(s.joined, payloads)
		return flate.StatelessDeflate(&s.out, joined, false, nil)
	}
	s.flate.Reset(&s.out)
	for _, p := range payloads {
		if _, err := s.flate.Write(p); err != nil {
			return err
		}
	}
	return s.flate.Flush()
}

// gzipHead: magic, DEFLATE, no flags, no time, no hint at the level, system unknown.
const gzipHead = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

// lastBlock is an empty block with fixed codes that is marked as the last.
const lastBlock = "\x03\x00"

// Stream implements Codec. The stream has one member: some readers stop
// after the first.
func (g *Gzip) Stream(ctx context.Context, payloads [][]byte) ([][]byte, error) {
	parts := make([][]byte, 1, len(payloads)+2)
	parts[0] = []byte(gzipHead)
	sum, size := uint32(0), 0
	err := arrange(ctx, g, deflated, payloads, func(f form) {
		sum, size = combine(sum, f.sum, f.size), size+f.size
		parts = append(parts, f.data)
	})
	if err != nil {
		return nil, err
	}
	tail := make([]byte, 0, len(lastBlock)+crc32.Size+4)
	tail = append(tail, lastBlock...)
	tail = binary.LittleEndian.AppendUint32(tail, sum)
	tail = binary.LittleEndian.AppendUint32(tail, uint32(size)) //nolint:gosec // gzip counts modulo 2^32
	return append(parts, tail), nil
}
