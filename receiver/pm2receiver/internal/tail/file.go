package tail

import (
	"errors"
	"time"
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
	tail int64
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
