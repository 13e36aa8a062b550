package tail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// blockCost is how much memory a block takes while it is read.
const blockCost = sampleSize + blockSize

var buffers = sync.Pool{New: func() any {
	b := make([]byte, sampleSize+blockSize)
	return &b
}}

// block is a piece of a file: whole physical lines, with the bytes before them.
type block struct {
	before []byte
	lines  []byte
	// hole is how many NULs stand there instead of lines.
	hole int64
	// long is how many bytes the next line has, if it does not fit a block.
	long int64
	// lent is what lines and before take of a budget.
	lent int64
	from *budget
	buf  *[]byte // that they are in, if it is used again
}

func (b *block) empty() bool { return len(b.lines) == 0 && b.hole == 0 && b.long == 0 }

// release gives back the memory of a block.
func (b *block) release() {
	if b.buf != nil {
		buffers.Put(b.buf)
	}
	if b.from != nil {
		b.from.give(b.lent)
	}
	*b = block{}
}

// block reads the block behind the frontier of a file as soon as there is memory for
// it. It returns an empty one as next does. The caller must release it.
func (s *stream) block(ctx context.Context, f *file) (block, error) {
	b, err := s.shortLines(ctx, f)
	if b.long == 0 || err != nil {
		return b, err
	}
	return s.longLine(ctx, f, b.long)
}

// shortLines reads a block of lines that fit one.
func (s *stream) shortLines(ctx context.Context, f *file) (b block, err error) {
	from := s.set.memory.blocks
	lent, err := from.take(ctx, blockCost)
	if err != nil {
		return block{}, err
	}
	buf := buffers.Get().(*[]byte)
	defer func() {
		if b.from == nil { // also after a panic
			buffers.Put(buf)
			from.give(lent)
		}
	}()
	next, err := f.next(*buf, s.set.Now(), f.mark.Copy)
	if err != nil || len(next.lines) == 0 {
		return next, err
	}
	b = next
	b.lent, b.from, b.buf = lent, from, buf
	b.shrink()
	return b, nil
}

// longLine reads a line of that size.
func (s *stream) longLine(ctx context.Context, f *file, size int64) (b block, err error) {
	from := s.set.memory.lines
	lent, err := from.take(ctx, lineCost*size)
	if err != nil {
		return block{}, err
	}
	defer func() {
		if b.from == nil {
			from.give(lent)
		}
	}()
	line, err := f.line(size)
	if err != nil || line.empty() {
		return block{}, err
	}
	b = line
	b.lent, b.from = lent, from
	return b, nil
}

// shrink makes a block that is small take no more than it needs: it is kept
// until the next consumer has accepted it.
func (b *block) shrink() {
	size := len(b.before) + len(b.lines)
	if size > blockSize/4 {
		return
	}
	own := make([]byte, size)
	n := copy(own, b.before)
	copy(own[n:], b.lines)
	b.before, b.lines = own[:n:n], own[n:]
	buffers.Put(b.buf)
	b.from.give(b.lent - min(b.lent, int64(size)))
	b.lent, b.buf = min(b.lent, int64(size)), nil
}

// next reads the block behind the frontier into buf. It returns an empty block at the
// end of the file or before a line whose end has not been written yet, unless final.
func (f *file) next(buf []byte, now time.Time, final bool) (block, error) {
	guard := f.mark.guardLen()
	n, err := f.content.ReadAt(buf, f.mark.Offset-int64(guard))
	if err := f.fault(n, guard, err); err != nil {
		return block{}, err
	}
	if n < guard || guard > 0 && xxhash.Sum64(buf[:guard]) != f.mark.Guard {
		return block{}, errTruncated
	}
	data := buf[guard:n]
	if end := bytes.LastIndexByte(data, '\n'); end >= 0 {
		f.grown, f.tail = now, 0
		return block{before: buf[:guard], lines: data[:end+1]}, nil
	}
	size, whole := int64(len(data)), false
	if n == len(buf) {
		if zeros(data) {
			f.grown, f.tail = now, 0
			hole, err := f.hole(buf[:blockSize])
			return block{hole: hole}, err
		}
		if _, packed := f.content.(*compressed); packed {
			return block{long: maxRecord}, nil // it is not read twice
		}
		if size, whole, err = f.end(buf[:blockSize], size); err != nil {
			return block{}, err
		}
	}
	if size != f.tail {
		f.grown, f.tail = now, size
	}
	if size == 0 || !whole && !final && now.Sub(f.grown) < tailIdle {
		return block{}, nil
	}
	f.tail = 0
	if n == len(buf) {
		return block{long: size}, nil
	}
	return block{before: buf[:guard], lines: data}, nil
}

