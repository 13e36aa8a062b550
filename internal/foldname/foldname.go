// Package foldname keeps apart on disk what differs in case only.
//
// Folders are named after tenants. File systems of macOS and Windows, and some of
// Linux, take Acme and acme for the same name, so there the one tenant's data
// would lie in the other's folder. On those, upper-case letters are written as
// %41 to %5A, which no ID of a tenant and no name of a destination can hold.
package foldname

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Insensitive tells whether the file system of the directory ignores case. It makes
// a file there and removes it.
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

// Encode returns a path without upper-case letters from which Decode makes the
// path again.
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

// Decode returns the name that Encode was given. Other names stay as they are.
func Decode(name string) string {
	if !strings.Contains(name, "%") {
		return name
	}
	for c := byte('A'); c <= 'Z'; c++ {
		name = strings.ReplaceAll(name, fmt.Sprintf("%%%02x", c), string(rune(c)))
	}
	return name
}
