// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !unix

package regularfile

import (
	"io/fs"
	"os"
	"path/filepath"
)

// handle is empty.
type handle struct{}

// Close releases the file descriptor of f.
func (*Found) Close() {}

func (f *Found) open() (*os.File, error) { return os.Open(f.Path) }

// Find follows path. This system has no user IDs, so all files have the same owner.
func Find(path string) (*Found, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Lstat(real)
	if err != nil {
		return nil, err
	}
	return &Found{Path: real, File: IdentityOf(info), name: path}, nil
}

// IdentityOf returns the same identity for all files: this system has no inodes.
func IdentityOf(info fs.FileInfo) Identity { return Identity{Mode: info.Mode(), Links: 1} }
