// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package foldname distinguishes names on disk that differ in case only.
//
// Folders are named after tenants. File systems of macOS and Windows, and some of
// Linux, treat Acme and acme as the same name, so the data of one tenant would be
// in the folder of the other. On these file systems, upper-case letters are written
// as %41 to %5a, which no tenant ID and no name of a destination contains.
package foldname

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Insensitive reports whether the file system of the directory ignores case. It
// creates a file there and removes it.
func Insensitive(directory string) (bool, error) {
	f, err := os.CreateTemp(directory, ".case-probe-*")
	if err != nil {
		return false, err
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return false, err
	}
	_, err = os.Lstat(filepath.Join(directory, strings.ToUpper(filepath.Base(f.Name()))))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Encode returns a path without upper-case letters. [Decode] returns the original
// path.
func Encode(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; 'A' <= c && c <= 'Z' {
			fmt.Fprintf(&b, "%%%02x", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Decode returns the name that was given to [Encode]. It does not change other names.
func Decode(name string) string {
	if !strings.Contains(name, "%") {
		return name
	}
	for c := byte('A'); c <= 'Z'; c++ {
		name = strings.ReplaceAll(name, fmt.Sprintf("%%%02x", c), string(rune(c)))
	}
	return name
}
