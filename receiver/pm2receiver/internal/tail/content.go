package tail

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// content is a file that can be read: a plain one, or a compressed copy.
type content interface {
	io.ReaderAt
	io.Closer
	// status tells the file's identity and present size. The size of a compressed
	// file is not known before its end has been read: it is -1.
	status() (status, error)
}

// status identifies a file.
type status struct {
	device, inode uint64
	links         uint64
	size          int64
	modified      int64
}

func statusOf(info fs.FileInfo) status {
	s := status{size: info.Size(), modified: info.ModTime().UnixNano(), links: 1}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.device, s.inode, s.links = uint64(sys.Dev), sys.Ino, uint64(sys.Nlink) //nolint:unconvert // it is narrower on other platforms
	}
	return s
}

func (s status) same(o status) bool { return s.device == o.device && s.inode == o.inode }

// open opens a file for reading. It refuses what is no regular file, such as the
// pipes and devices that PM2 lets an application name.
func open(path string) (content, error) {
	// Nonblocking, so that a pipe without a writer cannot hold the reader up.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if strings.HasSuffix(path, ".gz") {
		return &compressed{file: f}, nil
	}
	return plainFile{f}, nil
}

type plainFile struct{ *os.File }

func (f plainFile) status() (status, error) {
	info, err := f.Stat()
	if err != nil {
		return status{}, err
	}
	return statusOf(info), nil
}

// compressed reads a gzip file forwards. It keeps the last sampleSize bytes and
// starts again for anything before them.
type compressed struct {
	file   *os.File
	reader *gzip.Reader
	offset int64  // of the next byte of reader
	last   []byte // that stand before offset
}

func (c *compressed) Close() error { return c.file.Close() }

func (c *compressed) status() (status, error) {
	s, err := plainFile{c.file}.status()
	s.size = -1
	return s, err
}

// ReadAt implements io.ReaderAt. It returns io.ErrUnexpectedEOF for a file that is
// still being written.
func (c *compressed) ReadAt(p []byte, offset int64) (int, error) {
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
	n := copy(p, c.last[int64(len(c.last))-(c.offset-offset):])
	m, err := io.ReadFull(c.reader, p[n:])
	c.consumed(p[n : n+m])
	if errors.Is(err, io.ErrUnexpectedEOF) && n+m < len(p) {
		// ReadFull says so of a short read, gzip of a short file: ask gzip.
		var one [1]byte
		if _, again := c.reader.Read(one[:]); !errors.Is(again, io.EOF) {
			return n + m, io.ErrUnexpectedEOF
		}
		err = io.EOF
	}
	return n + m, err
}

func (c *compressed) rewind() error {
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

func (c *compressed) skip(n int64) error {
	buf := make([]byte, min(n, 64<<10))
	for n > 0 {
		m, err := c.reader.Read(buf[:min(n, int64(len(buf)))])
		c.consumed(buf[:m])
		n -= int64(m)
		if err != nil && n > 0 {
			return err
		}
	}
	return nil
}

func (c *compressed) consumed(b []byte) {
	c.offset += int64(len(b))
	c.last = append(c.last, b...)
	c.last = append(c.last[:0], c.last[max(0, len(c.last)-2*sampleSize):]...)
}
