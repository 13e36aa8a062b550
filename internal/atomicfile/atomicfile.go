// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package atomicfile replaces files as a whole: a reader, and a program that
// starts after a crash, sees either the old content or the new.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write replaces the content of the file at path with data and returns after
// the data is on disk. The file keeps its mode and owner. A new file has mode
// 0600. If path is a symbolic link, Write replaces its target and keeps the link.
func Write(path string, data []byte) error {
	path, err := Resolve(path)
	if err != nil {
		return err
	}
	temp, err := writeTemp(path, data)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return SyncDir(filepath.Dir(path))
}

// Create writes data to a new file with mode 0600 and returns after it is on
// disk. If there is a file at path already, the error is fs.ErrExist.
func Create(path string, data []byte) error {
	temp, err := writeTemp(path, data)
	if err != nil {
		return err
	}
	err = os.Link(temp, path) // a rename would replace an existing file
	if err = errors.Join(err, os.Remove(temp)); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// Resolve follows the symbolic links of path and returns the path of the file
// that [Write] replaces. The file does not have to exist, but its folder does.
// Resolve fails if path is a link to a file that does not exist.
func Resolve(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	switch {
	case err == nil:
		return resolved, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	// Lstat can also find a file that another program has created since. That is
	// not a link.
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return "", fmt.Errorf("%s is a symbolic link to a file that does not exist", path)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(path)), nil
}

// writeTemp writes data to a temporary file in the folder of path, with the
// mode and owner of the file at path, and returns the name of the temporary
// file. It leaves no file behind when it fails.
func writeTemp(path string, data []byte) (name string, err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return "", err
	}
	if err := errors.Join(fill(temp, path, data), temp.Close()); err != nil {
		return "", errors.Join(err, os.Remove(temp.Name()))
	}
	return temp.Name(), nil
}

func fill(temp *os.File, path string, data []byte) error {
	if _, err := temp.Write(data); err != nil {
		return err
	}
	switch old, err := os.Stat(path); {
	case err == nil:
		if err := keepOwner(temp, old); err != nil {
			return fmt.Errorf("keeping the owner of %s: %w", path, err)
		}
		if err := temp.Chmod(old.Mode().Perm()); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return temp.Sync()
}
