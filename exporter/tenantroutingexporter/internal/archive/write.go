// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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

// block is the size of the write buffer. Less than a block is one write, and compressed at once.
const block = 256 << 10

// blocks holds *[]byte of that capacity.
var blocks = sync.Pool{New: func() any {
	b := make([]byte, 0, block)
	return &b
}}

// Append writes lines, each of which ends in a line feed, to the newest file of folder. After an error none
// of them is in the file.
func (a *Archive) Append(folder string, lines []byte) error {
	return a.AppendFrom(folder, func(w io.Writer) error {
		_, err := w.Write(lines)
		return err
	})
}

// AppendFrom is like Append for lines that the function write produces, which need not be in
// memory at once. It calls write at most once. If write fails or panics, none of its lines is in
// the file.
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

// appendTo reports full, and writes nothing, if the file of folder has reached its size.
func (a *Archive) appendTo(folder string, write func(io.Writer) error) (full bool, err error) {
	if err := a.checkSpace(0); err != nil {
		return false, err
	}
	f, err := a.acquire(folder)
	if err != nil {
		return false, err
	}
	done := true // stays true if write panics
	defer func() { a.putBack(f, done) }()
	full, err = f.append(a, write)
	done = full || err != nil
	return full, err
}

// checkSpace returns an error if a write of the given size would use the reserve of the disk, which is for
// the gateway's own files.
func (a *Archive) checkSpace(bytes int) error {
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

// append reports full, and writes nothing, if the file has reached its size.
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
	written int64 // including failed writes
}

// Write implements io.Writer. It does not use the reserve of the disk.
func (w *fileWriter) Write(p []byte) (int, error) {
	if err := w.archive.checkSpace(len(p)); err != nil {
		return 0, err
	}
	n, err := w.file.Write(p)
	w.written += int64(n)
	return n, err
}

// lines appends the output of write. With compression the output is one frame, so a crash leaves
// no complete frame of it.
func (w *fileWriter) lines(write func(io.Writer) error) error {
	buf := blocks.Get().(*[]byte)
	c := &collector{buf: (*buf)[:0], out: w, encoder: w.archive.encoder}
	defer blocks.Put(buf)
	if err := write(c); err != nil {
		return err
	}
	return c.finish()
}

// collector buffers writes.
type collector struct {
	buf     []byte // never longer than block
	out     io.Writer
	encoder *zstd.Encoder // nil: no compression
	stream  *zstd.Encoder // for more than a block
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

// begin starts compression, if the archive is compressed.
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

// finish writes the rest of the buffer.
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
