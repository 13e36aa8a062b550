// Package tail follows PM2's log files through everything that happens to them. It
// keeps, for every file, how far the next consumer has accepted what was in it, and
// knows files by their content and not by their name.
package tail

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

const (
	// rescan is how often files are looked for if nothing says that there are new
	// ones.
	rescan = 10 * time.Second
	// rescanDeep is the same if the folders to watch are not known.
	rescanDeep = time.Second
	// saveInterval is how often checkpoints are saved, and so how much is sent again
	// after a crash.
	saveInterval = 250 * time.Millisecond
	// maxSending bounds the streams that have records in memory at the same time: a
	// refused block is decoded again when it is sent again.
	maxSending = 16
	// maxStreams bounds the files that are followed.
	maxStreams = 4096
	// fresh is how long after its change a folder is looked at again: a second change
	// may bear the same time.
	fresh = 2 * time.Second
	// settling is how long after a change of its folder a file that may be a
	// combined one is left alone. It must be less than fresh.
	settling = time.Second
)

// Tailer follows the files that a Finder finds. Start and Shutdown may be called
// once each.
type Tailer struct {
	set    Settings
	finder Finder

	mu      sync.Mutex
	streams map[string]*stream
	ended   []string               // paths of streams whose checkpoints are to be deleted
	parked  map[string]*Checkpoint // by the paths that are not read any more; nil once saved
	count   uint64                 // the highest Checkpoint.Count of ended streams
	folders map[string]time.Time   // when each was last changed
	scanned time.Time
	resting time.Time            // nothing is looked for before
	problem error                // what the last scan met
	home    error                // why there is no folder of a daemon
	unsaved error                // why the last save failed
	unnamed map[string]time.Time // new files of which PM2 may say something, by when they were found
	version uint64               // of the roster
	first   bool                 // no reader ever started on the store
	early   bool                 // it is starting
	noted   bool                 // the store knows of a start
	since   time.Time            // of the very first start: compressed copies made before are history
	full    bool
	saved   time.Time

	saving sync.Mutex // so that no older checkpoint replaces a newer one

	stop context.CancelFunc
	done sync.WaitGroup
}

// New returns a tailer.
func New(set Settings, finder Finder) *Tailer {
	finder.growing = func(dir string) bool {
		at, err := statPath(dir)
		age := set.Now().Sub(time.Unix(0, at.modified))
		return err == nil && age >= 0 && age < settling
	}
	finder.exclusion = newExclusion(finder.Exclude)
	if set.MaxPause == 0 {
		set.MaxPause = maxPause
	}
	set.gate = admit.New(admit.Settings{
		AnyOwner: set.AnyOwner, Excluded: finder.excluded, Own: set.Own, Named: finder.named,
		User: uint32(os.Geteuid()), //nolint:gosec // numbers of users have 32 bits
	})
	finder.gate = set.gate
	set.slots = make(chan struct{}, maxSending)
	set.memory, set.listings, set.stopping = newPools(set.MaxBuffer), newListings(), &atomic.Bool{}
	set.skips = &skips{set: &set, known: map[string]admit.Reason{}}
	set.exclusion, finder.skips = finder.exclusion, set.skips
	t := &Tailer{unnamed: map[string]time.Time{}, set: set, finder: finder, streams: map[string]*stream{}, parked: map[string]*Checkpoint{}, folders: map[string]time.Time{}, first: true, early: true}
	t.set.others = t.others
	return t
}

// Start begins to follow files. It returns when the files that are there now have
// been found; ctx bounds only that.
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
	if t.since.IsZero() {
		t.since = t.saved
	}
	var streams []*stream
	for _, path := range known {
		if t.finder.reads(path) {
			streams = append(streams, t.follow(ctx, path, true))
		} else {
			t.park(ctx, path)
		}
	}
	for _, s := range streams { // once each has the files that it had
		t.launch(run, s)
	}
	t.scan(ctx, run)
	t.early = false
	t.mu.Lock()
	t.first = false
	following := len(t.streams)
	t.mu.Unlock()
	if following == 0 && t.problem == nil {
		t.set.Logger.Warn("No log files yet. If PM2 runs with another folder, set PM2_HOME or home to it", zap.Strings("looked_for", t.finder.Include))
	}
	t.set.Recovery.Keep(run.Done(), &t.done, "looking for log files", func() { t.poll(run) })
	if t.set.Store != nil {
		t.set.Recovery.Keep(run.Done(), &t.done, "saving checkpoints", func() { t.saver(run) })
	}
	return nil
}

