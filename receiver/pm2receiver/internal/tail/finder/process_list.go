// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package finder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/roster"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
)

// Roster knows which files PM2 writes. [roster.Roster] implements it.
type Roster interface {
	Paths() []string
	Lookup(path string) (roster.Entry, bool)
	Version() uint64
	Asked() (at time.Time, answers bool)
	Ask()
}

// noUser is the ID of no user.
const noUser = ^uint32(0)

// listed returns what PM2 lists about a path, if the user of that PM2 may decide about it.
func (f *Finder) listed(path string) (roster.Entry, bool) {
	if f.Roster == nil {
		return roster.Entry{}, false
	}
	e, has := f.Roster.Lookup(path)
	if !has || f.gate.CheckNamed(path, e.Owner) != nil {
		return roster.Entry{}, false
	}
	return e, true
}

// owner returns the user whose PM2 lists a path or its original. It reports false if a
// pattern matches, so that no list is needed.
func (f *Finder) owner(path string) (user uint32, listedOnly bool) {
	if f.Roster == nil {
		return 0, false
	}
	dir, base := filepath.Split(path)
	for _, name := range logname.Originals(base) {
		if f.included(dir+name) || f.IsDaemonLog(dir+name) {
			return 0, false
		}
		if e, has := f.Roster.Lookup(dir + name); has {
			return e.Owner, true
		}
	}
	return noUser, true
}

// addListed adds the files that PM2 lists and that are to be read.
func (f *Finder) addListed(found map[string]bool) error {
	if f.Roster == nil {
		return nil
	}
	var problem error
	for _, path := range f.Roster.Paths() {
		e, _ := f.Roster.Lookup(path)
		if found[path] || e.Copy || f.IsDaemonLog(path) || f.exclusion.Has(path) {
			continue
		}
		switch _, err := os.Stat(path); {
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, fs.ErrPermission):
			f.Skipped(admit.Refuse(path, admit.Unreadable, "PM2 writes it, and this process may not look into its folder"))
		case err != nil:
			problem = errors.Join(problem, err)
		case f.included(path): // a combined file, or a copy
		case f.IncludeOnly:
			f.Skipped(admit.Refuse(path, admit.NotIncluded, `PM2 writes it, and "include" has no pattern for it`))
		default:
			found[path] = true
		}
	}
	return problem
}

// Name returns what is known of a log file: what PM2 lists, else what the file name says.
func (f *Finder) Name(path string) logname.Name {
	n := logname.Parse(filepath.Base(path))
	n.Path = path
	n.Daemon = n.Daemon && f.IsDaemonLog(path)
	n.Home = f.home(path)
	e, has := f.listed(path)
	if !has || n.Daemon {
		return n
	}
	n.Home, n.Fork = e.Home, e.Fork
	switch {
	case e.Numbered:
		n.ProcessID = e.ProcessID
	case strings.HasSuffix(e.App, "-"+strconv.FormatInt(n.ProcessID, 10)):
		n.ProcessID = envelope.NoProcess // the number belongs to the application's name
	}
	if e.App != "" {
		n.App = e.App
	}
	n.Combined, n.Stderr = e.Out && e.Err, e.Err && !e.Out
	return n
}

// home returns the home of the daemon whose log a file is, or in whose folder of logs it is.
func (f *Finder) home(path string) string {
	if f.IsDaemonLog(path) {
		return filepath.Dir(path)
	}
	if dir := filepath.Dir(path); filepath.Base(dir) == "logs" {
		return filepath.Dir(dir)
	}
	return ""
}

// Listed reports whether PM2 lists a path. Where PM2 lists nothing, every path counts.
func (f *Finder) Listed(path string) bool {
	if f.Roster == nil || len(f.Roster.Paths()) == 0 {
		return true
	}
	_, has := f.Roster.Lookup(path)
	return has
}

// Refuses reports whether a file may still not be read for that reason.
func (f *Finder) Refuses(path string, reason admit.Reason) bool {
	if f.exclusion.Has(path) {
		return false
	}
	switch reason {
	case admit.Unreadable:
		_, err := os.Stat(path)
		return errors.Is(err, fs.ErrPermission)
	case admit.NotIncluded:
		if f.Roster == nil {
			return false
		}
		_, has := f.Roster.Lookup(path)
		_, err := os.Stat(path)
		return has && err == nil
	}
	r := admit.Refused(f.gate.Check(path))
	return r != nil && r.Reason == reason
}
