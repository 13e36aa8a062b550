// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package reader reads one log file in blocks of whole lines, and remembers how much of it
// was accepted.
package reader

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logfile"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/memory"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/rotation"
)

const (
	// MaxLine is the longest physical line; a longer one is cut. PM2 puts at most 64 KiB of a
	// pipe into a record, six times as much with escapes, but in cluster mode everything that
	// the application writes at once.
	MaxLine = 16 << 20
	// maxHole is how many NULs are skipped at once if the file system does not report where
	// they end.
	maxHole = 64 << 20
	// partialLineTimeout is how long the end of a physical line may take to arrive. After
	// that the line is read as it is.
	partialLineTimeout = 5 * time.Second
)

// ErrTruncated is returned for a file that no longer holds what was read from it.
var ErrTruncated = errors.New("file was truncated")

var zeros [BlockSize]byte

// Reader reads one open file. It is not safe for concurrent use.
type Reader struct {
	File logfile.File
	// Position is how much of the file was accepted. [Reader.Accept] advances it.
	Position checkpoint.File

	grown    time.Time // when the file last had new bytes
	partial  int64     // length of the partial line at the end when it last grew
	modified int64     // the modification time up to which the file was read
}

// New returns a reader that continues at position.
func New(f logfile.File, position checkpoint.File, now time.Time) *Reader {
	return &Reader{File: f, Position: position, grown: now}
}

// Grown returns when the file last had something new, or was last renamed.
func (r *Reader) Grown() time.Time { return r.grown }

// Renamed notes that the file is no longer where it was.
func (r *Reader) Renamed(now time.Time) { r.grown = now }

// HasPartialLine reports whether the file ends in a line whose end is awaited.
func (r *Reader) HasPartialLine() bool { return r.partial > 0 }

// Restart begins a new content of a file that was truncated.
func (r *Reader) Restart(now time.Time) {
	p := r.Position
	r.Position = checkpoint.File{Name: p.Name, Device: p.Device, Inode: p.Inode}
	r.partial, r.grown = 0, now
}

// Accept moves the position to the end of a block.
func (r *Reader) Accept(b *Block) {
	if b.Hole > 0 {
		r.Position.Skip(b.Hole)
		return
	}
	r.Position.Advance(b.before, b.Lines)
}

// Changed reports whether the file, which has the status at, may have something to read. It
// returns ErrTruncated if the file no longer holds what was read from it.
func (r *Reader) Changed(at logfile.Status, now time.Time) (bool, error) {
	c := rotation.Content{
		Offset:   r.Position.Offset,
		Size:     at.Size,
		Modified: at.Modified != r.modified,
		Partial:  r.partial,
		Overdue:  r.Position.Copy || now.Sub(r.grown) >= partialLineTimeout,
	}
	change := c.Classify()
	if change == rotation.Rewritten {
		ok, err := r.Position.Matches(r.File)
		if err != nil {
			return false, err
		}
		if change = rotation.Truncated; ok {
			change = rotation.Unchanged
			r.modified = at.Modified
		}
	}
	switch change {
	case rotation.Truncated:
		return false, ErrTruncated
	case rotation.Grown:
		r.modified = at.Modified
		return true, nil
	default:
		return false, nil
	}
}

// Next reads the block at the position as soon as there is memory for it. It returns an empty
// block at the end of the file and before a line whose end has not been written yet. The
// caller must release the block.
func (r *Reader) Next(ctx context.Context, mem *memory.Memory, now time.Time) (Block, error) {
	b, err := r.shortLines(ctx, mem.Blocks, now)
	if b.long == 0 || err != nil {
		return b, err
	}
	return r.longLine(ctx, mem.Lines, b.long)
}

// shortLines reads a block of lines that fit into one.
func (r *Reader) shortLines(ctx context.Context, budget *memory.Budget, now time.Time) (b Block, err error) {
	reserved, err := budget.Reserve(ctx, bufferSize)
	if err != nil {
		return Block{}, err
	}
	buf := buffers.Get().(*[]byte)
	defer func() {
		if b.budget == nil { // also after a panic
			buffers.Put(buf)
			budget.Release(reserved)
		}
	}()
	next, err := r.next(*buf, now, r.Position.Copy)
	if err != nil || len(next.Lines) == 0 {
		return next, err
	}
	b = next
	b.reserved, b.budget, b.buf, b.pool = reserved, budget, buf, &buffers
	b.shrink()
	return b, nil
}

// longLine reads one line of size bytes.
func (r *Reader) longLine(ctx context.Context, budget *memory.Budget, size int64) (b Block, err error) {
	reserved, err := budget.Reserve(ctx, lineCost*size)
	if err != nil {
		return Block{}, err
	}
	var buf *[]byte
	if !r.File.Compressed() { // there size is only a bound
		buf = lineBuffer(r.Position.Window() + int(size))
	}
	defer func() {
		if b.budget == nil {
			if buf != nil {
				lineBuffers.Put(buf)
			}
			budget.Release(reserved)
		}
	}()
	var space []byte
	if buf != nil {
		space = (*buf)[:0]
	}
	line, err := r.line(space, size)
	if err != nil || line.Empty() {
		return Block{}, err
	}
	b = line
	b.reserved, b.budget, b.buf, b.pool = reserved, budget, buf, &lineBuffers
	return b, nil
}

