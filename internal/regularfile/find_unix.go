// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix && !linux

package regularfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// handle is empty: Open compares the file that it opened.
type handle struct{}

// Close releases the file descriptor of f.
func (*Found) Close() {}

func (f *Found) open() (*os.File, error) {
	return os.OpenFile(f.Path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW|syscall.O_NOCTTY, 0)
}

// Find follows path link by link, without opening anything.
func Find(path string) (*Found, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	f := &Found{name: path}
	dir, rest, last := "/", split(path), false
	for parts := 0; len(rest) > 0; parts++ {
		if parts > maxParts || len(f.Links) > maxLinks {
			return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
		}
		folder, err := os.Lstat(dir)
		if err != nil {
			return nil, err
		}
		next := filepath.Join(dir, rest[0])
		rest = rest[1:]
		if len(rest) == 0 && !last {
			last, f.Folder = true, IdentityOf(folder)
		}
		info, err := os.Lstat(next)
		if err != nil {
			return nil, err
		}
		f.File, f.Path = IdentityOf(info), next
		if info.Mode()&fs.ModeSymlink == 0 {
			dir = next
			continue
		}
		f.Links = append(f.Links, Link{Owner: f.File.Owner, Folder: IdentityOf(folder).Owner, Last: last})
		target, err := os.Readlink(next)
		if err != nil {
			return nil, err
		}
		if filepath.IsAbs(target) {
			dir = "/"
		}
		rest = slices.Concat(split(target), rest)
	}
	return f, nil
}

func split(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" || s == "." })
}
