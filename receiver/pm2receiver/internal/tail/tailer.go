// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package tail follows PM2's log files through rotation, truncation and restarts. For every
// file it keeps how much the next consumer has accepted. It recognizes files by their content
// and not by their name.
//
// The type [Tailer] finds logs and saves checkpoints; a log, which is everything that is
// written to one path, has a goroutine of its own. The steps are in packages of their own:
// finder (which files), rotation (what has happened to a file), fingerprint (is this the same
// content), reader (blocks of lines), checkpoint (what is stored).
package tail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/finder"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/folder"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logfile"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/memory"
)

const (
	// scanInterval is how often files are looked for although no folder has changed.
	scanInterval = 10 * time.Second
	// deepScanInterval is the same where the patterns do not determine the folders to watch.
	deepScanInterval = time.Second
	// saveInterval is how often checkpoints are saved, and so how much is sent again after a
	// crash.
	saveInterval = 250 * time.Millisecond
	// maxDecoding bounds the logs that have records in memory at the same time.
	maxDecoding = 16
	// maxLogs bounds the logs that are followed.
	maxLogs = 4096
	// recentChange is how long after its change a folder is looked at again: a second change
	// may have the same time. It must be longer than finder.CombinedDelay.
	recentChange = 2 * time.Second
	// listDelay is the longest time for which a new file is not read because PM2 may list
	// soon which application writes it.
	listDelay = 3 * time.Second
)

// Tailer follows the files that its finder finds. Start and Shutdown may be called once each;
// the other methods are safe for concurrent use.
type Tailer struct {
	set    *shared
	finder *finder.Finder

	mu        sync.Mutex
	logs      map[string]*log
	deleted   []string                          // paths whose checkpoints are to be deleted
	parked    map[string]*checkpoint.Checkpoint // by paths that are not read any more; nil once saved
	contents  uint64                            // the highest number of contents of a deleted checkpoint
	findError error                             // of the last scan
	homeError error                             // why a folder of a daemon is missing
	saveError error                             // of the last save
	// otherHomes is whether there are folders of other daemons.
	otherHomes bool
	saved      time.Time // when all checkpoints were up to date on the disk

	// The following fields belong to the goroutine that polls.
	folders     map[string]time.Time // when each was last changed
	scanned     time.Time
	noScanUntil time.Time
	listWaits   map[string]time.Time // new files that PM2 may list, by when they were found
	copyWaits   map[string]time.Time // new files that may be copies, by when they were found
	listVersion uint64               // of the list of PM2 that names come from
	full        bool                 // there are more files than maxLogs

	firstRun  bool      // nothing was read with this store before
	starting  bool      // Start has not returned
	noted     bool      // the store knows of a start
	firstUsed time.Time // when the store was first used: compressed copies older than that are not read

	saving sync.Mutex      // orders saves, so that no older checkpoint replaces a newer one
	pace   checkpoint.Pace // guarded by saving

	polls atomic.Uint64 // finished ones

	stop context.CancelFunc
	done sync.WaitGroup
}

// New returns a tailer.
func New(set Settings) *Tailer {
	if set.MaxBackoff == 0 {
		set.MaxBackoff = maxBackoff
	}
	s := &shared{
		Settings: set,
		memory:   memory.New(set.MaxBuffer),
		listings: folder.NewListings(),
		skipped:  &skippedFiles{meter: set.Meter, logger: set.Logger, now: set.Now, known: map[string]admit.Reason{}},
		decoding: make(chan struct{}, maxDecoding),
	}
	set.Finder.AnyOwner, set.Finder.Own, set.Finder.Now = set.AnyOwner, set.Own, set.Now
	set.Finder.Skipped = func(err error) { s.skipped.add(err) }
	s.finder = finder.New(set.Finder)
	t := &Tailer{
		set: s, finder: s.finder, firstRun: true, starting: true,
		logs: map[string]*log{}, parked: map[string]*checkpoint.Checkpoint{},
		folders: map[string]time.Time{}, listWaits: map[string]time.Time{}, copyWaits: map[string]time.Time{},
	}
	s.positionOf = t.positionsOf
	return t
}

