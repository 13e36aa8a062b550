// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/folder"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logfile"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/memory"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/reader"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/rotation"
)

const (
	// rotatedTimeout is how long a rotated file is read after it was renamed or last grew:
	// its writers keep it open until they reopen their logs.
	rotatedTimeout = 5 * time.Minute
	// deletedTimeout is the same for a deleted file, which takes disk space until it is
	// closed.
	deletedTimeout = 10 * time.Second
	// folderTimeout is how long a log is kept whose whole folder is gone.
	folderTimeout = time.Hour
	// maxGone bounds the contents that are remembered after they are gone.
	maxGone = 8
	// maxOpen bounds the files that one log has open.
	maxOpen = 16
	// maxRounds bounds how often files are looked at again before the next poll.
	maxRounds = 4
	// logInterval is the least time between two messages of a log about the same kind of
	// problem.
	logInterval = 10 * time.Second
)

// log is everything that is written to one path. It reads the file at the path, files that
// were renamed from it, and rotated copies with what was not read before.
//
// Only the goroutine that runs it touches a log, except for the fields that say otherwise.
type log struct {
	set     *shared
	path    string
	dir     string
	base    string
	decoder Decoder
	decodes logname.Name  // what decoder was made for
	share   *memory.Share // of the memory for partial lines

	files    []*reader.Reader  // in the order in which they were written
	current  bool              // the last of files is the one at path
	gone     []checkpoint.File // contents that are no longer where they were read
	contents uint64            // how many contents the log has had

	handled       map[checkpoint.CopyState]bool      // copies that need no reading
	waiting       map[checkpoint.CopyState]time.Time // copies that are not classified yet, by when they were found
	noCopiesUntil time.Time                          // copies are not looked for before

	starting      bool           // nothing was looked at since Start
	busy          bool           // files change faster than they are polled
	missingSince  time.Time      // when the file at path was first missed
	otherFile     logfile.Status // the file at path that another log last read
	readElsewhere bool           // another log reads the file at path now
	refused       logfile.Status // the file at path that may not be read
	refusedAt     time.Time      // when that was found
	failing       bool           // an error was reported and lasts
	reported      time.Time      // when an error was last logged
	lineLost      time.Time      // when a lost line was last logged

	wake chan struct{}

	// The following fields are shared with the Tailer.
	mu            sync.Mutex
	byContent     map[string]bool        // guarded by mu: files that are copies by their content, or turned out to be none
	byContentFull bool                   // guarded by mu: a copy had no room in byContent
	unsaved       *checkpoint.Checkpoint // guarded by mu: the checkpoint to be saved next
	positions     positions              // guarded by mu: of files and gone

	lag       atomic.Int64                 // unread bytes of files that are not at path
	size      atomic.Int64                 // of the file at path
	offset    atomic.Int64                 // how much of the file at path was accepted
	readError atomic.Pointer[error]        // why the file cannot be read
	rejected  atomic.Pointer[rejected]     // the records that wait, because the last attempt to send them failed
	ended     atomic.Bool                  // nothing is left to read
	working   atomic.Bool                  // a step is running
	lastRun   atomic.Int64                 // when the last step ended, in Unix nanoseconds
	newName   atomic.Pointer[logname.Name] // the name to continue with
	name      logname.Name                 // belongs to the Tailer
	watch     watch

	// The following fields belong to the goroutine that saves checkpoints.
	saved    time.Time // when the checkpoint was last up to date on the disk
	saveSize int       // expected of the next checkpoint
	waits    bool      // it has changed and was not written
}

// watch is what the polling goroutine knows of a log. The atomic fields are shared with the
// log.
type watch struct {
	last          logfile.Status // of the file at path
	exists        bool           // there was a file at path
	copies        uint64         // digest of the rotated copies
	copiesChanged atomic.Bool    // the copies must be looked at
	timer         atomic.Bool    // the log has something to do when time has passed
	// missing is whether the log found no file at path. The poller does not notice if a file
	// is away for less than a poll.
	missing atomic.Bool
	refused atomic.Bool // the file at path may not be read
	own     atomic.Bool // this process writes the file at path
	noCopy  atomic.Bool // a file turned out to be no copy and is to be read as a log
}

