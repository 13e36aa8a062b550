package tail

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

const (
	// movedIdle is how long a file is followed after it was moved aside or last grew:
	// its writers keep it until they reopen their logs.
	movedIdle = 5 * time.Minute
	// deletedIdle is the same for a file without a name, whose space on the disk is
	// free only when it is closed.
	deletedIdle = 10 * time.Second
	// folderIdle is how long what is known of a file is kept when its whole folder is
	// gone.
	folderIdle = time.Hour
	// maxPast bounds the contents that are remembered after they have gone.
	maxPast = 8
	// maxMoved bounds the files that are followed beside the one at the path.
	maxMoved = 16
	// maxRounds bounds how often files are looked at again before the next poll.
	maxRounds = 4
	// seldom is how long a stream does not log its troubles again, however often they
	// come and go.
	seldom = 10 * time.Second
)

// stream reads one path through all that happens to the file there. Only its own
// goroutine touches it, but for the fields marked shared.
type stream struct {
	set     *Settings
	path    string
	dir     string
	base    string
	decoder Decoder
	files   []*file // the last one is that at path, unless it is away
	current bool    // whether it is
	past    []Mark
	seen    map[Seen]bool
	count   uint64
	// pending are relatives that are not known yet, by when they were first met.
	pending  map[Seen]time.Time
	deadline bool      // something waits for time to pass
	failing  bool      // an error was logged
	gone     time.Time // when the file at path was first missed
	aside    status    // the file at path that another stream read when it was last seen
	held     bool      // that one reads it now
	busyFile bool      // files change faster than they are polled
	refused  status    // the file at path that may not be read
	since    time.Time // it was found so
	reported time.Time // when report last logged
	resting  time.Time // relatives are not looked at again before
	early    bool      // nothing was looked at since the Tailer started
	lost     time.Time // when a lost line was last logged

	wake   chan struct{}
	shared sync.Mutex
	saved  *Checkpoint  // shared: not yet saved
	opened []Mark       // shared: of files
	closed []Mark       // shared: past
	lag    atomic.Int64 // shared: unread bytes of files that are not at path
	size   atomic.Int64 // shared: of the file at path, by the poller
	// frontier is shared: how far the file at path was read. A stream that waits for
	// its consumer falls behind too.
	frontier atomic.Int64
	fault    atomic.Pointer[error] // shared: why the file cannot be read
	ended    atomic.Bool           // shared: nothing is left to read
	busy     atomic.Bool
	lastRun  atomic.Int64
	watch    watch                // the poller's
	name     Name                 // the poller's
	renamed  atomic.Pointer[Name] // shared: the name to go on with
}

func newStream(set *Settings, path string, name Name, c *Checkpoint) *stream {
	s := &stream{
		set: set, path: path, name: name, dir: filepath.Dir(path), base: filepath.Base(path),
		seen: map[Seen]bool{}, pending: map[Seen]time.Time{}, wake: make(chan struct{}, 1),
	}
	var state decode.State
	if c != nil {
		state = c.State
		s.count, s.past = c.Count, c.Past
		for _, x := range c.Seen {
			s.seen[x] = true
		}
	}
	s.decoder = set.Decoder(name, state)
	return s
}

// run reads until ctx is done.
func (s *stream) run(ctx context.Context) {
	defer s.close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		s.busy.Store(true)
		s.stepSafely(ctx)
		if ctx.Err() == nil && s.over() {
			s.ended.Store(true)
			return
		}
		s.lastRun.Store(s.set.Now().UnixNano())
		s.busy.Store(false)
	}
}

func (s *stream) close() {
	for _, f := range s.files {
		_ = f.content.Close()
	}
	s.files, s.current = nil, false
	s.set.memory.held.set(s, 0)
}

// step reads everything that can be read now.
func (s *stream) step(ctx context.Context) {
	if n := s.renamed.Swap(nil); n != nil {
		s.decoder = s.set.Decoder(*n, s.decoder.State())
	}
	for round := 0; ctx.Err() == nil; round++ {
		s.held = false
		err := s.observe()
		s.early = false
		if err != nil {
			s.report("cannot look at log file", err)
			// What is open can be read all the same.
		} else {
			s.failing = false
		}
		again, err := s.drain(ctx)
		if err != nil {
			return
		}
		if !again {
			break
		}
		if s.busyFile = round >= maxRounds; s.busyFile {
			break // at the next poll
		}
	}
	s.flush(ctx)
	s.retire()
	s.measure()
	if !s.failing && s.fault.Load() != nil {
		s.fault.Store(nil)
	}
}

func (s *stream) report(message string, err error) {
	if s.set.skips.met(err) {
		return
	}
	if now := s.set.Now(); !s.failing && now.Sub(s.reported) >= seldom {
		s.reported = now
		s.set.Logger.Warn(message, zap.String("path", s.path), zap.Error(err))
	}
	s.failing = true
	s.fault.Store(&err)
}

// observe looks at the path and its relatives and opens what is new.
func (s *stream) observe() error {
	if s.watch.own.Load() {
		s.disown()
	}
	s.leaveExcluded()
	if err := s.relatives(); err != nil {
		return err
	}
	info, err := statPath(s.path)
	missed := errors.Is(err, fs.ErrNotExist)
	s.watch.missed.Store(missed)
	if missed {
		return nil
	}
	if err != nil {
		return err
	}
	if s.current {
		now, err := s.last().content.status()
		if err != nil {
			return err
		}
		if now.same(info) && !s.watch.own.Load() {
			return nil
		}
		s.set.Meter.Rotated()
		s.last().grown, s.current = s.set.Now(), false
	}
	if s.barred(info) {
		return nil
	}
	content, err := s.set.open(s.path)
	if err != nil {
		s.bar(info, err)
		return err
	}
	at, err := content.status()
	if err != nil {
		return errors.Join(err, content.Close())
	}
	// The file may have been moved back to where it was.
	for i, f := range s.files {
		if f.mark.Device == at.device && f.mark.Inode == at.inode && !f.mark.Copy {
			s.files = append(append(s.files[:i:i], s.files[i+1:]...), f)
			s.current = true
			return content.Close()
		}
	}
	reads, past := s.moved(at)
	if reads {
		return content.Close()
	}
	m, err := s.returned(content, at, past)
	if err != nil {
		return errors.Join(err, content.Close())
	}
	s.push(&file{content: content, mark: m, grown: s.set.Now()})
	s.current = true
	s.publish()
	return nil
}