// Start begins to follow files. It returns when the files that exist now were found; ctx
// bounds only that.
func (t *Tailer) Start(ctx context.Context) error {
	run, stop := context.WithCancel(context.Background())
	context.AfterFunc(run, func() { t.set.stopping.Store(true) })
	t.stop = stop
	t.saved = t.set.Now()
	known, err := t.load(ctx)
	if err != nil {
		stop()
		return err
	}
	if t.firstUsed.IsZero() {
		t.firstUsed = t.saved
	}
	var logs []*log
	for _, path := range known {
		if t.finder.Reads(path) {
			logs = append(logs, t.follow(ctx, path, true))
		} else {
			t.park(ctx, path)
		}
	}
	// Each log must have opened its files before another one can take them for new.
	for _, l := range logs {
		t.launch(run, l)
	}
	t.scan(ctx, run)
	t.starting = false
	t.mu.Lock()
	t.firstRun = false
	following := len(t.logs)
	t.mu.Unlock()
	if following == 0 && t.findError == nil {
		text := `No log files yet. If PM2 uses another folder, set "home" or PM2_HOME`
		if t.finder.IncludeOnly {
			text = `No file matches "include" yet`
		}
		t.set.Logger.Warn(text, zap.Strings("patterns", t.finder.Include))
	}
	t.set.Recovery.Keep(run.Done(), &t.done, "looking for log files", func() { t.poll(run) })
	if t.set.Store != nil {
		t.set.Recovery.Keep(run.Done(), &t.done, "saving checkpoints", func() { t.saveRegularly(run) })
	}
	return nil
}

// load reads the index of the store and returns the paths that have a checkpoint.
func (t *Tailer) load(ctx context.Context) ([]string, error) {
	if t.set.Store == nil {
		return nil, nil
	}
	paths, used, err := t.set.Store.Paths(ctx)
	t.firstRun, t.noted = !used, used
	if err != nil && !used {
		return nil, err
	}
	contents, contentsErr := t.set.Store.Contents(ctx)
	since, sinceErr := t.set.Store.Since(ctx)
	t.contents, t.firstUsed, err = contents, since, errors.Join(err, contentsErr, sinceErr)
	if err != nil {
		t.set.Logger.Error("Checkpoints are damaged; files without one are read from the beginning", zap.Error(err))
	}
	return paths, nil
}

// Shutdown stops reading and saves the last checkpoints. It waits until ctx ends for records
// that the next consumer has not returned; what it accepted by then is saved in any case.
func (t *Tailer) Shutdown(ctx context.Context) error {
	if t.stop == nil {
		return nil
	}
	t.stop()
	finished := make(chan struct{})
	var waiting sync.WaitGroup
	t.set.Recovery.Go(&waiting, "waiting for log files", func() {
		t.done.Wait()
		close(finished)
	})
	var late error
	select {
	case <-finished:
	case <-ctx.Done():
		late = errors.Join(errors.New("the next consumer did not return"), ctx.Err())
	}
	if t.set.Store == nil {
		if late == nil {
			for _, l := range t.all() {
				l.flushAll(ctx)
			}
		}
		return late
	}
	ctx = context.WithoutCancel(ctx) // writing is short
	// The error is not returned: it would end a collector that only reloads its configuration.
	if err := errors.Join(t.save(ctx, true), t.set.Store.Close(ctx)); err != nil {
		t.set.Logger.Error("Failed to save the last checkpoints; records accepted since the previous save are sent again", diskspace.Fault("", err)...)
	}
	return late
}

func (t *Tailer) all() []*log {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Values(t.logs))
}

// Lag calls each with the number of unread bytes of each log.
func (t *Tailer) Lag(each func(path string, bytes int64)) {
	for _, l := range t.all() {
		each(l.path, l.lag.Load()+max(0, l.size.Load()-l.offset.Load()))
	}
}

// Age returns how long ago all checkpoints were up to date on the disk.
func (t *Tailer) Age() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.set.Now().Sub(t.saved)
}

// Polls returns how often the tailer has looked for changes of files. Tests wait for it to see that
// something does not happen.
func (t *Tailer) Polls() uint64 { return t.polls.Load() }

func (t *Tailer) poll(ctx context.Context) {
	ticker := time.NewTicker(t.set.PollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		t.set.safely("looking for log files", func() { t.scan(ctx, ctx) })
		t.set.safely("looking at log files", t.checkAll)
		t.polls.Add(1)
	}
}

// checkAll wakes the logs whose files have changed, and removes those that have ended.
func (t *Tailer) checkAll() {
	for _, l := range t.all() {
		if l.ended.Load() {
			t.remove(l)
			continue
		}
		l.check()
	}
}

// remove removes a log of which nothing is left. The numbers of contents keep increasing, so
// a new file at this path is never mistaken for the old one.
func (t *Tailer) remove(l *log) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.logs, l.path)
	t.deleted = append(t.deleted, l.path)
	t.contents = max(t.contents, l.contents)
	t.full = false
}

