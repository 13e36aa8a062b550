// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package roster lists the files that PM2 writes, and for which process. The list comes from
// PM2's daemons, or from the file that a daemon has saved if it does not run.
//
// The user of a daemon controls its answers. Therefore the list counts for a file only if that
// user could have written the file.
package roster

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/regularfile"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/rpc"
)

const (
	// maxReply bounds the answer of a daemon and the size of the file that it saves.
	maxReply = 64 << 20
	// maxProcesses bounds the processes of one daemon.
	maxProcesses = 1024
	// MaxHomes bounds the daemons.
	MaxHomes = 64
	// maxPath bounds the length of a path.
	maxPath = 4096
	// minInterval is the least time between two requests to a daemon because of new files.
	minInterval = time.Second
)

// Settings are those of a [Roster].
type Settings struct {
	// Homes returns the folders of the daemons. It is called before each round.
	Homes func() []string
	// Interval is how often each daemon is asked, and Timeout how long an answer may take.
	Interval, Timeout time.Duration
	// Gate decides which files may be read for which user.
	Gate *admit.Gate
	// Now is the clock.
	Now      func() time.Time
	Recovery *recovery.Recoverer
	Logger   *zap.Logger
}

// Entry is what PM2 lists about a file.
type Entry struct {
	// App is PM2's name of the application, or "" if several applications write to the file.
	App string
	// ProcessID is PM2's number of the process, or -1 if that is unknown or several processes
	// write to the file.
	ProcessID int64
	// Out and Err are set if PM2 writes the streams to the file.
	Out, Err bool
	// Copy is set if everything in the file is in other files too.
	Copy bool
	// Numbered is set if the entry is from a running daemon: a saved list has no numbers.
	Numbered bool
	// Fork is set if PM2 runs all processes that write to the file in fork mode.
	Fork bool
	// Home is the folder of the daemon.
	Home string
	// Owner is the user ID of the owner of Home.
	Owner uint32
}

// Roster is the list of files that PM2 writes. Its methods are safe for concurrent use; Start
// and Shutdown may be called once each.
type Roster struct {
	set Settings

	mu      sync.Mutex
	entries map[string]Entry
	real    map[string]string // from paths without links to the paths that PM2 lists
	version uint64
	homes   map[string]*home
	asked   time.Time
	answers bool // at least one daemon answers
	silent  []Silent

	wake chan struct{}
	stop context.CancelFunc
	done sync.WaitGroup
}

// Silent is a daemon that returned no list.
type Silent struct {
	Home string
	// Reason is one of package rpc.
	Reason string
	Err    error
	// Saved is set if the daemon has saved a list, which is used instead.
	Saved bool
	// Unreadable is set if it has saved one and this process may not read it.
	Unreadable bool
	// Listed is set if that list, or an earlier answer, is used instead.
	Listed bool
}

// home is the last list of one daemon. Only the round that asks it accesses it.
type home struct {
	processes []rpc.Process
	numbered  bool // processes are from the daemon itself
	answers   bool // the daemon answered in the last round
	saved     time.Time
	closed    bool  // this process may not read what the daemon has saved
	err       error // why it does not answer
}

// New returns a roster.
func New(set Settings) *Roster {
	return &Roster{set: set, entries: map[string]Entry{}, homes: map[string]*home{}, wake: make(chan struct{}, 1)}
}

// Start asks the daemons once, and then regularly until Shutdown.
func (r *Roster) Start(ctx context.Context) {
	run, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.round(ctx)
	r.set.Recovery.Keep(run.Done(), &r.done, "asking PM2 for its files", func() { r.run(run) })
}

// Shutdown stops asking. It is safe on nil and without Start.
func (r *Roster) Shutdown() {
	if r == nil || r.stop == nil {
		return
	}
	r.stop()
	r.done.Wait()
}

// Ask requests a round within a second.
func (r *Roster) Ask() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Asked returns when the last complete round began, and whether a daemon answered in it.
func (r *Roster) Asked() (at time.Time, answers bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked, r.answers
}

// Version returns a number that increases when the list changes.
func (r *Roster) Version() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.version
}

// Lookup returns what PM2 lists about an absolute path.
func (r *Roster) Lookup(path string) (Entry, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, has := r.entries[path]; has || len(r.entries) == 0 {
		return e, has
	}
	// PM2 may list it under another path.
	to, err := filepath.EvalSymlinks(path)
	if err != nil {
		return Entry{}, false
	}
	if other, has := r.real[to]; has {
		to = other
	}
	e, has := r.entries[to]
	return e, has
}

