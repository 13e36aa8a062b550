package admit

import (
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/regularfile"
)

const (
	// fresh is how long what is known of the process's own files is good enough.
	fresh = 100 * time.Millisecond
	// maxOwn bounds the files that are remembered after they were closed.
	maxOwn = 4096
)

// storageName is how a storage extension names the file of a component.
var storageName = regexp.MustCompile(`^(receiver|processor|exporter|extension|connector)_[a-z]`)

// ownFile is a file that this process has open for writing.
type ownFile struct {
	at   regularfile.Identity
	path string
}

// inode names a file.
type inode struct{ device, number uint64 }

// Own knows the files that this process writes: to read one of them as a log makes it
// grow. It may be used concurrently.
type Own struct {
	// paths are those of files that another program writes for this one.
	paths map[string]bool
	now   func() time.Time
	list  func() []ownFile

	mu      sync.Mutex
	looked  time.Time
	open    map[inode]bool
	born    map[inode]int64 // of those that are or were open
	folders map[string]bool // of storage
}

// NewOwn returns what this process writes. env are variables of its environment: PM2
// tells in them where it writes the output of a process that it runs.
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

// Writes says whether this process has the file with an inode open for writing.
func (o *Own) Writes(device, number uint64) bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.look()
	return o.open[inode{device, number}]
}

// wrote says whether this process writes a file, or did before it was rotated. The file
// is found at path, and without links at real.
func (o *Own) wrote(at regularfile.Identity, path, real string) bool {
	if o.paths[path] || o.paths[real] || o.Writes(at.Device, at.Inode) {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return at.Born != 0 && o.born[inode{at.Device, at.Inode}] == at.Born
}

// keeps says whether a path is in a folder of this process's storage.
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
	if !o.looked.IsZero() && now.Sub(o.looked) < fresh && !now.Before(o.looked) {
		return
	}
	o.looked = now
	clear(o.open)
	for _, f := range o.list() {
		id := inode{f.at.Device, f.at.Inode}
		o.open[id] = true
		if len(o.born) >= maxOwn {
			clear(o.born) // those that are open come again
		}
		o.born[id] = f.at.Born
		if len(o.folders) < maxOwn && storageName.MatchString(filepath.Base(f.path)) {
			o.folders[filepath.Dir(f.path)] = true
		}
	}
}
