// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package logfile

import "os"

// Status is the identity and the state of a file at one moment. It is comparable.
type Status struct {
	// Device and Inode identify the file. On systems without inodes both are 0.
	Device, Inode uint64
	// Links is how many names the file has.
	Links uint64
	// Size is in bytes. It is -1 for the content of a compressed file.
	Size int64
	// Modified is the time of the last change, in nanoseconds since the Unix epoch.
	Modified int64
}

// SameFile reports whether both are states of one file.
func (s Status) SameFile(o Status) bool { return s.Device == o.Device && s.Inode == o.Inode }

// Stat returns the status of the file at path. It follows links, because a log folder may be
// one.
func Stat(path string) (Status, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Status{}, err
	}
	return StatusOf(info), nil
}
