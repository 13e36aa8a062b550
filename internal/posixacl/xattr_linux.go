// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package posixacl

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Kind is one of the two lists of a file.
type Kind string

// The lists.
const (
	Access  Kind = "system.posix_acl_access"
	Default Kind = "system.posix_acl_default" // of a folder: for what is created in it
)

// ErrUnsupported is returned if the file system has no access control lists.
var ErrUnsupported = errors.New("the file system has no access control lists")

// maxBytes is the largest attribute of Linux.
const maxBytes = 64 << 10

// Get returns a list of an open file, or nil if it has none.
func Get(f *os.File, kind Kind) (ACL, error) {
	buf := make([]byte, maxBytes)
	n, err := unix.Fgetxattr(int(f.Fd()), string(kind), buf)
	switch {
	case errors.Is(err, unix.ENODATA):
		return nil, nil
	case errors.Is(err, unix.EOPNOTSUPP):
		return nil, ErrUnsupported
	case err != nil:
		return nil, &os.PathError{Op: "getxattr", Path: f.Name(), Err: err}
	}
	return Decode(buf[:n])
}

// Set replaces a list of an open file. nil removes it.
func Set(f *os.File, kind Kind, a ACL) error {
	var err error
	if a == nil {
		if err = unix.Fremovexattr(int(f.Fd()), string(kind)); errors.Is(err, unix.ENODATA) {
			return nil
		}
	} else {
		err = unix.Fsetxattr(int(f.Fd()), string(kind), a.Encode(), 0)
	}
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return ErrUnsupported
	case err != nil:
		return &os.PathError{Op: "setxattr", Path: f.Name(), Err: err}
	}
	return nil
}