func newLog(set *shared, path string, name logname.Name, c *checkpoint.Checkpoint) *log {
	l := &log{
		set: set, path: path, name: name, dir: filepath.Dir(path), base: filepath.Base(path),
		share:     set.memory.Partial.New(),
		byContent: map[string]bool{},
		handled:   map[checkpoint.CopyState]bool{}, waiting: map[checkpoint.CopyState]time.Time{},
		wake: make(chan struct{}, 1), saved: set.Now(),
	}
	var state decode.State
	if c != nil {
		state = c.State
		l.contents, l.gone = c.Contents, c.Gone
		for _, x := range c.Handled {
			l.handled[x] = true
		}
		for _, name := range c.ByContent {
			l.byContent[name] = true
		}
	}
	l.decodes, l.decoder = name, set.Decoder(name, state)
	return l
}

// check wakes the log if its file has changed, if it exists and the log did not find it, or if
// the log waits for time to pass. The polling goroutine calls it.
func (l *log) check() {
	at, err := logfile.Stat(l.path)
	exists := err == nil
	l.size.Store(at.Size)
	if exists != l.watch.exists || at != l.watch.last || l.watch.timer.Load() || exists && l.watch.missing.Load() {
		l.watch.exists, l.watch.last = exists, at
		l.wakeUp()
	}
}

func (l *log) wakeUp() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run reads until ctx is done or nothing is left of the log.
func (l *log) run(ctx context.Context) {
	defer l.close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		l.working.Store(true)
		if err := l.set.Recovery.Run("reading a log file", func() { l.step(ctx) }); err != nil {
			l.watch.timer.Store(true) // the step is repeated at the next poll
		}
		if ctx.Err() == nil && l.isOver() {
			l.ended.Store(true)
			return
		}
		l.lastRun.Store(l.set.Now().UnixNano())
		l.working.Store(false)
	}
}

func (l *log) close() {
	for _, f := range l.files {
		_ = f.File.Close()
	}
	l.files, l.current = nil, false
	l.share.Set(0)
}

// step reads everything that can be read now.
func (l *log) step(ctx context.Context) {
	if n := l.newName.Swap(nil); n != nil {
		l.decodes, l.decoder = *n, l.set.Decoder(*n, l.decoder.State())
	}
	for round := 0; ctx.Err() == nil; round++ {
		l.readElsewhere = false
		err := l.look()
		l.starting = false
		if err != nil {
			l.report("Cannot read log file", err)
			// Files that are open can be read nevertheless.
		} else {
			l.failing = false
		}
		again, err := l.readAll(ctx)
		if err != nil {
			return
		}
		if !again {
			break
		}
		if l.busy = round >= maxRounds; l.busy {
			break // until the next poll
		}
	}
	l.flush(ctx)
	l.closeIdle()
	l.measure()
	if !l.failing && l.readError.Load() != nil {
		l.readError.Store(nil)
	}
}

// report makes an error visible in the health of the receiver and logs it, unless the log
// keeps failing or was reported a moment ago.
func (l *log) report(message string, err error) {
	if l.set.skipped.add(err) {
		return
	}
	if now := l.set.Now(); !l.failing && now.Sub(l.reported) >= logInterval {
		l.reported = now
		l.set.Logger.Warn(message, zap.String("path", l.path), zap.Error(err))
	}
	l.failing = true
	l.readError.Store(&err)
}

// look looks at the path and at rotated copies, and opens what is new.
func (l *log) look() error {
	if l.watch.own.Load() {
		l.closeOwn()
	}
	l.closeExcluded()
	if err := l.lookAtCopies(); err != nil {
		return err
	}
	at, err := logfile.Stat(l.path)
	missing := errors.Is(err, fs.ErrNotExist)
	l.watch.missing.Store(missing)
	if err != nil && !missing {
		return err
	}
	observed := rotation.Path{Exists: !missing, Followed: l.current, Own: l.watch.own.Load(), Refused: l.refusedLately(at)}
	if l.current && !missing {
		now, err := l.last().File.Status()
		if err != nil {
			return err
		}
		observed.Same = now.SameFile(at)
	}
	change, replaced := observed.Classify()
	if replaced {
		l.set.Meter.Rotated()
		l.last().Renamed(l.set.Now())
		l.current = false
	}
	if change != rotation.PathNew {
		return nil
	}
	return l.openPath(at)
}