// load returns the streams of earlier runs.
func (t *Tailer) load(ctx context.Context) ([]string, error) {
	if t.set.Store == nil {
		return nil, nil
	}
	paths, ever, err := t.set.Store.Streams(ctx)
	t.first, t.noted = !ever, ever
	if err != nil && !ever {
		return nil, err
	}
	count, countErr := t.set.Store.Count(ctx)
	since, sinceErr := t.set.Store.Since(ctx)
	t.count, t.since, err = count, since, errors.Join(err, countErr, sinceErr)
	if err != nil {
		t.set.Logger.Error("checkpoints are damaged; files without one are read from the beginning", zap.Error(err))
	}
	return paths, nil
}

// Shutdown stops reading and saves the last checkpoints. It waits for what is with
// the next consumer until ctx ends; what was accepted by then is saved all the same.
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
			for _, s := range t.all() {
				s.flushAll(ctx)
			}
		}
		return late
	}
	ctx = context.WithoutCancel(ctx) // writing is short
	// Returned, an error would end a collector that is asked to read its configuration
	// again.
	if err := errors.Join(t.save(ctx), t.set.Store.Close(ctx)); err != nil {
		t.set.Logger.Error("cannot save the last checkpoints; what was read since is read once more", diskspace.Fault("", err)...)
	}
	return late
}

func (t *Tailer) all() []*stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Values(t.streams))
}

// Lag returns how many bytes of each file are unread, and Age how long ago
// checkpoints were last saved.
func (t *Tailer) Lag(each func(path string, bytes int64)) {
	for _, s := range t.all() {
		each(s.path, s.lag.Load()+max(0, s.size.Load()-s.frontier.Load()))
	}
}

// Age returns how long ago all checkpoints were up to date on the disk.
func (t *Tailer) Age() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.set.Now().Sub(t.saved)
}

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
		t.set.safely("looking at log files", t.look)
	}
}

// look wakes the streams whose files have changed, and gives up those that have ended.
func (t *Tailer) look() {
	for _, s := range t.all() {
		if s.ended.Load() {
			t.forget(s)
			continue
		}
		s.look()
	}
}

// forget gives up a stream of which nothing is left. The contents of its path are
// numbered on, so that what will be there one day is not taken for what was.
func (t *Tailer) forget(s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.streams, s.path)
	t.ended = append(t.ended, s.path)
	t.count = max(t.count, s.count)
	t.full = false
}

// scan looks for new files if a folder has changed or enough time has passed.
func (t *Tailer) scan(ctx, run context.Context) {
	began := time.Now()
	if began.Before(t.resting) {
		return
	}
	defer func() { t.resting = rest(began) }()
	now := t.set.Now()
	folders := t.finder.Folders()
	due := now.Sub(t.scanned) >= rescan || folders == nil && now.Sub(t.scanned) >= rescanDeep
	for _, dir := range t.watched(folders) {
		at, err := statPath(dir)
		changed := time.Unix(0, at.modified)
		// A file that waited for its folder to settle is looked for once more, however busy the
		// machine was meanwhile.
		if err == nil && (!t.folders[dir].Equal(changed) || now.Sub(changed) < fresh || t.scanned.Sub(changed) < settling) {
			t.folders[dir] = changed
			t.census(dir)
			due = due || slices.Contains(folders, dir)
		}
	}
	if t.finder.Roster != nil {
		due = due || len(t.unnamed) > 0 || t.finder.Roster.Version() != t.version
	}
	if !due {
		return
	}
	t.rename()
	t.scanned = now
	paths, err := t.finder.Find()
	if err != nil && (t.problem == nil || err.Error() != t.problem.Error()) {
		t.set.Logger.Error("cannot look for log files", zap.Error(err))
	}
	t.set.skips.review(&t.finder)
	t.found(err)
	maps.DeleteFunc(t.unnamed, func(path string, _ time.Time) bool { return !slices.Contains(paths, path) })
	for _, path := range paths {
		if !t.followed(path) && t.awaited(path) {
			continue
		}
		t.launch(run, t.follow(ctx, path, false))
	}
	for _, s := range t.all() {
		own := s.watch.there && t.set.Own.Writes(s.watch.last.device, s.watch.last.inode)
		s.watch.own.Store(own)
		if !s.watch.there || own || s.watch.barred.Load() { // it may be over
			s.poke()
		}
	}
}

