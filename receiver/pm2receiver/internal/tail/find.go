package tail

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/roster"
)

// Finder finds the log files to follow.
type Finder struct {
	// Include and Exclude are patterns of absolute paths.
	Include []string
	Exclude []string
	// Daemon is the absolute path of the log of PM2 itself, if that is to be read. No
	// pattern finds it.
	Daemon string
	// Homes are patterns of folders of daemons, of which the log of PM2 itself is read if
	// DaemonLogs is set. The other logs are for Include to find.
	Homes      []string
	DaemonLogs bool
	// Roster knows which files PM2 writes; they are found too, unless NamesOnly is set. nil
	// knows none.
	Roster    Roster
	NamesOnly bool

	// growing says whether files are being made in a folder just now. PM2 makes
	// the files of an application one after the other, so that what looks like a
	// file of its own may turn out to be a combined one a moment later.
	growing func(dir string) bool
	// exclusion is that of Exclude.
	exclusion *exclusion
	gate      *admit.Gate
	skips     *skips
}

// daemonLog is the log of PM2 itself.
const daemonLog = "pm2.log"

// Find returns the paths of the streams: the files that applications write now. A
// rotated copy counts for the file it was copied from. A file that holds both
// streams of an application is left out if the streams have files of their own,
// unless Include names it without a wildcard.
func (f Finder) Find() ([]string, error) {
	if f.exclusion == nil {
		f.exclusion = newExclusion(f.Exclude)
	}
	f.exclusion.resolve()
	found := map[string]bool{}
	var problem error
	for _, pattern := range f.Include {
		explicit := !strings.ContainsAny(pattern, "*?[{")
		names, err := glob(pattern)
		if err == nil && len(names) == 0 {
			err = whyNone(pattern, explicit)
		}
		if err != nil {
			problem = errors.Join(problem, fmt.Errorf("looking for %s: %w", pattern, err))
			continue
		}
		for _, name := range names {
			dir, base := filepath.Split(name)
			if f.excluded(name) {
				continue
			}
			// The pattern may be for the copies and not for what they were made of.
			if from, ok := Rotated(base); ok && f.included(dir+from) {
				base = from
			}
			if base == daemonLog {
				continue
			}
			if e, known := f.writtenBy(dir + base); explicit || known && !e.Copy || !known && !f.combined(dir, base) {
				found[dir+base] = true
			}
		}
	}
	for _, path := range f.daemonLogPaths() {
		if f.excluded(path) {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			found[path] = true
		}
	}
	problem = errors.Join(problem, f.written(found))
	paths := make([]string, 0, len(found))
	for path := range found {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths, problem
}

// whyNone returns what keeps a pattern from finding files, or nil if there are none.
func whyNone(pattern string, explicit bool) error {
	dir, _ := doublestar.SplitPattern(filepath.ToSlash(pattern))
	look := func(path string) error {
		if err := eachEntry(path, func(os.DirEntry) bool { return false }); err != nil {
			return err
		}
		_, err := os.Stat(path + string(filepath.Separator) + ".") // as its files are looked at
		return err
	}
	if explicit {
		dir = pattern
		look = func(path string) error {
			_, err := os.Stat(path)
			return err
		}
	}
	if err := look(filepath.FromSlash(dir)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// reads says whether a path that was found once is still to be read. The log of PM2
// itself is, or is not, by its own setting.
func (f Finder) reads(path string) bool {
	switch {
	case path == "" || f.excluded(path):
		return false
	case f.daemonLog(path):
		return true
	case filepath.Base(path) != daemonLog && f.included(path):
		return true
	case f.Roster == nil || f.NamesOnly:
		return false
	}
	_, has := f.Roster.Lookup(path)
	return has
}

// daemonLog says whether a path is that of the log of a daemon that is to be read.
func (f Finder) daemonLog(path string) bool {
	if filepath.Base(path) != daemonLog {
		return false
	}
	return path == f.Daemon || f.DaemonLogs && slices.ContainsFunc(f.Homes, func(pattern string) bool {
		ok, err := doublestar.PathMatch(pattern, filepath.Dir(path))
		return ok && err == nil
	})
}

// daemonLogPaths returns the paths of the logs of daemons that are to be read.
func (f Finder) daemonLogPaths() (paths []string) {
	if f.Daemon != "" {
		paths = append(paths, f.Daemon)
	}
	if f.DaemonLogs {
		for _, home := range Folders(f.Homes) {
			paths = append(paths, filepath.Join(home, daemonLog))
		}
	}
	return paths
}

// Folders returns the folders that patterns find, without those that lead to another one
// through links, and no more than a receiver has homes.
func Folders(patterns []string) (found []string) {
	for _, pattern := range patterns {
		names, _ := doublestar.FilepathGlob(pattern) // its only error is of the pattern
		for _, name := range names {
			info, err := os.Stat(name)
			if err != nil || !info.IsDir() || len(found) >= roster.MaxHomes {
				continue
			}
			if !slices.ContainsFunc(found, func(other string) bool {
				at, err := os.Stat(other)
				return err == nil && os.SameFile(info, at)
			}) {
				found = append(found, name)
			}
		}
	}
	return found
}

func (f Finder) included(path string) bool {
	return slices.ContainsFunc(f.Include, func(pattern string) bool {
		ok, err := doublestar.PathMatch(pattern, path)
		return ok && err == nil
	})
}

func (f Finder) excluded(path string) bool { return f.exclusion.has(path) }

// Folders returns the folders whose change may mean new files. It returns nil if
// the patterns do not say it.
func (f Finder) Folders() []string {
	var folders []string
	for _, pattern := range f.Include {
		base, rest := doublestar.SplitPattern(filepath.ToSlash(pattern))
		if strings.Contains(rest, "/") {
			return nil
		}
		folders = append(folders, filepath.FromSlash(base))
	}
	if f.Roster != nil && !f.NamesOnly {
		for _, path := range f.Roster.Paths() {
			folders = append(folders, filepath.Dir(path))
		}
	}
	if f.Daemon != "" {
		folders = append(folders, filepath.Dir(f.Daemon))
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

// combined says whether a file holds both streams of an application that also have
// files of their own, or may yet get them.
func (f Finder) combined(dir, base string) bool {
	if !ParseName(base).Combined {
		return false
	}
	if f.growing != nil && f.growing(dir) {
		return true
	}
	return slices.ContainsFunc(halves(base), func(half string) bool {
		_, err := os.Stat(dir + half)
		return err == nil
	})
}
