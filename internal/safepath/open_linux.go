// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package safepath

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks bounds how many links a path may have, as in the kernel.
const maxLinks = 40

var (
	// ErrLink is returned for a path with a symbolic link that does not belong to root.
	ErrLink = errors.New("is a link that another user than root can replace")
	// ErrChanged is returned if a file was replaced while it was opened.
	ErrChanged = errors.New("was replaced while it was opened")
	// ErrKind is returned for what is neither a regular file nor a folder.
	ErrKind = errors.New("is neither a regular file nor a folder")
)

// File is an open regular file or folder. Close it.
type File struct {
	// Path is the absolute path without links.
	Path string
	// Parents are the folders above the file, from / on.
	Parents []Folder

	*os.File
	Stat unix.Stat_t
}

// Folder is a folder above a file.
type Folder struct {
	Path  string
	Owner uint32
}

// IsDir reports whether f is a folder.
func (f *File) IsDir() bool { return f.Stat.Mode&unix.S_IFMT == unix.S_IFDIR }

// Open opens the regular file or folder at an absolute path for reading. Links in the path must belong to
// root and lie in a folder that only root may change; for others the error is an [fs.PathError] of ErrLink
// with the path of the link.
func Open(path string) (*File, error) {
	if !filepath.IsAbs(path) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("is not an absolute path")}
	}
	path = filepath.Clean(path)
	for range maxLinks {
		f, target, err := walk(path)
		if err != nil || target == "" {
			return f, err
		}
		path = target
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: unix.ELOOP}
}

// walk opens path, or returns the path that the first link of root in it leads to.
func walk(path string) (*File, string, error) {
	fd, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, "", &fs.PathError{Op: "open", Path: "/", Err: err}
	}
	defer func() { _ = unix.Close(fd) }()
	var above unix.Stat_t
	if err := unix.Fstat(fd, &above); err != nil {
		return nil, "", &fs.PathError{Op: "stat", Path: "/", Err: err}
	}
	var parents []Folder
	at, rest := "/", strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, name := range rest {
		if name == "" { // path is /
			f, err := reopen(unix.AT_FDCWD, "/", "/", &above)
			return f, "", err
		}
		next := filepath.Join(at, name)
		inner, err := unix.Openat(fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, "", &fs.PathError{Op: "open", Path: next, Err: err}
		}
		parent := fd
		fd = inner
		err = func() error {
			defer func() { _ = unix.Close(parent) }()
			parents = append(parents, Folder{at, above.Uid})
			var st unix.Stat_t
			if err := unix.Fstat(fd, &st); err != nil {
				return &fs.PathError{Op: "stat", Path: next, Err: err}
			}
			if st.Mode&unix.S_IFMT == unix.S_IFLNK {
				target, err := targetOf(fd, next, &st, &above)
				if err != nil {
					return err
				}
				return followed{filepath.Join(append([]string{target}, rest[i+1:]...)...)}
			}
			if i == len(rest)-1 {
				f, err := reopen(parent, name, next, &st)
				if err != nil {
					return err
				}
				f.Parents = parents
				return opened{f}
			}
			above, at = st, next
			return nil
		}()
		var link followed
		var done opened
		switch {
		case errors.As(err, &link):
			return nil, link.path, nil
		case errors.As(err, &done):
			return done.file, "", nil
		case err != nil:
			return nil, "", err
		}
	}
	return nil, "", &fs.PathError{Op: "open", Path: path, Err: fs.ErrInvalid}
}

// followed and opened are how one step of walk ends it.
type (
	followed struct{ path string }
	opened   struct{ file *File }
)

func (followed) Error() string { return "link" }
func (opened) Error() string   { return "opened" }

// targetOf returns the absolute path to which a link of root leads.
func targetOf(fd int, path string, link, folder *unix.Stat_t) (string, error) {
	shared := folder.Mode&0o022 != 0 && folder.Mode&unix.S_ISVTX == 0
	if link.Uid != 0 || folder.Uid != 0 || shared {
		return "", &fs.PathError{Op: "open", Path: path, Err: ErrLink}
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: path, Err: err}
	}
	target := string(buf[:n])
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(path), target)
	}
	return target, nil
}

// reopen opens for reading what was found before, and nothing else.
func reopen(dir int, name, path string, found *unix.Stat_t) (*File, error) {
	if kind := found.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrKind}
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := &File{Path: path, File: os.NewFile(uintptr(fd), path)}
	if err := unix.Fstat(fd, &f.Stat); err != nil {
		_ = f.Close()
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if f.Stat.Dev != found.Dev || f.Stat.Ino != found.Ino || f.Stat.Uid != found.Uid {
		_ = f.Close()
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrChanged}
	}
	return f, nil
}

// OpenIn opens the regular file or folder of a name in a folder that is open. It follows no link.
func (f *File) OpenIn(name string) (*File, error) {
	path := filepath.Join(f.Path, name)
	if name == "." || name == ".." || strings.Contains(name, "/") {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrInvalid}
	}
	dir := int(f.Fd())
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrLink}
	}
	inner, err := reopen(dir, name, path, &st)
	if err != nil {
		return nil, err
	}
	inner.Parents = append(append([]Folder{}, f.Parents...), Folder{f.Path, f.Stat.Uid})
	return inner, nil
}

// Reason returns the text of an error of this package without the operation.
func Reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Sprintf("%s: %v", p.Path, p.Err)
	}
	return err.Error()
}
