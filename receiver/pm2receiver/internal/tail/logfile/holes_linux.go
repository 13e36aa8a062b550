// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package logfile

import (
	"errors"

	"golang.org/x/sys/unix"
)

// NextData implements File.
func (f plainFile) NextData(offset int64) int64 {
	info, err := f.Stat()
	if err != nil {
		return offset
	}
	// Moving the file's own offset is safe: all other reads state an offset.
	at, err := f.Seek(offset, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO): // there is no data after offset
		return max(offset, info.Size())
	case err != nil:
		return offset
	}
	return at
}
