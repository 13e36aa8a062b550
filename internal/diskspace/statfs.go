//go:build linux || darwin

package diskspace

import (
	"io/fs"
	"math"
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
	return Free{Bytes: bytesOf(st.Bavail, size), Total: bytesOf(st.Blocks, size)}, true
}

// bytesOf returns how many bytes blocks are. Network file systems report as many as they
// like, to say that there is no bound.
func bytesOf(blocks uint64, size int64) int64 {
	if size <= 0 || blocks > uint64(math.MaxInt64/size) {
		return math.MaxInt64
	}
	return int64(blocks) * size
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
