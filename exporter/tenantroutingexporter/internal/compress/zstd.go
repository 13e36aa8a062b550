// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package compress

import (
	"context"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Zstd is the codec of Zstandard. It looks back no further than a window of 1 MiB,
// the size of a batch: the 4 MiB and more of the library's default would be kept for
// each processor.
type Zstd struct {
	level int
	turns turns
	pool  sync.Pool // of *zstdScratch
}

var _ Codec = (*Zstd)(nil)

// zstdScratch is the memory of one compression. The encoder is the largest part, up
// to 36 MiB at the highest levels; in a pool it goes when it is not used for a while.
type zstdScratch struct {
	encoder     *zstd.Encoder
	joined, out []byte
}

const zstdWindow = 1 << 20

// NewZstd takes the levels of Zstandard, 1 to 22, where lower ones are like 1.
func NewZstd(level int) (*Zstd, error) {
	newEncoder := func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil,
			zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	}
	if _, err := newEncoder(); err != nil {
		return nil, err
	}
	z := &Zstd{level: max(1, level), turns: newTurns()}
	z.pool.New = func() any {
		e, _ := newEncoder() // the options are known to be valid
		return &zstdScratch{encoder: e}
	}
	return z, nil
}

// Encoding implements Codec.
func (*Zstd) Encoding() string { return "zstd" }

// Level implements Codec.
func (z *Zstd) Level() int { return z.level }

// Compress implements Codec.
func (z *Zstd) Compress(ctx context.Context, payloads ...[]byte) ([]byte, error) {
	if err := z.turns.take(ctx); err != nil {
		return nil, err
	}
	defer z.turns.give()
	s := z.pool.Get().(*zstdScratch)
	defer func() {
		if cap(s.joined) > maxKept || cap(s.out) > maxKept {
			s.joined, s.out = nil, nil
		}
		z.pool.Put(s)
	}()
	sum, size := measure(payloads)
	var joined []byte
	joined, s.joined = join(s.joined, payloads)
	s.out = s.encoder.EncodeAll(joined, appendHead(s.out[:0], zstandard, sum, size))
	return slices.Clone(s.out), nil
}

// Stream implements Codec. The stream has a frame for each part.
func (z *Zstd) Stream(ctx context.Context, payloads [][]byte) ([][]byte, error) {
	parts := make([][]byte, 0, len(payloads))
	err := arrange(ctx, z, zstandard, payloads, func(f form) { parts = append(parts, f.data) })
	return parts, err
}