// watched returns the folders of the patterns and of all streams.
func (t *Tailer) watched(folders []string) []string {
	all := slices.Clone(folders)
	for _, s := range t.all() {
		all = append(all, s.dir)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// follow makes the stream of a path, or returns nil if it is read already, or may not
// be. One that is known from an earlier run may have more to read than what is there.
func (t *Tailer) follow(ctx context.Context, path string, known bool) *stream {
	if t.followed(path) {
		return nil
	}
	t.mu.Lock()
	full := len(t.streams) >= maxStreams
	t.mu.Unlock()
	if full {
		if !t.full {
			t.set.Logger.Error("too many log files; others are not read", zap.Int("limit", maxStreams), zap.String("path", path))
		}
		t.full = true
		return nil
	}
	at, err := statPath(path)
	if err == nil && t.sharesInode(at) {
		return nil
	}
	if !known && t.set.skips.met(t.set.gate.Check(path)) {
		return nil
	}
	s := t.restored(ctx, path)
	t.mu.Lock()
	t.streams[path] = s
	t.mu.Unlock()
	return s
}

func (t *Tailer) followed(path string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, has := t.streams[path]
	return has
}

// launch starts to read a stream, if there is one.
func (t *Tailer) launch(run context.Context, s *stream) {
	if s == nil {
		return
	}
	t.set.Logger.Debug("following log file", zap.String("path", s.path))
	t.set.Recovery.Keep(run.Done(), &t.done, "reading a log file", func() { s.run(run) })
	s.poke()
}

// restored makes the stream of a path as its checkpoint, or the lack of one, says.
func (t *Tailer) restored(ctx context.Context, path string) *stream {
	var c *Checkpoint
	since := t.since
	if t.set.Store != nil {
		var err error
		if c, err = t.checkpoint(ctx, path); err != nil {
			since = t.set.Now()
			t.set.Logger.Error("checkpoint is damaged; the file is read from the beginning", zap.String("path", path), zap.Error(err))
		}
	}
	if c != nil && admit.Refused(t.set.gate.Check(path)) != nil {
		c.State = decode.State{} // what is held back of it may not be handed on either
	}
	s := newStream(&t.set, path, t.finder.Name(path), c)
	if c == nil {
		t.mu.Lock()
		s.count = t.count
		t.mu.Unlock()
	}
	s.early = t.early
	var err error
	if c != nil {
		s.restore(c.Files)
	} else {
		err = s.begin(t.first && t.set.FromEnd, since)
	}
	if err != nil {
		s.report("cannot read log file", err)
	}
	if at, err := statPath(path); err == nil {
		s.watch.last, s.watch.there = at, true
		s.size.Store(at.size)
	}
	s.publish()
	return s
}

// checkpoint loads that of a path, unless it is yet to be deleted.
func (t *Tailer) checkpoint(ctx context.Context, path string) (*Checkpoint, error) {
	t.saving.Lock()
	defer t.saving.Unlock()
	t.mu.Lock()
	ended := slices.Contains(t.ended, path)
	parked := t.parked[path]
	delete(t.parked, path)
	t.mu.Unlock()
	if parked != nil {
		return parked, nil
	}
	if ended {
		return nil, nil
	}
	return t.set.Store.Load(ctx, path)
}