// next reads the block at the position into buf. A line without an end is returned only if
// final is set or its end is overdue.
func (r *Reader) next(buf []byte, now time.Time, final bool) (Block, error) {
	window := r.Position.Window()
	n, err := r.File.ReadAt(buf, r.Position.Offset-int64(window))
	if err := readError(n, window, err); err != nil {
		return Block{}, err
	}
	if n < window || !r.Position.Follows(buf[:window]) {
		return Block{}, ErrTruncated
	}
	data := buf[window:n]
	if end := bytes.LastIndexByte(data, '\n'); end >= 0 {
		r.grown, r.partial = now, 0
		return Block{before: buf[:window], Lines: data[:end+1]}, nil
	}
	size, whole := int64(len(data)), false
	if n == len(buf) {
		if isZero(data) {
			r.grown, r.partial = now, 0
			hole, err := r.hole(buf[:BlockSize])
			return Block{Hole: hole}, err
		}
		if r.File.Compressed() {
			return Block{long: MaxLine}, nil // looking for the end would read the line twice
		}
		if size, whole, err = r.lineLength(buf[:BlockSize], size); err != nil {
			return Block{}, err
		}
	}
	if size != r.partial {
		r.grown, r.partial = now, size
	}
	if size == 0 || !whole && !final && now.Sub(r.grown) < partialLineTimeout {
		return Block{}, nil
	}
	r.partial = 0
	if n == len(buf) {
		return Block{long: size}, nil
	}
	return Block{before: buf[:window], Lines: data}, nil
}

// readError returns the error of a read of n bytes that makes its data unusable. window of
// these were read before.
func readError(n, window int, err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && n > window {
		return nil
	}
	return err
}

// lineLength looks for the end of the line at the position, whose first size bytes have no
// newline. It keeps none of the bytes: a line may grow for as long as its writer likes. The
// line is whole if its end was found, if it has the greatest length, or if NULs follow it.
func (r *Reader) lineLength(buf []byte, size int64) (length int64, whole bool, err error) {
	if r.partial > size {
		size = r.partial // the rest was searched before
	}
	for size < MaxLine {
		n, err := r.File.ReadAt(buf[:min(int64(len(buf)), MaxLine-size)], r.Position.Offset+size)
		if err := readError(n, 0, err); err != nil {
			return 0, false, err
		}
		if at := bytes.LastIndexByte(buf[:n], '\n'); at >= 0 {
			return size + int64(at) + 1, true, nil
		}
		if n == len(buf) && isZero(buf) {
			return size, true, nil
		}
		if size += int64(n); n < len(buf) && size < MaxLine {
			return size, false, nil
		}
	}
	return size, true, nil
}

// line reads a line of size bytes into buf, or as much of it as the file still holds. In a
// compressed file it reads at most one block after the end of the line. If buf is too small
// it takes other memory.
func (r *Reader) line(buf []byte, size int64) (Block, error) {
	window := r.Position.Window()
	step := window + int(size)
	if r.File.Compressed() {
		step = BlockSize
	}
	for from := 0; from < window+int(size); {
		more := min(step, window+int(size)-from)
		buf = slices.Grow(buf, more)[:len(buf)+more]
		n, err := r.File.ReadAt(buf[from:], r.Position.Offset-int64(window)+int64(from))
		if err := readError(n, max(0, window-from), err); err != nil {
			return Block{}, err
		}
		added := buf[from : from+n]
		buf = buf[:from+n]
		if bytes.IndexByte(added[min(n, max(0, window-from)):], '\n') >= 0 || n < step {
			break
		}
		if from > window && isZero(added) {
			buf = buf[:from]
			break
		}
		from += n
	}
	if len(buf) < window || !r.Position.Follows(buf[:window]) {
		return Block{}, ErrTruncated
	}
	data := buf[window:]
	if end := bytes.LastIndexByte(data, '\n'); end >= 0 {
		data = data[:end+1]
	}
	return Block{before: buf[:window:window], Lines: data}, nil
}

// hole returns how many NULs the file has at the position, which are more than a block. A
// file has such a hole if it was truncated while its writer kept its own offset. No program
// writes a line like that.
func (r *Reader) hole(buf []byte) (size int64, err error) {
	at := r.File.NextData(r.Position.Offset)
	for {
		n, err := r.File.ReadAt(buf, at)
		if err := readError(n, 0, err); err != nil {
			return 0, err
		}
		here := len(buf[:n]) - len(bytes.TrimLeft(buf[:n], "\x00"))
		at += int64(here)
		if here < len(buf) || at-r.Position.Offset >= maxHole {
			return at - r.Position.Offset, nil
		}
	}
}

func isZero(b []byte) bool { return bytes.Equal(b, zeros[:min(len(b), BlockSize)]) }
