// Package roster knows which files PM2 writes, and for which process: from PM2's
// daemons, or from what they saved where none runs.
//
// What a daemon says is what its user likes. So a file counts as one of a daemon only if
// the user could have written it there.
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
	// maxReply bounds the answer of a daemon and the size of what it saves.
	maxReply = 64 << 20
	// maxProcesses bounds the processes of one daemon.
	maxProcesses = 1024
	// MaxHomes bounds the daemons.
	MaxHomes = 64
	// longestPath bounds the paths that are kept.
	longestPath = 4096
	// soon is how long at least is waited before a daemon is asked again because of a
	// new file.
	soon = time.Second
)

// Settings of a [Roster].
type Settings struct {
	// Homes returns the folders of the daemons. It is called before each round.
	Homes func() []string
	// Interval is how often each daemon is asked, and Timeout how long it may take.
	Interval, Timeout time.Duration
	// Gate says which files may be read for whom.
	Gate *admit.Gate
	// Now is the clock.
	Now      func() time.Time
	Recovery *recovery.Recoverer
	Logger   *zap.Logger
}

// Entry is what is known of a file.
type Entry struct {
	// App is PM2's name of the application, or "" if several write to the file.
	App string
	// ProcessID is PM2's number of the process, or -1 if that is not known or several
	// write to the file.
	ProcessID int64
	// Out and Err are set if the streams go there.
	Out, Err bool
	// Copy is set if the file has what other files have too.
	Copy bool
	// Numbered is set if the daemon itself said so: what it has saved has no numbers.
	Numbered bool
	// Home is the folder of the daemon.
	Home string
	// Owner is the number of its user.
	Owner uint32
}

// Roster knows the files. Its methods may be called concurrently, but Start and Shutdown
// once each.
type Roster struct {
	set Settings

	mu      sync.Mutex
	entries map[string]Entry
	real    map[string]string // paths without links, to those that PM2 has
	version uint64
	homes   map[string]*home
	asked   time.Time
	answers bool // a daemon does
	silent  []Silent

	wake chan struct{}
	stop context.CancelFunc
	done sync.WaitGroup
}

// Silent is a daemon that gave no list.
type Silent struct {
	Home string
	// Reason is one of package rpc.
	Reason string
	Err    error
	// Saved is set if there is a list that it has saved.
	Saved bool
}

// home is what one daemon said last. Only the round that asks touches it.
type home struct {
	processes []rpc.Process
	numbered  bool // the daemon itself has said so
	answers   bool // it does now
	saved     time.Time
	err       error // why it does not answer
}

// New returns a roster.
func New(set Settings) *Roster {
	return &Roster{set: set, entries: map[string]Entry{}, homes: map[string]*home{}, wake: make(chan struct{}, 1)}
}

// Start asks once, and then again and again until Shutdown.
func (r *Roster) Start(ctx context.Context) {
	run, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.round(ctx)
	r.set.Recovery.Keep(run.Done(), &r.done, "asking PM2 for its files", func() { r.run(run) })
}

// Shutdown ends the asking.
func (r *Roster) Shutdown() {
	if r == nil || r.stop == nil {
		return
	}
	r.stop()
	r.done.Wait()
}

// Ask makes the next round begin soon.
func (r *Roster) Ask() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Asked returns when the last round began that has ended, and whether a daemon answered.
func (r *Roster) Asked() (at time.Time, answers bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked, r.answers
}

// Version changes with what is known.
func (r *Roster) Version() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.version
}

// Lookup returns what is known of an absolute path.
func (r *Roster) Lookup(path string) (Entry, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, has := r.entries[path]; has || len(r.entries) == 0 {
		return e, has
	}
	// PM2 may write it under another name.
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

// Paths returns the files that are known.
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
			pause(ctx, min(soon, soon-r.set.Now().Sub(at)))
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

// round asks all daemons, at the same time: one that hangs delays no other.
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
			silent = append(silent, Silent{Home: path, Reason: reasonOf(h.err), Err: h.err, Saved: !h.saved.IsZero()})
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

// Silent returns the daemons that gave no list in the last round. The caller must not
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

// ask asks the daemon of a home. What it said last counts until it says something else;
// what it saved counts until it says something.
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

// readSaved reads what a daemon saved of its processes.
func (r *Roster) readSaved(path string, h *home) {
	owner, err := ownerOf(path)
	if err != nil {
		return
	}
	f, err := r.set.Gate.OpenNamed(filepath.Join(path, "dump.pm2"), owner)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.set.Logger.Debug("cannot read what PM2 has saved", zap.Error(err))
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
		r.set.Logger.Debug("cannot read what PM2 has saved", zap.String("home", path), zap.Error(err))
		return // it is being written
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

// enter adds the files of processes of a home.
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
		e.App, e.ProcessID, e.Home, e.Owner, e.Numbered = p.Name, p.ID, path, owner, h.numbered
		old, has := entries[file]
		if has && old.Home != path {
			// Two daemons: whose the file is, is for its owner to say.
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
			e.Out, e.Err, e.Copy = e.Out || old.Out, e.Err || old.Err, e.Copy && old.Copy
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

// isFile says whether PM2 writes a file there: a user may also ask for none.
func isFile(path string) bool {
	return filepath.IsAbs(path) && len(path) <= longestPath && path != "/dev/null"
}
