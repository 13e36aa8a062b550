// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package finder finds the log files to read: those that match patterns, those that PM2 lists,
// and the logs of PM2's daemons.
package finder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/roster"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/folder"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logfile"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
)

const (
	// MaxFiles bounds the files of one folder that a pattern finds.
	MaxFiles = 16384
	// CombinedDelay is how long after a change of its folder a file is not read that may be a
	// combined one. PM2 creates the files of an application one by one, and only the later
	// ones show which it is.
	CombinedDelay = time.Second
)

// Settings are those of a [Finder].
type Settings struct {
	// Include and Exclude are patterns of absolute paths.
	Include []string
	Exclude []string
	// Daemon is the absolute path of the log of a daemon that is to be read, or "". No
	// pattern finds it.
	Daemon string
	// Homes are patterns of folders of daemons, for the log of PM2's daemon in each if
	// DaemonLogs is set. Include must find the other logs.
	Homes      []string
	DaemonLogs bool
	// Roster knows which files PM2 writes. They are found too, unless IncludeOnly is set. It
	// may be nil.
	Roster      Roster
	IncludeOnly bool
	// AnyOwner admits files and links of any owner.
	AnyOwner bool
	// Own knows the files that this process writes, which are not read. It may be nil.
	Own *admit.Own
	// Now is the clock. nil is time.Now.
	Now func() time.Time
	// Skipped is called for each file that PM2 writes and that may not be read. It may be
	// nil.
	Skipped func(error)
}

// Finder finds log files. Its methods, but for Find, are safe for concurrent use.
type Finder struct {
	Settings
	exclusion *Exclusion
	gate      *admit.Gate
}

// New returns a finder.
func New(set Settings) *Finder {
	if set.Now == nil {
		set.Now = time.Now
	}
	if set.Skipped == nil {
		set.Skipped = func(error) {}
	}
	f := &Finder{Settings: set, exclusion: NewExclusion(set.Exclude)}
	f.gate = admit.New(admit.Settings{
		AnyOwner: set.AnyOwner, Own: set.Own, Excluded: f.exclusion.Has, Named: f.owner,
		User: uint32(os.Geteuid()), //nolint:gosec // user IDs have 32 bits
	})
	return f
}

// Exclusion returns what is excluded.
func (f *Finder) Exclusion() *Exclusion { return f.exclusion }

// Gate returns the rules for opening files.
func (f *Finder) Gate() *admit.Gate { return f.gate }

