package tail

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

const (
	// blockSize is how much of a file is read at once.
	blockSize = 64 << 10
	// maxRecord is the longest physical line. PM2 wraps at most 64 KiB of a pipe in
	// a record, six times as much with escapes, but in cluster mode whatever the
	// application writes at once.
	maxRecord = 16 << 20
	// tailIdle is how long the end of a physical line may be waited for.
	tailIdle = 5 * time.Second
)

// errTruncated says that a file no longer holds what was read from it.
var errTruncated = errors.New("file was truncated")

// file is one file that a stream reads.
type file struct {
	mark    Mark
	content content
	// grown is when the file last had something new.
	grown time.Time
	// tail is how long the half line at the end was when it last grew.
	tail int
	// modified is the time of the file's last change that has been dealt with.
	modified int64
}

// unchanged checks a file that is exactly as long as it was read: it may have been
// truncated and written again.
func (f *file) unchanged(at status) error {
	if at.modified == f.modified {
		return nil
	}
	ok, err := f.mark.continues(f.content)
	if err != nil {
		return err
	}
	if !ok {
		return errTruncated
	}
	f.modified = at.modified
	return nil
}

var buffers = sync.Pool{New: func() any {
	b := make([]byte, sampleSize+blockSize)
	return &b
}}

// block is a piece of a file: whole physical lines, with what stands before them.
type block struct {
	before []byte
	lines  []byte
	// cut is set if lines does not end with a newline.
	cut bool
}

// next reads the block behind the frontier into *buf, which it may enlarge. It
// returns an empty block at the end of the file or before a line whose end has not
// been written yet, unless final.
func (f *file) next(buf *[]byte, now time.Time, final bool) (block, error) {
	guard := f.mark.guardLen()
	for {
		b := *buf
		n, err := f.content.ReadAt(b, f.mark.Offset-int64(guard))
		if err != nil && !errors.Is(err, io.EOF) {
			if n <= guard || !errors.Is(err, io.ErrUnexpectedEOF) {
				return block{}, err
			}
		}
		if n < guard || guard > 0 && xxhash.Sum64(b[:guard]) != f.mark.Guard {
			return block{}, errTruncated
		}
		data := b[guard:n]
		if end := bytes.LastIndexByte(data, '\n'); end >= 0 {
			f.grown, f.tail = now, 0
			return block{before: b[:guard], lines: data[:end+1]}, nil
		}
		if n == len(b) && len(b) < maxRecord {
			*buf = make([]byte, min(4*len(b), maxRecord))
			continue
		}
		if len(data) != f.tail {
			f.grown, f.tail = now, len(data)
		}
		if len(data) > 0 && (final || n == len(b) || now.Sub(f.grown) >= tailIdle) {
			f.tail = 0
			return block{before: b[:guard], lines: data, cut: true}, nil
		}
		return block{}, nil
	}
}
