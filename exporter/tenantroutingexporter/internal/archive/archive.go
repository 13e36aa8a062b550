// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package archive

import (
	"container/list"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/otelcol-tenant/otelcol-tenant/internal/foldname"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	dirPerm   = 0o750
	filePerm  = 0o640
	extension = ".jsonl"
)

// Settings are what an Archive needs.
type Settings struct {
	Directory    string
	MaxFileBytes int64 // a file of this size gets no more lines
	MaxOpenFiles int   // at least 1

	// MaxFolderBytes bounds a folder: its oldest files are removed. 0 means no bound.
	MaxFolderBytes int64

	// Compress writes zstd.
	Compress bool

	// Reserve is how much of the disk remains free. 0 means the default of package diskspace.
	Reserve int64

	// Sync makes Append return only when the lines would survive a power failure.
	Sync bool

	// insensitive reports whether a directory ignores case; nil: foldname.Insensitive.
	insensitive func(directory string) (bool, error)
}

// Archive writes below one directory. Its methods are safe for concurrent use.
// Two archives must not share a directory.
type Archive struct {
	set     Settings
	encoder *zstd.Encoder        // nil: no compression
	sync    func(*os.File) error // nil: the operating system decides when to write
	journal *journal             // guarded by mu
	fold    bool                 // the file system ignores case, and names of folders are encoded

	mu     sync.Mutex
	freed  *sync.Cond
	files  map[string]*file // by folder
	recent *list.List       // of *file, the last used in front
	closed bool
}

// file is the open file of a folder.
type file struct {
	folder  string
	name    string
	element *list.Element
	users   int // guarded by Archive.mu
	lastUse time.Time

	mu   sync.Mutex
	f    *os.File
	size int64
	bad  bool // must not be used again
}

// Open creates the directory and removes incomplete lines that a crash left.
func Open(set Settings) (*Archive, error) {
	if err := os.MkdirAll(set.Directory, dirPerm); err != nil {
		return nil, fmt.Errorf("failed to create the directory: %w", err)
	}
	var encoder *zstd.Encoder
	if set.Compress {
		var err error
		if encoder, err = newEncoder(); err != nil {
			return nil, err
		}
	}
	a := &Archive{set: set, encoder: encoder, files: make(map[string]*file), recent: list.New()}
	a.freed = sync.NewCond(&a.mu)
	if set.Sync {
		a.sync = (*os.File).Sync
	}
	probe := set.insensitive
	if probe == nil {
		probe = foldname.Insensitive
	}
	var err error
	if a.fold, err = probe(set.Directory); err != nil {
		return nil, fmt.Errorf("failed to find out whether the file system of %s ignores case: %w", set.Directory, err)
	}
	if a.journal, err = openJournal(set.Directory, a.sync); err != nil {
		return nil, err
	}
	return a, nil
}

// Folder returns the folder for data of a tenant and signal that arrived at the time at, relative to the
// directory of the archive.
func Folder(id tenant.ID, signal tenant.Signal, at time.Time) string {
	at = at.UTC()
	return filepath.Join("tenant="+string(id), "signal="+signal.String(), "date="+at.Format(time.DateOnly), "hour="+at.Format("15"))
}

// acquire returns the open file of folder. It opens the file if necessary.
func (a *Archive) acquire(folder string) (*file, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		if a.closed {
			return nil, os.ErrClosed
		}
		if f := a.files[folder]; f != nil {
			f.users++
			f.lastUse = time.Now()
			a.recent.MoveToFront(f.element)
			return f, nil
		}
		if len(a.files) < a.set.MaxOpenFiles {
			break
		}
		if !a.evict() {
			a.freed.Wait() // all files are in use
		}
	}
	f, err := a.open(folder)
	if err != nil {
		a.freed.Signal() // another caller may open a file instead
		return nil, err
	}
	f.users, f.lastUse = 1, time.Now()
	f.element = a.recent.PushFront(f)
	a.files[folder] = f
	return f, nil
}

// evict closes the least recently used file.
func (a *Archive) evict() bool {
	for e := a.recent.Back(); e != nil; e = e.Prev() {
		if f := e.Value.(*file); f.users == 0 {
			a.close(f)
			return true
		}
	}
	return false
}

