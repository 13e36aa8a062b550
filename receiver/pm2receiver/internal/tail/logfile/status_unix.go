// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package logfile

import (
	"io/fs"
	"syscall"
)

// StatusOf returns the status in info.
func StatusOf(info fs.FileInfo) Status {
	s := Status{Size: info.Size(), Modified: info.ModTime().UnixNano(), Links: 1}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.Device, s.Inode, s.Links = uint64(sys.Dev), sys.Ino, uint64(sys.Nlink) //nolint:unconvert // it is narrower on other platforms
	}
	return s
}
