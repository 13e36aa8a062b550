//go:build !unix

package regularfile

import (
	"io/fs"
	"os"
	"path/filepath"
)

// handle holds nothing.
type handle struct{}

// Close gives back what the Found holds.
func (*Found) Close() {}

func (f *Found) open() (*os.File, error) { return os.Open(f.Path) }

// Find looks where path leads. There are no numbers of users here, so that
// everything belongs to one.
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

// IdentityOf gives all files the same number: they cannot be distinguished.
func IdentityOf(info fs.FileInfo) Identity { return Identity{Mode: info.Mode(), Links: 1} }