// openPath opens the file at the path, which has the status found.
func (l *log) openPath(found logfile.Status) error {
	file, err := l.set.open(l.path)
	l.setRefused(found, err)
	if err != nil {
		return err
	}
	at, err := file.Status()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	rotated := slices.IndexFunc(l.files, func(f *reader.Reader) bool { return f.Position.Is(at) && !f.Position.Copy })
	opened := rotation.Opened{Rotated: rotated >= 0}
	var position checkpoint.File
	var others positions
	if !opened.Rotated {
		others = l.set.positionOf(l, at)
		opened.OpenElsewhere = len(others.open) > 0
	}
	if !opened.Rotated && !opened.OpenElsewhere {
		if position, opened.Continues, err = l.knownPosition(file, at, others.gone); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	switch opened.Classify() {
	case rotation.OriginMovedBack:
		moved := l.files[rotated]
		l.files = append(slices.Delete(l.files, rotated, rotated+1), moved)
		l.current = true
		return file.Close()
	case rotation.OriginElsewhere:
		l.otherFile, l.readElsewhere = at, true
		l.offset.Store(math.MaxInt64) // it has no lag in this file
		return file.Close()
	case rotation.OriginNew:
		position = checkpoint.NewFile(l.base, at)
	case rotation.OriginKnown:
	}
	l.push(reader.New(file, position, l.set.Now()))
	l.current = true
	l.publish()
	return nil
}

// knownPosition returns how much of a file was read before: under another name, by logs that
// have the positions elsewhere, or by an earlier process.
func (l *log) knownPosition(file logfile.File, at logfile.Status, elsewhere []checkpoint.File) (p checkpoint.File, known bool, err error) {
	// At any other time the inode may long be that of another file.
	if !l.starting && !l.otherFile.SameFile(at) {
		elsewhere = nil
	}
	for _, p := range slices.Backward(elsewhere) { // the one that read farthest first
		if ok, err := continueAt(&p, file); err != nil || ok {
			p.Name, p.Missing = l.base, false
			return p, ok, err
		}
	}
	for i, p := range l.gone {
		if !p.Missing || p.Inode != at.Inode || at.Size < p.Offset {
			continue
		}
		// The device is not compared: it may change each time a disk is mounted.
		ok, err := continueAt(&p, file)
		if !ok || err != nil {
			return p, false, err
		}
		l.gone = slices.Delete(slices.Clone(l.gone), i, i+1)
		p.Name, p.Device, p.Missing = l.base, at.Device, false
		return p, true, nil
	}
	return p, false, nil
}

// continueAt reports whether a file still holds what was read up to a position, and prepares
// the position for further reading.
func continueAt(p *checkpoint.File, file logfile.File) (bool, error) {
	ok, err := p.Matches(file)
	if !ok || err != nil {
		return false, err
	}
	return true, p.RestoreContent(file)
}

// refusedLately reports whether the file at path, with the status at, is known not to be
// readable by the rules.
func (l *log) refusedLately(at logfile.Status) bool {
	return l.refused.Inode != 0 && l.refused == at && l.set.Now().Sub(l.refusedAt) < scanInterval
}

// setRefused remembers the file at path if the error of opening it says that the rules refuse
// it.
func (l *log) setRefused(at logfile.Status, err error) {
	l.refused = logfile.Status{}
	refused := admit.Refused(err) != nil
	if refused {
		l.refused, l.refusedAt = at, l.set.Now()
	}
	l.watch.refused.Store(refused)
}

func (l *log) last() *reader.Reader { return l.files[len(l.files)-1] }

// push adds a file as the last one, and closes the oldest if there are too many.
func (l *log) push(f *reader.Reader) {
	l.files = append(l.files, f)
	if len(l.files) > maxOpen {
		l.set.Logger.Warn("Too many rotated files wait to be read; the oldest one is not read",
			zap.String("path", l.path), zap.String("file", l.files[0].Position.Name))
		l.release(0)
	}
}

// release closes a file and remembers how much of it was read.
func (l *log) release(i int) {
	f := l.files[i]
	l.remember(f.Position)
	_ = f.File.Close()
	l.files = append(l.files[:i], l.files[i+1:]...)
	if i == len(l.files) {
		l.current = false
	}
	l.publish()
}

// remember keeps a content that is gone, so that a copy of it is recognized.
func (l *log) remember(p checkpoint.File) {
	if p.ID == 0 || p.Copy {
		return
	}
	l.gone = append(l.gone, p)
	l.gone = append(l.gone[:0:0], l.gone[max(0, len(l.gone)-maxGone):]...)
}

// closeOwn closes files that this process turned out to write.
func (l *log) closeOwn() {
	for i, f := range slices.Backward(l.files) {
		if l.set.Own.Writes(f.Position.Device, f.Position.Inode) {
			l.release(i)
		}
	}
}

// closeExcluded closes files that were renamed to a name that is excluded. What was read of
// them is remembered, so that it is not read again under a third name.
func (l *log) closeExcluded() {
	if l.set.finder.Exclusion().Empty() || len(l.files) == 0 {
		return
	}
	at, err := logfile.Stat(l.path)
	for i := len(l.files) - 1; i >= 0; i-- {
		f := l.files[i]
		if err == nil && f.Position.Is(at) {
			continue // it is at path
		}
		if !l.isExcluded(f) {
			continue
		}
		l.release(i)
		if n := len(l.gone); n > 0 && l.gone[n-1].ID == f.Position.ID {
			l.gone[n-1].Missing = true // it may be renamed again
		}
	}
}

// isExcluded reports whether an open file has a name that is excluded.
func (l *log) isExcluded(f *reader.Reader) bool {
	excluded := l.set.finder.Exclusion()
	if path := f.File.Path(); path != "" {
		return excluded.Has(path) || excluded.Has(filepath.Join(l.dir, filepath.Base(path)))
	}
	at, err := f.File.Status()
	if err != nil || at.Links == 0 {
		return false
	}
	// The name by which it was opened is gone, and it has another one.
	found := false
	_ = folder.Each(l.dir, func(e os.DirEntry) bool {
		path := filepath.Join(l.dir, e.Name())
		if !excluded.Has(path) {
			return true
		}
		other, err := logfile.Stat(path)
		found = err == nil && other.SameFile(at)
		return !found
	})
	return found
}

// readAll reads every file in turn. It reports true if files have changed in a way that makes
// it necessary to look at them again.
func (l *log) readAll(ctx context.Context) (again bool, err error) {
	for i := 0; i < len(l.files); i++ {
		f := l.files[i]
		err := l.read(ctx, f)
		switch {
		case errors.Is(err, reader.ErrTruncated):
			l.truncated(i)
			return true, nil
		case errors.Is(err, context.Canceled):
			return false, err
		case err != nil:
			// The other files of the log can be read nevertheless.
			l.report("Cannot read log file", err)
		}
		if f.Position.Copy {
			l.release(i)
			i--
		}
	}
	return false, nil
}

// read reads one file up to the end that it has now. It does not follow a growing file, so
// that the other files of the log do not wait.
func (l *log) read(ctx context.Context, f *reader.Reader) error {
	at, err := f.File.Status()
	if err != nil {
		return err
	}
	if changed, err := f.Changed(at, l.set.Now()); !changed || err != nil {
		return err
	}
	for (at.Size < 0 || f.Position.Offset < at.Size) && ctx.Err() == nil {
		b, err := f.Next(ctx, l.set.memory, l.set.Now())
		if err != nil {
			return err
		}
		if b.Empty() {
			return nil
		}
		if b.Hole > 0 {
			f.Accept(&b)
			l.set.Meter.Passed(b.Hole)
			l.publish()
			continue
		}
		if err := l.deliver(ctx, f, &b); err != nil {
			return err
		}
	}
	return nil
}

// truncated begins a new content of a file. What was not read of the old one may be in a
// copy, which is looked for first.
func (l *log) truncated(i int) {
	f := l.files[i]
	l.set.Meter.Truncated()
	l.remember(f.Position)
	if f.Position.Copy {
		l.release(i)
		return
	}
	f.Restart(l.set.Now())
	l.watch.copiesChanged.Store(true)
	l.publish()
}

// closeIdle closes files that are not written any more.
func (l *log) closeIdle() {
	now := l.set.Now()
	for i := 0; i < len(l.files); i++ {
		f := l.files[i]
		at, err := f.File.Status()
		deleted := err != nil || at.Links == 0
		if i == len(l.files)-1 && l.current && (err != nil || !deleted) {
			continue // it is at path, or was and no other file has replaced it
		}
		limit := rotatedTimeout
		if deleted {
			limit = deletedTimeout
		}
		if now.Sub(f.Grown()) >= limit {
			l.release(i)
			i--
		}
	}
}

// isOver reports whether nothing is left of the log: its file is gone, and so are all copies
// that must be remembered so that they are not read again.
func (l *log) isOver() bool {
	if len(l.files) > 0 || len(l.waiting) > 0 || l.decoder.Pending() {
		return false
	}
	if _, err := logfile.Stat(l.path); !errors.Is(err, fs.ErrNotExist) {
		l.missingSince = time.Time{}
		return false
	}
	if l.missingSince.IsZero() {
		l.missingSince = l.set.Now()
	}
	copies, err := l.copies()
	missing := l.set.Now().Sub(l.missingSince)
	// If the folder is missing too, its disk may be mounted later.
	return err == nil && len(copies) == 0 && missing >= deletedTimeout || errors.Is(err, fs.ErrNotExist) && missing >= folderTimeout
}

// measure updates the lag, and whether the log has something to do when time has passed.
func (l *log) measure() {
	timer := l.busy || l.decoder.Pending() || len(l.waiting) > 0 || l.failing || l.readElsewhere || len(l.files) > 1
	var lag int64
	for _, f := range l.files {
		timer = timer || f.HasPartialLine()
		if at, err := f.File.Status(); err == nil && at.Size > f.Position.Offset {
			if !l.current || f != l.last() {
				lag += at.Size - f.Position.Offset
			}
		} else if err == nil && at.Links == 0 {
			timer = true
		}
	}
	l.lag.Store(lag)
	l.watch.timer.Store(timer)
}

// publish makes the present positions those that are saved and that other logs see.
func (l *log) publish() {
	switch {
	case l.current:
		l.offset.Store(l.last().Position.Offset)
	case !l.readElsewhere:
		l.offset.Store(0)
	}
	open := make([]checkpoint.File, len(l.files))
	for i, f := range l.files {
		open[i] = f.Position
	}
	var c *checkpoint.Checkpoint
	if l.set.Store != nil {
		c = &checkpoint.Checkpoint{Version: checkpoint.Version, Contents: l.contents, Files: open, Gone: l.gone, ByContent: l.copiesByContent(), State: l.decoder.State()}
		for x := range l.handled {
			c.Handled = append(c.Handled, x)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unsaved, l.positions = c, positions{open: open, gone: l.gone}
}

// published returns the positions that were published last. It is safe for concurrent use.
func (l *log) published() positions {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.positions
}

// takeUnsaved returns the checkpoint to save, or nil if nothing has changed. It is safe for
// concurrent use.
func (l *log) takeUnsaved() *checkpoint.Checkpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.unsaved
	l.unsaved = nil
	return c
}

// returnUnsaved returns a checkpoint that could not be saved. It is safe for concurrent use.
func (l *log) returnUnsaved(c *checkpoint.Checkpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unsaved == nil {
		l.unsaved = c
	}
}
