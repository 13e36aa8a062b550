// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build linux || darwin

package diskspace

import (
	"io/fs"
	"math"
	"os"
	"syscall"
)

// blockSize is the unit of Stat_t.Blocks, on every file system.
const blockSize = 512

// Of returns the space of the file system of path. It reports false if that is unknown.
func Of(path string) (free Free, ok bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil || st.Blocks == 0 {
		return Free{}, false
	}
	size := int64(st.Bsize) //nolint:unconvert // its type differs
	return Free{Bytes: bytesOf(st.Bavail, size), Total: bytesOf(st.Blocks, size)}, true
}

// bytesOf returns how many bytes blocks are, without overflow: network file systems without a
// limit report huge numbers.
func bytesOf(blocks uint64, size int64) int64 {
	if size <= 0 || blocks > uint64(math.MaxInt64/size) {
		return math.MaxInt64
	}
	return int64(blocks) * size
}

// Taken returns how many bytes of its disk the file at path uses, which is less than its size
// if it has holes. It returns 0 for a file that does not exist.
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
