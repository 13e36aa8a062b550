// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package regularfile

import (
	"errors"
	"io/fs"
	"os"
)

const (
	// maxLinks bounds the links in a path, as Linux does.
	maxLinks = 40
	// maxParts bounds the names in a path and its links together.
	maxParts = 1024
)

// ErrChanged is returned if a file was replaced between [Find] and [Found.Open].
var ErrChanged = errors.New("file was replaced while it was opened")

// Identity is what the operating system reports about a file or folder.
type Identity struct {
	Device, Inode uint64
	// Links is how many names the file has.
	Links uint64
	// Owner is the user ID of the owner.
	Owner uint32
	Mode  fs.FileMode
	// Born is when the file was created, in nanoseconds since the Unix epoch, or 0 if that is
	// unknown. It distinguishes files that had the same inode one after the other.
	Born int64
}

// Same reports whether both are the same file.
func (i Identity) Same(o Identity) bool { return i.Device == o.Device && i.Inode == o.Inode }

// Link is a symbolic link in a path. Its owner, and the owner of its folder, control where it
// leads.
type Link struct {
	// Owner is the user who owns the link, Folder the one who owns its folder.
	Owner, Folder uint32
	// Last is true if the link is in place of the file, and not of a folder above it.
	Last bool
}

// Found is the file to which a path leads. It has a file descriptor open until Close.
type Found struct {
	// Path is the absolute path without links.
	Path string
	// File is the file. Folder is the folder that has the last name of the path: that of the
	// file, or of the link in its place.
	File, Folder Identity
	// Links are the links in the path, in their order.
	Links []Link
	// Virtual is true if the file is in a file system of the kernel, such as /proc, in which
	// programs do not store data.
	Virtual bool

	name string // the path that was looked for
	handle
}

// Open opens the file for reading. If the file was replaced meanwhile, it returns an error. It
// never blocks.
func (f *Found) Open() (*os.File, error) {
	file, err := f.open()
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !IdentityOf(info).Same(f.File) {
		err = &fs.PathError{Op: "open", Path: f.name, Err: ErrChanged}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
