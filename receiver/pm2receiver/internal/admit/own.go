// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package admit

import (
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/regularfile"
)

const (
	// listTTL is how long the list of open files is used.
	listTTL = 100 * time.Millisecond
	// maxOwn bounds the files that are remembered after they were closed.
	maxOwn = 4096
)

// storageName matches the names that a storage extension gives to the files of components.
var storageName = regexp.MustCompile(`^(receiver|processor|exporter|extension|connector)_[a-z]`)

// ownFile is a file that this process has open for writing.
type ownFile struct {
	at   regularfile.Identity
	path string
}

// inode identifies a file.
type inode struct{ device, number uint64 }

// Own knows the files that this process writes. Reading one of them as a log would make it
// grow without end. It is safe for concurrent use; nil knows no file.
type Own struct {
	// paths are those of files that PM2 writes for this process.
	paths map[string]bool
	now   func() time.Time
	list  func() []ownFile

	mu      sync.Mutex
	looked  time.Time
	open    map[inode]bool
	born    map[inode]int64 // of those that are or were open
	folders map[string]bool // of storage
}

// NewOwn returns the files that this process writes. env returns a variable of its
// environment: there PM2 puts the paths to which it writes the output of a process.
func NewOwn(env func(string) string) *Own {
	o := &Own{
		paths: map[string]bool{}, now: time.Now, list: openForWriting,
		open: map[inode]bool{}, born: map[inode]int64{}, folders: map[string]bool{},
	}
	if env("pm_id") != "" {
		for _, name := range []string{"pm_out_log_path", "pm_err_log_path", "pm_log_path"} {
			if path := env(name); filepath.IsAbs(path) {
				o.paths[filepath.Clean(path)] = true
			}
		}
	}
	return o
}

// Writes reports whether this process has the file with an inode open for writing.
func (o *Own) Writes(device, number uint64) bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.look()
	return o.open[inode{device, number}]
}

// wrote reports whether this process writes a file, or did before it was rotated. real is
// path without links.
func (o *Own) wrote(at regularfile.Identity, path, real string) bool {
	if o.paths[path] || o.paths[real] || o.Writes(at.Device, at.Inode) {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return at.Born != 0 && o.born[inode{at.Device, at.Inode}] == at.Born
}

// keeps reports whether a path is in a folder of this process's storage.
func (o *Own) keeps(path string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.look()
	for folder := range o.folders {
		if within(path, folder) {
			return true
		}
	}
	return false
}

// look lists the files that are open now.
func (o *Own) look() {
	now := o.now()
	if !o.looked.IsZero() && now.Sub(o.looked) < listTTL && !now.Before(o.looked) {
		return
	}
	o.looked = now
	clear(o.open)
	for _, f := range o.list() {
		id := inode{f.at.Device, f.at.Inode}
		o.open[id] = true
		if len(o.born) >= maxOwn {
			clear(o.born) // open files are added again
		}
		o.born[id] = f.at.Born
		if len(o.folders) < maxOwn && storageName.MatchString(filepath.Base(f.path)) {
			o.folders[filepath.Dir(f.path)] = true
		}
	}
}