func (a *Archive) putBack(f *file, done bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f.users--
	if done && a.files[f.folder] == f {
		delete(a.files, f.folder)
		a.recent.Remove(f.element)
		f.element = nil
	}
	if f.users == 0 {
		if f.element == nil {
			a.close(f)
		}
		a.freed.Signal()
	}
}

// close closes a file without users.
func (a *Archive) close(f *file) {
	if f.element != nil {
		delete(a.files, f.folder)
		a.recent.Remove(f.element)
		f.element = nil
	}
	if f.f != nil {
		_ = f.f.Close() // nothing is buffered
		f.f = nil
		if !f.bad { // otherwise the next start repairs it
			a.journal.closed(filepath.Join(f.folder, f.name))
		}
	}
}

// open opens the newest file of folder if it is smaller than MaxFileBytes, or a new one.
func (a *Archive) open(folder string) (*file, error) {
	dir := filepath.Join(a.set.Directory, folder)
	if err := a.makeFolder(folder); err != nil {
		return nil, err
	}
	n, err := a.tidy(dir)
	if err != nil {
		return nil, err
	}
	suffix := extension
	if a.encoder != nil {
		suffix = compressedExtension
	}
	for {
		name := fmt.Sprintf("%05d%s", n, suffix)
		relative := filepath.Join(folder, name)
		if err := a.journal.opened(relative); err != nil {
			return nil, err
		}
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR|os.O_APPEND, filePerm)
		if err != nil {
			a.journal.closed(relative)
			return nil, err
		}
		size, err := repair(f)
		if err == nil && size == 0 {
			err = a.syncDirectory(dir) // the file may be new
		}
		if err == nil && size < a.set.MaxFileBytes {
			return &file{folder: folder, name: name, f: f, size: size}, nil
		}
		_ = f.Close()
		a.journal.closed(relative)
		if err != nil {
			return nil, err
		}
		n++
	}
}

// makeFolder creates a folder of the archive and its parents.
func (a *Archive) makeFolder(folder string) error {
	dir := filepath.Join(a.set.Directory, folder)
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, dirPerm); err != nil {
		return err
	}
	for at := filepath.Dir(folder); ; at = filepath.Dir(at) {
		if err := a.syncDirectory(filepath.Join(a.set.Directory, at)); err != nil {
			return err
		}
		if at == "." {
			return nil
		}
	}
}

// syncDirectory makes the names in a directory survive a power failure.
func (a *Archive) syncDirectory(path string) error {
	if a.sync == nil || runtime.GOOS == "windows" { // Windows cannot sync directories
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(a.sync(d), d.Close())
}

// tidy removes the oldest files of dir if the folder is too large, and returns the number of the newest
// file, or 0 if there is none.
func (a *Archive) tidy(dir string) (newest int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	type numbered struct {
		n    int
		name string
		size int64
	}
	var files []numbered
	var total int64
	for _, e := range entries {
		name, _, ok := strings.Cut(e.Name(), ".")
		n, err := strconv.Atoi(name)
		if !ok || err != nil || n < 0 {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return 0, err
		}
		files = append(files, numbered{n, e.Name(), info.Size()})
		total += info.Size()
		newest = max(newest, n)
	}
	if a.set.MaxFolderBytes == 0 {
		return newest, nil
	}
	slices.SortFunc(files, func(x, y numbered) int { return x.n - y.n })
	for _, f := range files {
		if total+a.set.MaxFileBytes <= a.set.MaxFolderBytes || f.n == newest {
			break
		}
		if err := os.Remove(filepath.Join(dir, f.name)); err != nil {
			return 0, err
		}
		total -= f.size
	}
	return newest, nil
}

// Sweep closes files that were not used since the time before.
func (a *Archive) Sweep(before time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for e := a.recent.Back(); e != nil; {
		f := e.Value.(*file)
		e = e.Prev()
		if f.users == 0 && f.lastUse.Before(before) {
			a.close(f)
		}
	}
}

// Close closes all files. No Append may be in progress.
func (a *Archive) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for a.evict() {
	}
	return a.journal.close()
}
