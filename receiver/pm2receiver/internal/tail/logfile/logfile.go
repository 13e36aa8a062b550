// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package logfile reads log files, plain or compressed with gzip, at any offset.
package logfile

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
)

// File is an open log file. It is not safe for concurrent use.
type File interface {
	// ReadAt implements io.ReaderAt. For a gzip file the offset is that of the
	// uncompressed content, and io.ErrUnexpectedEOF means that the file is still being
	// written.
	io.ReaderAt
	io.Closer
	// Status returns the identity and the present size of the file.
	Status() (Status, error)
	// Path returns the present path of the file, or "" if it has none or the operating
	// system does not provide it.
	Path() string
	// NextData returns the offset of the next byte at or after offset that was ever
	// written, as far as the file system knows, or the end of the file. It skips holes.
	NextData(offset int64) int64
	// Compressed reports whether the file is compressed. Reading it backwards is slow.
	Compressed() bool
}

// New returns a File that reads f and closes it. compressed selects gzip. When stopping
// becomes true, long reads of a compressed file end with an error. stopping may be nil.
func New(f *os.File, compressed bool, stopping *atomic.Bool) File {
	if compressed {
		return &gzipFile{file: f, stopping: stopping}
	}
	return plainFile{f}
}

// Length returns how many bytes of content a file has now. It reads a compressed file to
// its end. The error is io.ErrUnexpectedEOF if that is still being written.
func Length(f File) (int64, error) {
	at, err := f.Status()
	if err != nil || at.Size >= 0 {
		return at.Size, err
	}
	buf := make([]byte, 64<<10)
	var size int64
	for {
		n, err := f.ReadAt(buf, size)
		size += int64(n)
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

type plainFile struct{ *os.File }

// Status implements File.
func (f plainFile) Status() (Status, error) {
	info, err := f.Stat()
	if err != nil {
		return Status{}, err
	}
	return StatusOf(info), nil
}

// Path implements File.
func (f plainFile) Path() string { return pathOf(f.File) }

// Compressed implements File.
func (plainFile) Compressed() bool { return false }
