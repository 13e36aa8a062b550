//go:build linux || darwin

package diskspace

import (
	"io/fs"
	"os"
	"syscall"
)

// blockSize is the unit of what a file takes, whatever the file system's own is.
const blockSize = 512

// Of returns the room of the file system that path is on. It reports false where
// that is not known.
func Of(path string) (free Free, ok bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil || st.Blocks == 0 {
		return Free{}, false
	}
	size := int64(st.Bsize) //nolint:unconvert // its type differs
	return Free{Bytes: int64(st.Bavail) * size, Total: int64(st.Blocks) * size}, true
}

// Taken returns what the file at path takes of its disk, which is less than its size if
// it has holes. A file that is not there takes nothing.
func Taken(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return taken(info)
}

func taken(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * blockSize
	}
	return info.Size()
}
