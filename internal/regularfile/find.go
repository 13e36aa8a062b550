package regularfile

import (
	"errors"
	"io/fs"
	"os"
)

const (
	// maxLinks is how many links a path may lead through, as in Linux.
	maxLinks = 40
	// maxParts bounds the names that a path and its links have in all.
	maxParts = 1024
)

// ErrChanged says that something took the place of a file between [Find] and
// [Found.Open].
var ErrChanged = errors.New("file was replaced while it was opened")

// Identity is what the system says of a file or folder.
type Identity struct {
	Device, Inode uint64
	// Links is how many names the file has.
	Links uint64
	// Owner is the user's number.
	Owner uint32
	Mode  fs.FileMode
	// Born is when the file was made, in nanoseconds, or 0 if that is not known. The number
	// of a file that is gone becomes that of another.
	Born int64
}

// Same says whether both are the same file.
func (i Identity) Same(o Identity) bool { return i.Device == o.Device && i.Inode == o.Inode }

// Link is a symbolic link on the way to a file. Its owner, and that of the folder
// that it is in, decide where it leads.
type Link struct {
	// Owner is the user who owns the link, Folder the one who owns its folder.
	Owner, Folder uint32
	// Last is set for links in place of the file, and not of a folder on the way.
	Last bool
}

// Found is where a path leads. It holds a file descriptor until Close.
type Found struct {
	// Path is the absolute path without links.
	Path string
	// File is what is there. Folder is the folder in which the last name of the path
	// is: that of the file, or of the link in its place.
	File, Folder Identity
	// Links are those on the way, in their order.
	Links []Link
	// Virtual is set if the path leads into a file system that holds what a kernel
	// says and not what a program wrote, such as /proc.
	Virtual bool

	name string // as it was asked for
	handle
}

// Open opens the file for reading, and nothing that took its place meanwhile. It
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
