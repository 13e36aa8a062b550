package tail

import (
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"
)

// content is a file that can be read: a plain one, or a compressed copy.
type content interface {
	io.ReaderAt
	io.Closer
	// status tells the file's identity and present size. The size of a compressed
	// file is not known before its end has been read: it is -1.
	status() (status, error)
	// handle returns the file itself.
	handle() *os.File
}

// status identifies a file.
type status struct {
	device, inode uint64
	links         uint64
	size          int64
	modified      int64
}

func (s status) same(o status) bool { return s.device == o.device && s.inode == o.inode }

// open opens a file for reading, if it may be read. It refuses what is no regular file,
// such as the pipes and devices that PM2 lets an application name.
func (s *Settings) open(path string) (content, error) {
	f, err := s.gate.Open(path)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(path, ".gz") {
		return &compressed{file: f, stopping: s.stopping}, nil
	}
	return plainFile{f}, nil
}

type plainFile struct{ *os.File }

func (f plainFile) handle() *os.File { return f.File }

func (f plainFile) status() (status, error) {
	info, err := f.Stat()
	if err != nil {
		return status{}, err
	}
	return statusOf(info), nil
}

// compressed reads a gzip file forwards. It keeps the last block, of which the half line
// at the end is read once more, and starts again for anything before that.
type compressed struct {
	file     *os.File
	reader   *gzip.Reader
	offset   int64        // of the next byte of reader
	last     []byte       // that stand before offset
	stopping *atomic.Bool // nobody waits any more for what takes long
}

// errStopping ends the reading of a file that takes long.
var errStopping = errors.New("the reader is stopping")

func (c *compressed) Close() error { return c.file.Close() }

func (c *compressed) handle() *os.File { return c.file }

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
	if c.stopping != nil && c.stopping.Load() {
		return 0, errStopping
	}
	n := copy(p, c.last[int64(len(c.last))-(c.offset-offset):])
	if n == len(p) {
		return n, nil
	}
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
		if c.stopping != nil && c.stopping.Load() {
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

func (c *compressed) consumed(b []byte) {
	c.offset += int64(len(b))
	const keep = blockSize + 2*sampleSize
	if len(b) >= keep {
		c.last = append(c.last[:0], b[len(b)-keep:]...)
		return
	}
	if more := len(c.last) + len(b) - keep; more > 0 {
		c.last = c.last[:copy(c.last, c.last[more:])]
	}
	c.last = append(c.last, b...)
}
