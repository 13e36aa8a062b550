// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package logfile

import (
	"compress/gzip"
	"errors"
	"io"
	"os"
	"sync/atomic"
)

// Lookback is how far before its last byte read a compressed file can be read again without
// starting at its beginning, in bytes: a block and the bytes before it, because a partial line at
// the end of a block is read a second time.
const Lookback = 64<<10 + 2*512

// errStopping ends a long read.
var errStopping = errors.New("the reader is stopping")

// gzipFile reads a gzip file forwards. It keeps the last Lookback bytes, and starts again
// from the beginning to read anything before them.
type gzipFile struct {
	file     *os.File
	reader   *gzip.Reader
	offset   int64        // of the next byte of reader
	last     []byte       // the bytes before offset
	stopping *atomic.Bool // nil or shared with the owner
}

// Close implements io.Closer.
func (c *gzipFile) Close() error { return c.file.Close() }

// Path implements File.
func (c *gzipFile) Path() string { return pathOf(c.file) }

// NextData implements File. A compressed file has no holes.
func (*gzipFile) NextData(offset int64) int64 { return offset }

// Compressed implements File.
func (*gzipFile) Compressed() bool { return true }

// Status implements File. The size is -1: it is unknown until the end was read.
func (c *gzipFile) Status() (Status, error) {
	s, err := plainFile{c.file}.Status()
	s.Size = -1
	return s, err
}

// ReadAt implements io.ReaderAt.
func (c *gzipFile) ReadAt(p []byte, offset int64) (int, error) {
	if c.reader == nil || offset < c.offset-int64(len(c.last)) {
		if err := c.rewind(); err != nil {
			return 0, err
		}
	}
	if skip := offset - c.offset; skip > 0 {
		if err := c.skip(skip); err != nil {
			return 0, err
		}
	}
	if c.stops() {
		return 0, errStopping
	}
	n := copy(p, c.last[int64(len(c.last))-(c.offset-offset):])
	if n == len(p) {
		return n, nil
	}
	m, err := io.ReadFull(c.reader, p[n:])
	c.consumed(p[n : n+m])
	if errors.Is(err, io.ErrUnexpectedEOF) && n+m < len(p) {
		// io.ReadFull reports a short read with the same error that gzip reports for an
		// incomplete file. The next read distinguishes them.
		var one [1]byte
		if _, again := c.reader.Read(one[:]); !errors.Is(again, io.EOF) {
			return n + m, io.ErrUnexpectedEOF
		}
		err = io.EOF
	}
	return n + m, err
}

func (c *gzipFile) stops() bool { return c.stopping != nil && c.stopping.Load() }

func (c *gzipFile) rewind() error {
	if _, err := c.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	reader, err := gzip.NewReader(c.file)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	c.reader, c.offset, c.last = reader, 0, nil
	return err
}

func (c *gzipFile) skip(n int64) error {
	buf := make([]byte, min(n, 64<<10))
	for n > 0 {
		if c.stops() {
			return errStopping
		}
		m, err := c.reader.Read(buf[:min(n, int64(len(buf)))])
		c.consumed(buf[:m])
		n -= int64(m)
		if err != nil && n > 0 {
			return err
		}
	}
	return nil
}

// consumed keeps the last of the bytes b that were read.
func (c *gzipFile) consumed(b []byte) {
	c.offset += int64(len(b))
	if len(b) >= Lookback {
		c.last = append(c.last[:0], b[len(b)-Lookback:]...)
		return
	}
	if more := len(c.last) + len(b) - Lookback; more > 0 {
		c.last = c.last[:copy(c.last, c.last[more:])]
	}
	c.last = append(c.last, b...)
}
