// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package regularfile

import (
	"io/fs"
	"syscall"
)

// IdentityOf returns the identity in info.
func IdentityOf(info fs.FileInfo) Identity {
	i := Identity{Mode: info.Mode(), Links: 1}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		i.Device, i.Inode, i.Links, i.Owner = uint64(sys.Dev), uint64(sys.Ino), uint64(sys.Nlink), sys.Uid //nolint:unconvert,gosec // they differ between platforms
	}
	return i
}
