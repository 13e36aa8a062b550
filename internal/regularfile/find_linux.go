// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package regularfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// inspect opens a file for its metadata only: a device is not affected, and no permission to
// read is needed.
const inspect = unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC

// handle has the folder of the file itself open.
type handle struct{ folder int }

// Close releases the file descriptor of f.
func (f *Found) Close() { _ = unix.Close(f.handle.folder) }

func (f *Found) open() (*os.File, error) {
	fd, err := unix.Openat(f.handle.folder, filepath.Base(f.Path), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: f.name, Err: err}
	}
	return os.NewFile(uintptr(fd), f.name), nil
}

// Find follows path link by link, without opening anything for reading. Open opens the file
// that Find has followed the path to, even if the path leads elsewhere by then.
func Find(path string) (*Found, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	w := walk{found: &Found{name: path}, dir: -1}
	err = w.restart()
	if err == nil {
		err = w.run(path)
	}
	if err != nil {
		if w.dir >= 0 {
			_ = unix.Close(w.dir)
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	w.found.handle.folder = w.dir
	return w.found, nil
}

// walk follows a path.
type walk struct {
	found *Found
	dir   int      // the folder reached
	at    Identity // of dir
	names []string // of the path of dir
	last  bool     // the end of the path was reached once
}

// restart begins at the root.
func (w *walk) restart() error {
	fd, err := unix.Open("/", inspect|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	w.names = w.names[:0]
	return w.enter(fd)
}

// enter makes fd the folder reached.
func (w *walk) enter(fd int) error {
	if w.dir >= 0 {
		_ = unix.Close(w.dir)
	}
	w.dir = fd
	at, err := identify(fd)
	w.at = at
	return err
}

func (w *walk) run(path string) error {
	rest := split(path)
	for parts := 0; len(rest) > 0; parts++ {
		if parts > maxParts {
			return unix.ELOOP
		}
		part := rest[0]
		rest = rest[1:]
		if len(rest) == 0 && !w.last {
			w.last, w.found.Folder = true, w.at
		}
		if part == ".." {
			fd, err := unix.Openat(w.dir, part, inspect|unix.O_DIRECTORY, 0)
			if err != nil {
				return err
			}
			w.names = w.names[:max(0, len(w.names)-1)]
			if err := w.enter(fd); err != nil {
				return err
			}
			continue
		}
		more, done, err := w.step(part, len(rest) == 0)
		if err != nil || done {
			return err
		}
		rest = slices.Concat(more, rest)
	}
	// It ends in "/" or "..".
	w.found.File, w.found.Path = w.at, "/"+strings.Join(w.names, "/")
	return nil
}

// step follows one name in the folder reached. It returns the names in the target of a link,
// or done at the end of the path.
func (w *walk) step(part string, end bool) (more []string, done bool, err error) {
	fd, err := unix.Openat(w.dir, part, inspect, 0)
	if err != nil {
		return nil, false, err
	}
	keep := false
	defer func() {
		if !keep {
			_ = unix.Close(fd)
		}
	}()
	at, err := identify(fd)
	if err != nil {
		return nil, false, err
	}
	virtual, err := isVirtual(fd)
	if err != nil {
		return nil, false, err
	}
	f := w.found
	switch {
	case at.Mode&fs.ModeSymlink != 0 && !virtual:
		if len(f.Links) >= maxLinks {
			return nil, false, unix.ELOOP
		}
		f.Links = append(f.Links, Link{Owner: at.Owner, Folder: w.at.Owner, Last: w.last})
		var target [unix.PathMax]byte
		n, err := unix.Readlinkat(fd, "", target[:])
		if err != nil {
			return nil, false, err
		}
		if n > 0 && target[0] == '/' {
			err = w.restart()
		}
		return split(string(target[:n])), false, err
	case end, virtual: // the text of a link in /proc is no path
		at.Born = born(fd, "", unix.AT_EMPTY_PATH)
		f.File, f.Virtual, f.Path = at, virtual, "/"+strings.Join(append(w.names, part), "/")
		return nil, true, nil
	case !at.Mode.IsDir():
		return nil, false, unix.ENOTDIR
	}
	keep = true
	w.names = append(w.names, part)
	return nil, false, w.enter(fd)
}

// split returns the names of a path without empty ones and ".".
func split(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" || s == "." })
}

func identify(fd int) (Identity, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return Identity{}, err
	}
	mode := fs.FileMode(st.Mode & 0o777)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	default:
		mode |= fs.ModeIrregular
	}
	return Identity{Device: st.Dev, Inode: st.Ino, Links: uint64(st.Nlink), Owner: st.Uid, Mode: mode}, nil //nolint:unconvert // Nlink is narrower on other processors
}

func isVirtual(fd int) (bool, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return false, err
	}
	switch uint32(st.Type) { //nolint:gosec // the numbers have 32 bits
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.CGROUP_SUPER_MAGIC,
		unix.CGROUP2_SUPER_MAGIC, unix.BPF_FS_MAGIC, unix.EFIVARFS_MAGIC, unix.PSTOREFS_MAGIC, unix.SELINUX_MAGIC, unix.SMACK_MAGIC,
		unix.DEVPTS_SUPER_MAGIC, unix.BINFMTFS_MAGIC, unix.NSFS_MAGIC:
		return true, nil
	}
	return false, nil
}

// Born returns [Identity.Born] of the file at path. It follows links.
func Born(path string) int64 { return born(unix.AT_FDCWD, path, 0) }

func born(dir int, path string, flags int) int64 {
	var st unix.Statx_t
	if err := unix.Statx(dir, path, flags, unix.STATX_BTIME, &st); err != nil || st.Mask&unix.STATX_BTIME == 0 {
		return 0
	}
	return st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
}