// Paths returns the files in the list, sorted.
func (r *Roster) Paths() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	paths := make([]string, 0, len(r.entries))
	for path := range r.entries {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

func (r *Roster) run(ctx context.Context) {
	for {
		timer := time.NewTimer(r.set.Interval)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-r.wake:
			at, _ := r.Asked()
			pause(ctx, min(minInterval, minInterval-r.set.Now().Sub(at)))
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
		_ = r.set.Recovery.Run("asking PM2 for its files", func() { r.round(ctx) })
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// round asks all daemons at the same time, so that one that hangs delays no other.
func (r *Roster) round(ctx context.Context) {
	began := r.set.Now()
	homes := r.set.Homes()
	homes = homes[:min(len(homes), MaxHomes)]
	known := map[string]*home{}
	var asking sync.WaitGroup
	for _, path := range homes {
		h := r.homes[path]
		if h == nil {
			h = &home{}
		}
		known[path] = h
		r.set.Recovery.Go(&asking, "asking PM2 for its files", func() { r.ask(ctx, path, h) })
	}
	asking.Wait()
	entries, answers := map[string]Entry{}, false
	var silent []Silent
	for _, path := range homes {
		h := known[path]
		r.enter(entries, path, h)
		answers = answers || h.answers
		if h.err != nil {
			silent = append(silent, Silent{Home: path, Reason: reasonOf(h.err), Err: h.err, Saved: !h.saved.IsZero(), Unreadable: h.closed, Listed: h.numbered || !h.saved.IsZero()})
		}
	}
	r.homes = known
	real := map[string]string{}
	for path := range entries {
		if to, err := filepath.EvalSymlinks(path); err == nil && to != path {
			real[to] = path
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.real = real
	if !same(r.entries, entries) {
		r.entries = entries
		r.version++
	}
	r.asked, r.answers, r.silent = began, answers, silent
}

// Silent returns the daemons that returned no list in the last round. The caller must not
// change the result.
func (r *Roster) Silent() []Silent {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.silent
}

func reasonOf(err error) string {
	if known := rpc.Reason(err); known != nil {
		return known.Error()
	}
	return "other"
}

func same(a, b map[string]Entry) bool {
	if len(a) != len(b) {
		return false
	}
	for path, e := range a {
		if b[path] != e {
			return false
		}
	}
	return true
}

// ask asks the daemon of a home. Its last answer is used until the next one, and the saved list
// until the first answer.
func (r *Roster) ask(ctx context.Context, path string, h *home) {
	asking, cancel := context.WithTimeout(ctx, r.set.Timeout)
	defer cancel()
	client := rpc.New(rpc.Settings{Socket: filepath.Join(path, "rpc.sock"), MaxReply: maxReply, MaxProcesses: maxProcesses})
	list, err := client.Processes(asking)
	h.answers, h.err = err == nil, err
	if err == nil {
		h.processes, h.numbered = list.Processes, true
		return
	}
	if h.numbered {
		return
	}
	r.readSaved(path, h)
}

// readSaved reads the list of processes that a daemon has saved.
func (r *Roster) readSaved(path string, h *home) {
	owner, err := ownerOf(path)
	if err != nil {
		return
	}
	f, err := r.set.Gate.OpenNamed(filepath.Join(path, "dump.pm2"), owner)
	h.closed = errors.Is(err, fs.ErrPermission)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.set.Logger.Debug("Cannot read the saved list of PM2", zap.Error(err))
		}
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() > maxReply || info.ModTime().Equal(h.saved) {
		return
	}
	list, err := rpc.Saved(f, info.Size(), maxProcesses)
	if err != nil {
		r.set.Logger.Debug("Cannot read the saved list of PM2", zap.String("home", path), zap.Error(err))
		return // PM2 may be writing it
	}
	h.processes, h.saved = list.Processes, info.ModTime()
}

func ownerOf(path string) (uint32, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return regularfile.IdentityOf(info).Owner, nil
}

// enter adds the files of the processes of a home to entries.
func (r *Roster) enter(entries map[string]Entry, path string, h *home) {
	owner, err := ownerOf(path)
	if err != nil {
		return
	}
	add := func(file string, p *rpc.Process, e Entry) {
		file = filepath.Clean(file)
		if !isFile(file) {
			return
		}
		e.App, e.ProcessID, e.Home, e.Owner, e.Numbered, e.Fork = p.Name, p.ID, path, owner, h.numbered, p.Fork
		old, has := entries[file]
		if has && old.Home != path {
			// Two daemons list the file: the one of its owner is right.
			if r.set.Gate.CheckNamed(file, old.Owner) == nil || r.set.Gate.CheckNamed(file, owner) != nil {
				return
			}
			has = false
		}
		if has {
			if old.App != e.App {
				e.App = ""
			}
			if old.ProcessID != e.ProcessID || old.App != p.Name {
				e.ProcessID = -1
			}
			e.Out, e.Err, e.Copy, e.Fork = e.Out || old.Out, e.Err || old.Err, e.Copy && old.Copy, e.Fork && old.Fork
		}
		entries[file] = e
	}
	for i := range h.processes {
		p := &h.processes[i]
		add(p.Logs.Out, p, Entry{Out: true})
		add(p.Logs.Err, p, Entry{Err: true})
		add(p.Logs.Both, p, Entry{Out: true, Err: true, Copy: isFile(p.Logs.Out) || isFile(p.Logs.Err)})
	}
}

// isFile reports whether PM2 writes a file at path: a user may also configure none.
func isFile(path string) bool {
	return filepath.IsAbs(path) && len(path) <= maxPath && path != "/dev/null"
}
