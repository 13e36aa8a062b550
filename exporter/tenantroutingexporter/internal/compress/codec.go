// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package compress

import (
	"context"
	"hash/crc32"
	"runtime"
	"slices"
)

// Codec compresses and concatenates payloads. It is safe for concurrent use.
//
// No more payloads are compressed at a time than there are processors. More would
// not be faster, and each takes tables that many of them also push out of the
// processor's cache.
type Codec interface {
	// Encoding is the codec's name in a Content-Encoding header.
	Encoding() string

	// Level is the compression level of the codec.
	Level() int

	// Compress returns the concatenation of payloads compressed, in memory of its
	// own. None of them may be compressed already. It waits for its turn as long
	// as ctx lasts, and fails for no other reason.
	Compress(ctx context.Context, payloads ...[]byte) ([]byte, error)

	// Stream returns payloads, compressed or not, as one body in parts, which
	// share memory with the payloads. What the codec has not compressed yet is
	// compressed, neighbors together; it waits for its turn as long as ctx lasts.
	// ErrMalformed says that a payload is not what it was.
	Stream(ctx context.Context, payloads [][]byte) ([][]byte, error)
}

// Alike reports whether two codecs compress a payload to the same bytes.
func Alike(a, b Codec) bool { return a.Encoding() == b.Encoding() && a.Level() == b.Level() }

// turns holds one for each payload that is being compressed.
type turns chan struct{}

func newTurns() turns { return make(turns, runtime.GOMAXPROCS(0)) }

func (t turns) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turns) give() { <-t }

// arrange calls add with all of payloads in their order, compressed by c, whose
// kind is k.
func arrange(ctx context.Context, c Codec, k kind, payloads [][]byte, add func(form)) error {
	for len(payloads) > 0 {
		p, n := payloads[0], 1
		if !is(p, k) {
			for n < len(payloads) && !is(payloads[n], k) {
				n++
			}
			originals, err := ExpandAll(payloads[:n])
			if err != nil {
				return err
			}
			if p, err = c.Compress(ctx, originals...); err != nil {
				return err
			}
		}
		payloads = payloads[n:]
		f, err := parse(p)
		if err != nil {
			return err
		}
		add(f)
	}
	return nil
}

// measure returns the checksum and the length of the concatenation of payloads.
func measure(payloads [][]byte) (sum uint32, size int) {
	for _, p := range payloads {
		sum, size = crc32.Update(sum, crc32.IEEETable, p), size+len(p)
	}
	return sum, size
}

// maxKept bounds what pooled memory keeps of a large payload.
const maxKept = 4 << 20

// join returns the concatenation of payloads, in buf if there are several, and
// buf for the next time.
func join(buf []byte, payloads [][]byte) (joined, kept []byte) {
	if len(payloads) == 1 {
		return payloads[0], buf
	}
	buf = slices.Grow(buf[:0], total(payloads))
	for _, p := range payloads {
		buf = append(buf, p...)
	}
	return buf, buf
}

func total(payloads [][]byte) (n int) {
	for _, p := range payloads {
		n += len(p)
	}
	return n
}
