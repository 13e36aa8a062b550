package tail

import (
	"errors"

	"golang.org/x/sys/unix"
)

// data returns the place of the next byte at or behind offset that was written, as far
// as the file system knows, or the end of the file.
func (f plainFile) data(offset int64) int64 {
	info, err := f.Stat()
	if err != nil {
		return offset
	}
	// Everything else reads at an offset of its own.
	at, err := f.Seek(offset, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO): // nothing was
		return max(offset, info.Size())
	case err != nil:
		return offset
	}
	return at
}