// scan looks for new files if a folder has changed or enough time has passed.
func (t *Tailer) scan(ctx, run context.Context) {
	began := time.Now()
	if began.Before(t.noScanUntil) {
		return
	}
	defer func() { t.noScanUntil = folder.RepeatAfter(began) }()
	now := t.set.Now()
	if !t.scanIsDue(now) {
		return
	}
	t.updateNames()
	t.scanned = now
	paths, err := t.finder.Find()
	if err != nil && (t.findError == nil || err.Error() != t.findError.Error()) {
		t.set.Logger.Error("Failed to look for log files", zap.Error(err))
	}
	t.set.skipped.review(t.finder)
	others, home := t.finder.MissingHome()
	t.mu.Lock()
	t.findError, t.homeError, t.otherHomes = err, home, others
	t.mu.Unlock()
	isGone := func(path string, _ time.Time) bool { return !slices.Contains(paths, path) }
	maps.DeleteFunc(t.listWaits, isGone)
	maps.DeleteFunc(t.copyWaits, isGone)
	if err == nil {
		t.forgetNoCopies(paths)
	}
	for _, path := range paths {
		if !t.followed(path) && (t.waitsForList(path) || t.isCopy(path)) {
			continue
		}
		t.launch(run, t.follow(ctx, path, false))
	}
	for _, l := range t.all() {
		own := l.watch.exists && t.set.Own.Writes(l.watch.last.Device, l.watch.last.Inode)
		l.watch.own.Store(own)
		if !l.watch.exists || own || l.watch.refused.Load() { // its state may have changed
			l.wakeUp()
		}
	}
}

// forgetNoCopies forgets what logs know of files that turned out to be no copies, but for those among
// paths that are still to be read as logs.
func (t *Tailer) forgetNoCopies(paths []string) {
	next := map[string]bool{}
	for _, path := range paths {
		if !t.followed(path) {
			next[path] = true
		}
	}
	for _, l := range t.all() {
		l.forgetNoCopies(next)
	}
}

// scanIsDue reports whether there may be new files. It notifies logs of changes in their
// folders.
func (t *Tailer) scanIsDue(now time.Time) bool {
	folders := t.finder.Folders()
	due := len(t.copyWaits) > 0 || now.Sub(t.scanned) >= scanInterval || folders == nil && now.Sub(t.scanned) >= deepScanInterval
	for _, l := range t.all() {
		due = l.watch.noCopy.Swap(false) || due
	}
	for _, dir := range t.watchedFolders(folders) {
		at, err := logfile.Stat(dir)
		changed := time.Unix(0, at.Modified)
		// The last condition finds a file that was too young for the last scan, even if that
		// was long ago because the machine was busy.
		if err == nil && (!t.folders[dir].Equal(changed) || now.Sub(changed) < recentChange || t.scanned.Sub(changed) < finder.CombinedDelay) {
			t.folders[dir] = changed
			t.checkCopies(dir)
			due = due || slices.Contains(folders, dir)
		}
	}
	if t.finder.Roster != nil {
		due = due || len(t.listWaits) > 0 || t.finder.Roster.Version() != t.listVersion
	}
	return due
}

