package tail

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
)

// Roster tells what PM2 says of the files that it writes: a [roster.Roster].
type Roster interface {
	Paths() []string
	Lookup(path string) (roster.Entry, bool)
	Version() uint64
	Asked() (at time.Time, answers bool)
	Ask()
}

// noUser is the number of no user.
const noUser = ^uint32(0)

// maxOrigins bounds the names that a file may have had.
const maxOrigins = 32

// nameWait is how long at most a new file is not read because PM2 may say whose it is.
const nameWait = 3 * time.Second

// writtenBy returns what PM2 says of a path, if the user of that PM2 may say it.
func (f Finder) writtenBy(path string) (roster.Entry, bool) {
	if f.Roster == nil {
		return roster.Entry{}, false
	}
	e, has := f.Roster.Lookup(path)
	if !has || f.gate != nil && f.gate.CheckNamed(path, e.Owner) != nil {
		return roster.Entry{}, false
	}
	return e, true
}

// named returns the user whose PM2 names a path, or a generation of it, that no pattern
// is for.
func (f Finder) named(path string) (user uint32, is bool) {
	if f.Roster == nil {
		return 0, false
	}
	dir, base := filepath.Split(path)
	for _, name := range origins(base) {
		if f.included(dir+name) || f.daemonLog(dir+name) {
			return 0, false
		}
		if e, has := f.Roster.Lookup(dir + name); has {
			return e.Owner, true
		}
	}
	return noUser, true
}

// origins returns the names of the files that one may be a generation of, and its own.
func origins(base string) []string {
	all := []string{base}
	if from, ok := Rotated(base); ok {
		all = append(all, from)
	}
	for at := len(base) - 1; at > 0 && len(all) < maxOrigins; at-- {
		if base[at] == '.' || base[at] == '-' {
			all = append(all, base[:at])
		}
	}
	return all
}

// written adds the files that PM2 says it writes.
func (f Finder) written(found map[string]bool) error {
	if f.Roster == nil {
		return nil
	}
	var problem error
	for _, path := range f.Roster.Paths() {
		e, _ := f.Roster.Lookup(path)
		if found[path] || e.Copy || f.daemonLog(path) || f.excluded(path) {
			continue
		}
		switch _, err := os.Stat(path); {
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, fs.ErrPermission):
			f.skip(admit.Refuse(path, admit.Unreadable, "PM2 writes it, and this process may not look into its folder"))
		case err != nil:
			problem = errors.Join(problem, err)
		case f.included(path): // a combined one, or a copy
		case f.NamesOnly:
			f.skip(admit.Refuse(path, admit.NotIncluded, `PM2 writes it, and "include" has no pattern for it`))
		default:
			found[path] = true
		}
	}
	return problem
}

func (f Finder) skip(err error) {
	if f.skips != nil {
		f.skips.met(err)
	}
}

// Name returns what is known of a log file: what PM2 says of it, else what its name says.
func (f Finder) Name(path string) Name {
	n := ParseName(filepath.Base(path))
	n.Path = path
	n.Daemon = n.Daemon && f.daemonLog(path)
	n.Home = f.homeOf(path)
	e, has := f.writtenBy(path)
	if !has || n.Daemon {
		return n
	}
	n.Home = e.Home
	switch {
	case e.Numbered:
		n.ProcessID = e.ProcessID
	case strings.HasSuffix(e.App, "-"+strconv.FormatInt(n.ProcessID, 10)):
		n.ProcessID = envelope.NoProcess // the number is the application's
	}
	if e.App != "" {
		n.App = e.App
	}
	n.Combined, n.Stderr = e.Out && e.Err, e.Err && !e.Out
	return n
}

// homeOf returns the folder of the daemon in whose logs folder a file is, or that it is of.
func (f Finder) homeOf(path string) string {
	if f.daemonLog(path) {
		return filepath.Dir(path)
	}
	if dir := filepath.Dir(path); filepath.Base(dir) == "logs" {
		return filepath.Dir(dir)
	}
	return ""
}

// awaited says whether PM2 may soon say of a new file whose it is.
func (t *Tailer) awaited(path string) bool {
	r := t.finder.Roster
	if r == nil || t.early {
		return false
	}
	if _, has := r.Lookup(path); has || t.finder.daemonLog(path) {
		delete(t.unnamed, path)
		return false
	}
	now := t.set.Now()
	since, waiting := t.unnamed[path]
	if !waiting {
		since = now
	}
	// PM2 opens files a moment before it lists the process, so that one answer may be none.
	if _, answers := r.Asked(); !answers || now.Sub(since) >= nameWait || len(t.unnamed) >= maxStreams {
		delete(t.unnamed, path)
		return false
	}
	t.unnamed[path] = since
	r.Ask()
	return true
}

// rename gives streams the names that PM2 says now.
func (t *Tailer) rename() {
	r := t.finder.Roster
	if r == nil {
		return
	}
	version := r.Version()
	if version == t.version {
		return
	}
	t.version = version
	for _, s := range t.all() {
		if n := t.finder.Name(s.path); n != s.name {
			s.name = n
			s.renamed.Store(&n)
			s.poke()
		}
	}
}