// fault returns the error of a read of n bytes that keeps a block from being used.
func (*file) fault(n, guard int, err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && n > guard {
		return nil
	}
	return err
}

// end looks for the end of a line whose first size bytes hold none. It keeps nothing of
// it: a line may grow for as long as its writer likes. The line is whole if its end was
// found, if it is as long as a line may be, or if NULs stand behind it.
func (f *file) end(buf []byte, size int64) (length int64, whole bool, err error) {
	if f.tail > size {
		size = f.tail // the rest was looked at before
	}
	for size < maxRecord {
		n, err := f.content.ReadAt(buf[:min(int64(len(buf)), maxRecord-size)], f.mark.Offset+size)
		if err := f.fault(n, 0, err); err != nil {
			return 0, false, err
		}
		if at := bytes.LastIndexByte(buf[:n], '\n'); at >= 0 {
			return size + int64(at) + 1, true, nil
		}
		if n == len(buf) && zeros(buf) {
			return size, true, nil
		}
		if size += int64(n); n < len(buf) && size < maxRecord {
			return size, false, nil
		}
	}
	return size, true, nil
}

// line reads a line of size bytes, or as much of it as is there still. Of a compressed
// file it reads no more than a block behind the end of the line.
func (f *file) line(size int64) (block, error) {
	guard := f.mark.guardLen()
	step := guard + int(size)
	if _, packed := f.content.(*compressed); packed {
		step = blockSize
	}
	var buf []byte
	for from := 0; from < guard+int(size); {
		buf = append(buf, make([]byte, min(step, guard+int(size)-from))...)
		n, err := f.content.ReadAt(buf[from:], f.mark.Offset-int64(guard)+int64(from))
		if err := f.fault(n, max(0, guard-from), err); err != nil {
			return block{}, err
		}
		more := buf[from : from+n]
		buf = buf[:from+n]
		if bytes.IndexByte(more[min(n, max(0, guard-from)):], '\n') >= 0 || n < step {
			break
		}
		if from > guard && zeros(more) {
			buf = buf[:from]
			break
		}
		from += n
	}
	if len(buf) < guard || guard > 0 && xxhash.Sum64(buf[:guard]) != f.mark.Guard {
		return block{}, errTruncated
	}
	data := buf[guard:]
	if end := bytes.LastIndexByte(data, '\n'); end >= 0 {
		data = data[:end+1]
	}
	return block{before: buf[:guard:guard], lines: data}, nil
}

// maxHole is how many NULs are passed at once if the file system does not say where
// they end.
const maxHole = 64 << 20

// hole returns how many NULs stand at the frontier, which are more than a block. A
// file has such a hole if it was truncated and its writer goes on where it was. No
// line of a program is like that.
func (f *file) hole(buf []byte) (size int64, err error) {
	at := f.mark.Offset
	if p, ok := f.content.(plainFile); ok {
		at = p.data(at)
	}
	for {
		n, err := f.content.ReadAt(buf, at)
		if err := f.fault(n, 0, err); err != nil {
			return 0, err
		}
		here := len(buf[:n]) - len(bytes.TrimLeft(buf[:n], "\x00"))
		at += int64(here)
		if here < len(buf) || at-f.mark.Offset >= maxHole {
			return at - f.mark.Offset, nil
		}
	}
}

var noBytes [blockSize]byte

func zeros(b []byte) bool { return bytes.Equal(b, noBytes[:min(len(b), blockSize)]) }