func (s *stream) fresh(at status) Mark {
	return Mark{Name: s.base, Device: at.device, Inode: at.inode}
}

func (s *stream) last() *file { return s.files[len(s.files)-1] }

// push adds a file behind all others and closes the oldest if there are too many.
func (s *stream) push(f *file) {
	s.files = append(s.files, f)
	if len(s.files) > maxMoved {
		s.set.Logger.Warn("too many rotated files wait to be read; giving up the oldest",
			zap.String("path", s.path), zap.String("file", s.files[0].mark.Name))
		s.drop(0)
	}
}

// drop closes a file and remembers how far it was read.
func (s *stream) drop(i int) {
	f := s.files[i]
	s.remember(f.mark)
	_ = f.content.Close()
	s.files = append(s.files[:i], s.files[i+1:]...)
	if i == len(s.files) {
		s.current = false
	}
	s.publish()
}

func (s *stream) remember(m Mark) {
	if m.ID == 0 || m.Copy {
		return
	}
	s.past = append(s.past, m)
	s.past = append(s.past[:0:0], s.past[max(0, len(s.past)-maxPast):]...)
}

// drain reads every file in turn. It reports true if files have changed so that
// they must be looked at again.
func (s *stream) drain(ctx context.Context) (again bool, err error) {
	for i := 0; i < len(s.files); i++ {
		f := s.files[i]
		err := s.read(ctx, f)
		switch {
		case errors.Is(err, errTruncated):
			s.truncated(i)
			return true, nil
		case errors.Is(err, context.Canceled):
			return false, err
		case err != nil:
			// The other files of the stream can be read all the same.
			s.report("cannot read log file", err)
		}
		if f.mark.Copy {
			s.drop(i)
			i--
		}
	}
	return false, nil
}

// read reads one file from its frontier to its end.
func (s *stream) read(ctx context.Context, f *file) error {
	at, err := f.content.status()
	if err != nil {
		return err
	}
	if at.size >= 0 && at.size < f.mark.Offset {
		return errTruncated
	}
	if at.size == f.mark.Offset {
		return f.unchanged(at)
	}
	if f.tail > 0 && at.size == f.mark.Offset+f.tail && at.modified == f.modified && !f.mark.Copy && s.set.Now().Sub(f.grown) < tailIdle {
		return nil // the half line at the end is as it was
	}
	f.modified = at.modified
	// Not farther than the file's present end, so that a busy file does not keep the
	// others of the stream waiting.
	for (at.size < 0 || f.mark.Offset < at.size) && ctx.Err() == nil {
		b, err := s.block(ctx, f)
		if err != nil {
			return err
		}
		if b.empty() {
			return nil
		}
		if b.hole > 0 {
			f.mark.pass(b.before, b.hole)
			s.set.Meter.Passed(b.hole)
			s.publish()
			continue
		}
		if err := s.deliverOnce(ctx, f, b); err != nil {
			return err
		}
	}
	return nil
}

// deliverOnce delivers a block and releases it.
func (s *stream) deliverOnce(ctx context.Context, f *file, b block) error {
	defer b.release()
	return s.deliver(ctx, f, b)
}

// truncated begins a new content of the file at i: first comes what a copy may hold
// of the old one.
func (s *stream) truncated(i int) {
	f := s.files[i]
	s.set.Meter.Truncated()
	s.remember(f.mark)
	if f.mark.Copy {
		s.drop(i)
		return
	}
	f.mark = Mark{Name: f.mark.Name, Device: f.mark.Device, Inode: f.mark.Inode}
	f.tail, f.grown = 0, s.set.Now()
	s.watch.relatives.Store(true)
	s.publish()
}

// measure notes how much is unread and whether time alone will bring more.
func (s *stream) measure() {
	s.deadline = s.busyFile || s.decoder.Pending() || len(s.pending) > 0 || s.failing || s.held || len(s.files) > 1
	var lag int64
	for _, f := range s.files {
		if f.tail > 0 {
			s.deadline = true
		}
		if at, err := f.content.status(); err == nil && at.size > f.mark.Offset {
			if !s.current || f != s.last() {
				lag += at.size - f.mark.Offset
			}
		} else if err == nil && at.links == 0 {
			s.deadline = true
		}
	}
	s.lag.Store(lag)
	s.watch.deadline.Store(s.deadline)
}

// publish makes the present frontier the one to be saved.
func (s *stream) publish() {
	switch {
	case s.current:
		s.frontier.Store(s.last().mark.Offset)
	case !s.held:
		s.frontier.Store(0)
	}
	marks := make([]Mark, len(s.files))
	for i, f := range s.files {
		marks[i] = f.mark
	}
	var c *Checkpoint
	if s.set.Store != nil {
		c = &Checkpoint{Version: checkpointVersion, Count: s.count, Files: marks, Past: s.past, State: s.decoder.State()}
		for x := range s.seen {
			c.Seen = append(c.Seen, x)
		}
	}
	s.shared.Lock()
	s.saved, s.opened, s.closed = c, marks, s.past
	s.shared.Unlock()
}