// watchedFolders returns the folders of the patterns and of all logs.
func (t *Tailer) watchedFolders(folders []string) []string {
	all := slices.Clone(folders)
	for _, l := range t.all() {
		all = append(all, l.dir)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// checkCopies wakes the logs in a folder whose rotated copies have changed.
func (t *Tailer) checkCopies(dir string) {
	digests := map[string]uint64{}
	err := folder.Each(dir, func(e os.DirEntry) bool {
		name := e.Name()
		original, ok := logname.Rotated(name)
		if !ok {
			original, ok = logname.Suffixed(name)
		}
		if ok {
			// The names alone are not enough: they stay the same once there are as many
			// copies as are kept. For a file that is gone by now the status is zero.
			at, _ := logfile.Stat(filepath.Join(dir, name))
			digests[original] += xxhash.Sum64String(fmt.Sprintf("%s\x00%v", name, at))
		}
		return true
	})
	if err != nil {
		return
	}
	for _, l := range t.all() {
		if l.dir != dir {
			continue
		}
		digest := digests[l.base]
		for _, name := range l.copiesByContent() {
			at, _ := logfile.Stat(filepath.Join(dir, name))
			digest += xxhash.Sum64String(fmt.Sprintf("%s\x00%v", name, at))
		}
		if l.watch.copies != digest {
			l.watch.copies = digest
			l.watch.copiesChanged.Store(true)
			l.wakeUp()
		}
	}
}

// follow makes the log of a path, or returns nil if the path is followed already or may not be
// read. known is set for a path with a checkpoint, which may have more to read than what is
// there.
func (t *Tailer) follow(ctx context.Context, path string, known bool) *log {
	if t.followed(path) {
		return nil
	}
	t.mu.Lock()
	full := len(t.logs) >= maxLogs
	t.mu.Unlock()
	if full {
		if !t.full {
			t.set.Logger.Error("Too many log files; further ones are not read", zap.Int("limit", maxLogs), zap.String("path", path))
		}
		t.full = true
		return nil
	}
	at, err := logfile.Stat(path)
	if err == nil && t.followedAs(at) {
		return nil
	}
	if !known && t.set.skipped.add(t.finder.Gate().Check(path)) {
		return nil
	}
	l := t.restored(ctx, path)
	t.mu.Lock()
	t.logs[path] = l
	t.mu.Unlock()
	return l
}

func (t *Tailer) followed(path string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, has := t.logs[path]
	return has
}

// followedAs reports whether a file is followed under another name.
func (t *Tailer) followedAs(at logfile.Status) bool {
	return slices.ContainsFunc(t.all(), func(l *log) bool { return l.watch.exists && l.watch.last.SameFile(at) })
}

// launch starts to read a log, if there is one.
func (t *Tailer) launch(run context.Context, l *log) {
	if l == nil {
		return
	}
	t.set.Logger.Debug("Following log file", zap.String("path", l.path))
	t.set.Recovery.Keep(run.Done(), &t.done, "reading a log file", func() { l.run(run) })
	l.wakeUp()
}

// restored makes the log of a path, as its checkpoint says if it has one.
func (t *Tailer) restored(ctx context.Context, path string) *log {
	var c *checkpoint.Checkpoint
	since := t.firstUsed
	if t.set.Store != nil {
		var err error
		if c, err = t.loadCheckpoint(ctx, path); err != nil {
			since = t.set.Now()
			t.set.Logger.Error("Checkpoint is damaged; the file is read from the beginning", zap.String("path", path), zap.Error(err))
		}
	}
	if c != nil && admit.Refused(t.finder.Gate().Check(path)) != nil {
		c.State = decode.State{} // partial lines of a file that may not be read are not sent either
	}
	l := newLog(t.set, path, t.finder.Name(path), c)
	if c == nil {
		t.mu.Lock()
		l.contents = t.contents
		t.mu.Unlock()
	}
	l.starting = t.starting
	var err error
	if c != nil {
		l.reopen(c.Files)
	} else {
		err = l.begin(t.firstRun && t.set.FromEnd, since)
	}
	if err != nil {
		l.report("Cannot read log file", err)
	}
	if at, err := logfile.Stat(path); err == nil {
		l.watch.last, l.watch.exists = at, true
		l.size.Store(at.Size)
	}
	l.publish()
	return l
}

// loadCheckpoint returns the checkpoint of a path, or nil if it has none.
func (t *Tailer) loadCheckpoint(ctx context.Context, path string) (*checkpoint.Checkpoint, error) {
	t.saving.Lock()
	defer t.saving.Unlock()
	t.mu.Lock()
	deleted := slices.Contains(t.deleted, path)
	parked := t.parked[path]
	delete(t.parked, path)
	t.mu.Unlock()
	if parked != nil {
		return parked, nil
	}
	if deleted {
		return nil, nil
	}
	return t.set.Store.Load(ctx, path)
}

// park keeps how much was read of a file that is not to be read any more, so that nothing is
// read twice if it is to be read again. It keeps nothing of what the file holds: partial
// lines, which were not sent, are dropped.
func (t *Tailer) park(ctx context.Context, path string) {
	t.mu.Lock()
	full := len(t.parked) >= maxLogs
	t.mu.Unlock()
	c, err := t.set.Store.Load(ctx, path)
	if err != nil {
		t.set.Logger.Warn("Checkpoint of a log file that is no longer read is damaged and is deleted", zap.String("path", path), zap.Error(err))
	}
	_, fileErr := logfile.Stat(path)
	_, folderErr := logfile.Stat(filepath.Dir(path))
	t.mu.Lock()
	defer t.mu.Unlock()
	if c != nil {
		t.contents = max(t.contents, c.Contents)
	}
	// If the folder is missing too, its disk may be mounted later.
	if err != nil || c == nil || full || errors.Is(fileErr, fs.ErrNotExist) && folderErr == nil {
		t.deleted = append(t.deleted, path)
		return
	}
	t.parked[path] = c.WithoutContent()
	t.set.Logger.Info("Log file is no longer read", zap.String("path", path), zap.String("reason", t.finder.WhyNot(path)))
}

// waitsForList reports whether a new file is not read yet because PM2 may list soon which
// application writes it.
func (t *Tailer) waitsForList(path string) bool {
	r := t.finder.Roster
	if r == nil || t.starting {
		return false
	}
	if _, has := r.Lookup(path); has || t.finder.IsDaemonLog(path) {
		delete(t.listWaits, path)
		return false
	}
	now := t.set.Now()
	since, waiting := t.listWaits[path]
	if !waiting {
		since = now
	}
	// One answer without the file proves nothing: PM2 opens files a moment before it lists
	// the process.
	if _, answers := r.Asked(); !answers || now.Sub(since) >= listDelay || len(t.listWaits) >= maxLogs {
		delete(t.listWaits, path)
		return false
	}
	t.listWaits[path] = since
	r.Ask()
	return true
}

// updateNames gives logs the names that PM2 lists now.
func (t *Tailer) updateNames() {
	r := t.finder.Roster
	if r == nil {
		return
	}
	version := r.Version()
	if version == t.listVersion {
		return
	}
	t.listVersion = version
	for _, l := range t.all() {
		if n := t.finder.Name(l.path); n != l.name {
			l.name = n
			l.newName.Store(&n)
			l.wakeUp()
		}
	}
}

// positionsOf returns what logs other than l know of a file.
func (t *Tailer) positionsOf(l *log, at logfile.Status) (p positions) {
	for _, other := range t.all() {
		if other == l {
			continue
		}
		published := other.published()
		for _, f := range published.open {
			if !f.Copy && f.Is(at) {
				p.open = append(p.open, f)
			}
		}
		for _, f := range published.gone {
			if !f.Copy && f.Is(at) {
				p.gone = append(p.gone, f)
			}
		}
	}
	sortByOffset(p.gone)
	return p
}

func sortByOffset(files []checkpoint.File) {
	slices.SortStableFunc(files, func(a, b checkpoint.File) int { return cmp.Compare(a.Offset, b.Offset) })
}

// saveRegularly saves checkpoints until ctx is done.
func (t *Tailer) saveRegularly(ctx context.Context) {
	ticker := time.NewTicker(saveInterval)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var err error
		if panicked := t.set.Recovery.Run("saving checkpoints", func() { err = t.save(ctx, false) }); panicked != nil {
			err = panicked
		}
		if err != nil && !failing && ctx.Err() == nil {
			t.set.Logger.Error("Failed to save checkpoints; until that succeeds, a crash makes more records be sent again", diskspace.Fault("", err)...)
		}
		failing = err != nil
		t.mu.Lock()
		t.saveError = err
		t.mu.Unlock()
	}
}

// save writes the checkpoints that have changed, and that there was a start. Unless all is set, those
// for which there is no allowance wait for the next call.
func (t *Tailer) save(ctx context.Context, all bool) error {
	t.saving.Lock()
	defer t.saving.Unlock()
	now := t.set.Now()
	t.mu.Lock()
	logs := slices.Collect(maps.Values(t.logs))
	deleted, noted := t.deleted, t.noted
	index := checkpoint.Index{Contents: t.contents, Since: t.firstUsed}
	t.deleted = nil
	parked := maps.Clone(t.parked)
	t.mu.Unlock()
	for _, l := range logs {
		index.Paths = append(index.Paths, l.path)
	}
	w := writing{store: t.set.Store, pace: &t.pace, all: all, now: now}
	err := w.encodeLogs(logs)
	for path, c := range parked {
		index.Paths = append(index.Paths, path)
		if c != nil {
			err = errors.Join(err, w.encode(path, c))
		}
	}
	for _, path := range deleted {
		if !w.has(path) { // else it is in use again
			err = errors.Join(err, w.encode(path, nil))
		}
	}
	if err == nil && (len(w.encoded) > 0 || !noted) {
		slices.Sort(index.Paths)
		var size int
		size, err = t.set.Store.Write(ctx, w.encoded, index)
		t.pace.Spend(size)
	}
	if err != nil {
		t.mu.Lock()
		t.deleted = append(deleted, t.deleted...)
		t.mu.Unlock()
		w.giveBack()
		return err
	}
	oldest := now
	for _, l := range logs {
		if l.waits {
			oldest = earlier(oldest, l.saved)
		} else {
			l.saved = now
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for path := range parked {
		if _, has := t.parked[path]; has {
			t.parked[path] = nil
		}
	}
	t.saved, t.noted = oldest, true
	return nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func isGzip(path string) bool { return strings.HasSuffix(path, ".gz") }
