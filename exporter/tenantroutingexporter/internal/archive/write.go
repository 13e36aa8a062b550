package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/klauspost/compress/zstd"

	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/foldname"
)

// block is how much of lines is collected before it is written. What is shorter is one
// write, and with compression one block of memory that is compressed at once.
const block = 256 << 10

// blocks holds *[]byte of that capacity.
var blocks = sync.Pool{New: func() any {
	b := make([]byte, 0, block)
	return &b
}}

// Append writes lines, each of which ends in a line feed, to the newest file of
// folder. On error nothing of them is in the file.
func (a *Archive) Append(folder string, lines []byte) error {
	return a.AppendFrom(folder, func(w io.Writer) error {
		_, err := w.Write(lines)
		return err
	})
}

// AppendFrom is Append for the lines that write writes, which need not be in memory
// at once. It is called at most once. If it fails or panics, nothing of what it wrote
// is in the file.
func (a *Archive) AppendFrom(folder string, write func(io.Writer) error) error {
	if !filepath.IsLocal(folder) {
		return fmt.Errorf("%q is not a folder of the archive", folder)
	}
	if a.fold {
		folder = foldname.Encode(folder)
	}
	for {
		full, err := a.appendTo(folder, write)
		if err != nil {
			return fmt.Errorf("failed to write to a file in %s: %w", a.set.Directory, err)
		}
		if !full {
			return nil
		}
	}
}

// appendTo reports full if the file of folder has reached its size; then nothing is
// written.
func (a *Archive) appendTo(folder string, write func(io.Writer) error) (full bool, err error) {
	if err := a.room(0); err != nil {
		return false, err
	}
	f, err := a.acquire(folder)
	if err != nil {
		return false, err
	}
	done := true // also if write panics
	defer func() { a.giveBack(f, done) }()
	full, err = f.append(a, write)
	done = full || err != nil
	return full, err
}

// room returns an error if lines of so many bytes would need the reserve of the disk,
// which is for what the gateway itself has to write.
func (a *Archive) room(bytes int) error {
	free, known := diskspace.Of(a.set.Directory)
	if !known {
		return nil
	}
	reserve := a.set.Reserve
	if reserve == 0 {
		reserve = free.Reserve()
	}
	if free.Bytes-int64(bytes) < reserve {
		return fmt.Errorf("%s has %d bytes free, of which %d are reserved: %w", a.set.Directory, free.Bytes, reserve, syscall.ENOSPC)
	}
	return nil
}

// append reports full if the file has reached its size; then nothing is written.
func (f *file) append(a *Archive, write func(io.Writer) error) (full bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bad || f.size >= a.set.MaxFileBytes {
		return true, nil
	}
	w := &fileWriter{archive: a, file: f.f}
	whole := false
	defer func() {
		if whole {
			f.size += w.written
		} else if w.written > 0 {
			if terr := f.f.Truncate(f.size); terr != nil {
				f.bad = true
				err = errors.Join(err, terr)
			}
		}
	}()
	if err = w.lines(write); err == nil && a.sync != nil {
		err = a.sync(f.f)
	}
	whole = err == nil
	return false, err
}

// fileWriter writes to the end of a file of an archive.
type fileWriter struct {
	archive *Archive
	file    *os.File
	written int64 // also of a write that failed
}

// Write implements io.Writer. It leaves the reserve of the disk alone.
func (w *fileWriter) Write(p []byte) (int, error) {
	if err := w.archive.room(len(p)); err != nil {
		return 0, err
	}
	n, err := w.file.Write(p)
	w.written += int64(n)
	return n, err
}

// lines writes what write writes, compressed if the archive is: as one frame, so that
// a crash in the middle leaves none that is whole.
func (w *fileWriter) lines(write func(io.Writer) error) error {
	buf := blocks.Get().(*[]byte)
	c := &collector{buf: (*buf)[:0], out: w, encoder: w.archive.encoder}
	defer blocks.Put(buf)
	if err := write(c); err != nil {
		return err
	}
	return c.finish()
}

// collector collects blocks of what is written.
type collector struct {
	buf     []byte // never longer than block
	out     io.Writer
	encoder *zstd.Encoder // nil: no compression
	stream  *zstd.Encoder // of what is longer than a block
}

// Write implements io.Writer.
func (c *collector) Write(p []byte) (int, error) {
	if len(c.buf) > 0 && len(c.buf)+len(p) > block {
		if err := c.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) < block {
		c.buf = append(c.buf, p...)
		return len(p), nil
	}
	if err := c.begin(); err != nil {
		return 0, err
	}
	return c.out.Write(p)
}

// begin makes out what compresses.
func (c *collector) begin() error {
	if c.encoder == nil || c.stream != nil {
		return nil
	}
	var err error
	c.stream, err = newStreamEncoder(c.out)
	if err == nil {
		c.out = c.stream
	}
	return err
}

func (c *collector) flush() error {
	if err := c.begin(); err != nil {
		return err
	}
	_, err := c.out.Write(c.buf)
	c.buf = c.buf[:0]
	return err
}

// finish writes the rest.
func (c *collector) finish() error {
	if c.encoder != nil && c.stream == nil {
		_, err := c.out.Write(c.encoder.EncodeAll(c.buf, nil))
		return err
	}
	if len(c.buf) > 0 {
		if err := c.flush(); err != nil {
			return err
		}
	}
	if c.stream != nil {
		return c.stream.Close()
	}
	return nil
}
