// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package diskspace

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

// remedies are what to do about a failed write.
var remedies = []struct {
	cause  error
	remedy string
}{
	{syscall.ENOSPC, "free space on the disk or make it larger; the file system may also have no free inodes (df -i)"},
	{storage.ErrStorageFull, "free space on the disk or make it larger"},
	{syscall.EDQUOT, "raise the quota of the user or the project, or free space that it uses"},
	{syscall.EROFS, "mount the file system writable; Linux mounts it read-only after a disk error, which is in the kernel log (dmesg)"},
	{syscall.EIO, "the disk fails: see the kernel log (dmesg), and move the directory to another disk"},
	{fs.ErrPermission, "give the user of the collector write permission on the directory"},
	{fs.ErrNotExist, "create the directory again; it was removed or its disk is not mounted"},
	{syscall.EMFILE, "raise the limit of open files (LimitNOFILE of systemd, ulimit -n)"},
	{syscall.ENFILE, "raise the limit of open files of the machine (fs.file-max)"},
}

// IsFull reports whether a write failed because the disk is full or a quota is exceeded.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, storage.ErrStorageFull)
}

// Fault returns the log fields of a failed write: where, how much space is free there, the
// error, and what to do if that is known. path is a file or directory, which need not exist,
// or "" if it is unknown.
func Fault(path string, err error) []zap.Field {
	var fields []zap.Field
	if path != "" {
		fields = append(fields, zap.String("path", path))
		if free, ok := nearest(path); ok {
			fields = append(fields, zap.Int64("free_bytes", free.Bytes))
		}
	}
	for _, r := range remedies {
		if errors.Is(err, r.cause) {
			fields = append(fields, zap.String("remedy", r.remedy))
			break
		}
	}
	return append(fields, zap.Error(err))
}

// nearest returns the space of the file system of path, or of the nearest directory above it
// that exists.
func nearest(path string) (Free, bool) {
	for {
		if free, ok := Of(path); ok {
			return free, true
		}
		above := filepath.Dir(path)
		if above == path {
			return Free{}, false
		}
		path = above
	}
}
