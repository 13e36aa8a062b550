package diskspace

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

// remedies say what to do about a write that failed.
var remedies = []struct {
	cause  error
	remedy string
}{
	{syscall.ENOSPC, "free room on the disk or make it larger; the directory may also have used up its inodes (df -i)"},
	{storage.ErrStorageFull, "free room on the disk or make it larger"},
	{syscall.EDQUOT, "raise the quota of the user or the project, or free room that it uses"},
	{syscall.EROFS, "mount the file system for writing; Linux mounts it read-only after an error of the disk, which the kernel's log (dmesg) names"},
	{syscall.EIO, "the disk fails: see the kernel's log (dmesg), and move the directory to another disk"},
	{fs.ErrPermission, "let the user of the collector write to the directory"},
	{fs.ErrNotExist, "make the directory again; it has been removed or its disk is not mounted"},
	{syscall.EMFILE, "raise the limit of open files (LimitNOFILE of systemd, ulimit -n)"},
	{syscall.ENFILE, "raise the limit of open files of the machine (fs.file-max)"},
}

// IsFull tells whether a write failed because the disk or a quota is used up.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, storage.ErrStorageFull)
}

// Fault returns the fields of a line in the log about a write that failed: where, how much
// is free there, why, and what to do if that is known. path is a file or directory, which
// need not exist; empty is not known.
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

// nearest returns the room of the file system of path, or else of the nearest directory
// above it that is there.
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
