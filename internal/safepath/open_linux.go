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
		switch {
		case err != nil:
			return nil, err
		case f != nil:
			return f, nil
		}
		path = target
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: unix.ELOOP}
}

// walk opens path, or returns the path that the first link of root in it leads to.
func walk(path string) (*File, string, error) {
	at, err := openPath(unix.AT_FDCWD, "/", "/")
	if err != nil {
		return nil, "", err
	}
	defer func() { at.close() }()
	var parents []Folder
	rest := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if path == "/" {
		f, err := reopen(unix.AT_FDCWD, "/", "/", &at.stat)
		return f, "", err
	}
	for i, name := range rest {
		next, err := openPath(at.fd, name, filepath.Join(at.path, name))
		if err != nil {
			return nil, "", err
		}
		parents = append(parents, Folder{at.path, at.stat.Uid})
		switch {
		case next.stat.Mode&unix.S_IFMT == unix.S_IFLNK:
			target, err := targetOf(next, &at.stat)
			next.close()
			return nil, filepath.Join(append([]string{target}, rest[i+1:]...)...), err
		case i == len(rest)-1:
			f, err := reopen(at.fd, name, next.path, &next.stat)
			next.close()
			if err != nil {
				return nil, "", err
			}
			f.Parents = parents
			return f, "", nil
		}
		at.close()
		at = next
	}
	return nil, "", &fs.PathError{Op: "open", Path: path, Err: fs.ErrInvalid}
}

// place is a part of a path, open without the right to read it.
type place struct {
	fd   int
	path string
	stat unix.Stat_t
}

// openPath opens what has a name in a folder. It follows no link.
func openPath(dir int, name, path string) (*place, error) {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	p := &place{fd: fd, path: path}
	if err := unix.Fstat(fd, &p.stat); err != nil {
		p.close()
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return p, nil
}

func (p *place) close() { _ = unix.Close(p.fd) }

// targetOf returns the absolute path to which a link of root in a folder leads.
func targetOf(link *place, folder *unix.Stat_t) (string, error) {
	shared := folder.Mode&0o022 != 0 && folder.Mode&unix.S_ISVTX == 0
	if link.stat.Uid != 0 || folder.Uid != 0 || shared {
		return "", &fs.PathError{Op: "open", Path: link.path, Err: ErrLink}
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(link.fd, "", buf)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: link.path, Err: err}
	}
	target := string(buf[:n])
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(link.path), target)
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