// Find returns the paths of the logs: the files that applications write now, sorted. For a
// rotated copy it returns its original, which may not exist. It omits a file that holds both
// streams of an application if the streams have files of their own, unless Include names it
// without a wildcard. With an error, the paths are those that could be found.
func (f *Finder) Find() ([]string, error) {
	f.exclusion.Resolve()
	found := map[string]bool{}
	var problem error
	for _, pattern := range f.Include {
		explicit := !strings.ContainsAny(pattern, "*?[{")
		names, err := folder.Glob(pattern, MaxFiles)
		if err == nil && len(names) == 0 {
			err = whyNone(pattern, explicit)
		}
		if err != nil {
			problem = errors.Join(problem, fmt.Errorf("looking for %s: %w", pattern, err))
			continue
		}
		for _, name := range names {
			if path := f.original(name, explicit); path != "" {
				found[path] = true
			}
		}
	}
	for _, path := range f.daemonLogs() {
		if f.exclusion.Has(path) {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			found[path] = true
		}
	}
	problem = errors.Join(problem, f.addListed(found))
	paths := make([]string, 0, len(found))
	for path := range found {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths, problem
}

// original returns the path of the log that a file which a pattern found belongs to, or "" if
// that is not to be read.
func (f *Finder) original(name string, explicit bool) string {
	if f.exclusion.Has(name) {
		return ""
	}
	dir, base := filepath.Split(name)
	// The pattern may match the copies and not the original.
	if from, ok := logname.Rotated(base); ok && f.included(dir+from) {
		base = from
	}
	if base == logname.DaemonLog {
		return ""
	}
	if e, listed := f.listed(dir + base); explicit || listed && !e.Copy || !listed && !f.combined(dir, base) {
		return dir + base
	}
	return ""
}

// whyNone returns the error that keeps a pattern from finding files, or nil if there are none.
func whyNone(pattern string, explicit bool) error {
	dir, _ := doublestar.SplitPattern(filepath.ToSlash(pattern))
	look := func(path string) error {
		if err := folder.Each(path, func(os.DirEntry) bool { return false }); err != nil {
			return err
		}
		_, err := os.Stat(path + string(filepath.Separator) + ".") // needs the permission that its files need
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

// Reads reports whether a path that was found once is still to be read.
func (f *Finder) Reads(path string) bool { return path != "" && f.WhyNot(path) == "" }

// WhyNot returns why a path that was found once is not to be read any more, or "" if it is.
func (f *Finder) WhyNot(path string) string {
	switch daemon := filepath.Base(path) == logname.DaemonLog; {
	case f.exclusion.Has(path):
		return "excluded"
	case f.IsDaemonLog(path), !daemon && f.included(path):
		return ""
	case daemon:
		return "not_the_log_of_a_daemon_that_is_read"
	case f.Roster == nil || f.IncludeOnly:
		return "not_included"
	}
	if _, has := f.Roster.Lookup(path); !has {
		return "not_included_nor_listed_by_pm2"
	}
	return ""
}

// IsDaemonLog reports whether a path is that of a daemon's log that is to be read.
func (f *Finder) IsDaemonLog(path string) bool {
	if filepath.Base(path) != logname.DaemonLog {
		return false
	}
	return path == f.Daemon || f.DaemonLogs && slices.ContainsFunc(f.Homes, func(pattern string) bool {
		ok, err := doublestar.PathMatch(pattern, filepath.Dir(path))
		return ok && err == nil
	})
}

// daemonLogs returns the paths of the daemons' logs that are to be read.
func (f *Finder) daemonLogs() (paths []string) {
	if f.Daemon != "" {
		paths = append(paths, f.Daemon)
	}
	if f.DaemonLogs {
		for _, home := range Homes(f.Homes) {
			paths = append(paths, filepath.Join(home, logname.DaemonLog))
		}
	}
	return paths
}

// Homes returns the folders that match patterns, each once even if links lead to it, and at
// most [roster.MaxHomes].
func Homes(patterns []string) (found []string) {
	for _, pattern := range patterns {
		names, _ := doublestar.FilepathGlob(pattern) // fails only for a malformed pattern
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

// MissingHome returns why a folder of a daemon is missing, or nil: one that is named without a wildcard,
// or all if none matches the patterns. others reports whether there are other folders. With IncludeOnly
// none is needed.
func (f *Finder) MissingHome() (others bool, err error) {
	if f.IncludeOnly || len(f.Homes) == 0 {
		return false, nil
	}
	others = len(Homes(f.Homes)) > 0
	var missing []string
	for _, pattern := range f.Homes {
		path := literal(pattern)
		if path == "" {
			if !others {
				missing = append(missing, pattern)
			}
			continue
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, path)
		} else if err != nil {
			return others, err
		}
	}
	if len(missing) == 0 {
		if others {
			return true, nil
		}
		missing = f.Homes // they are no folders
	}
	return others, fmt.Errorf("%s: %w", strings.Join(missing, ", "), fs.ErrNotExist)
}

// literal returns the only path that a pattern matches, or "" if it may match several.
func literal(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteByte(pattern[i])
		case strings.IndexByte("*?[{", c) >= 0:
			return ""
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (f *Finder) included(path string) bool {
	return slices.ContainsFunc(f.Include, func(pattern string) bool {
		ok, err := doublestar.PathMatch(pattern, path)
		return ok && err == nil
	})
}

// Folders returns the folders in which new files can appear, or nil if the patterns match
// in too many.
func (f *Finder) Folders() []string {
	var folders []string
	for _, pattern := range f.Include {
		base, rest := doublestar.SplitPattern(filepath.ToSlash(pattern))
		if strings.Contains(rest, "/") {
			return nil
		}
		folders = append(folders, filepath.FromSlash(base))
	}
	if f.Roster != nil && !f.IncludeOnly {
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

// combined reports whether a file holds both streams of an application that also have files
// of their own, or may get them within CombinedDelay.
func (f *Finder) combined(dir, base string) bool {
	if !logname.Parse(base).Combined {
		return false
	}
	if at, err := logfile.Stat(dir); err == nil {
		if age := f.Now().Sub(time.Unix(0, at.Modified)); age >= 0 && age < CombinedDelay {
			return true
		}
	}
	return slices.ContainsFunc(logname.StreamFiles(base), func(stream string) bool {
		_, err := os.Stat(dir + stream)
		return err == nil
	})
}
