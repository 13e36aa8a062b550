// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logfile"
)

// livesSeeds is the variable of the environment that asks for other seeds: "7" or "1-5000".
const livesSeeds = "PM2_LIVES_SEEDS"

// TestLives_Random lets files live through anything that may happen to them, in random
// order, and wants every line once. Left out is what the README says nobody can do: to
// destroy what was not read, and to write to a file that nobody reads any more.
func TestLives_Random(t *testing.T) {
	first, last := uint64(1), uint64(16)
	if wanted := os.Getenv(livesSeeds); wanted != "" {
		from, to, many := strings.Cut(wanted, "-")
		if !many {
			to = from
		}
		var err error
		first, err = strconv.ParseUint(from, 10, 64)
		require.NoError(t, err)
		last, err = strconv.ParseUint(to, 10, 64)
		require.NoError(t, err)
	}
	var group sync.WaitGroup
	slots := make(chan struct{}, 24) // they sleep most of the time
	for seed := first; seed <= last; seed++ {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { newWorld(t, seed).live(30) })
		})
	}
	group.Wait()
}

// keeps is for how long a moved file is written to: the reader gives it up after rotatedTimeout
// at the earliest, and waiting for lines takes some of the time.
const keeps = rotatedTimeout - 2*time.Minute

// inode is a file under whatever name.
type inode struct {
	name  string // "" if it has none
	lines []string
	// fed is when a line of it had last arrived, on the world's clock.
	fed time.Duration
	// seen is set once a line of its content has arrived.
	seen bool
	// aside is set while its name, since moved, matches no pattern.
	aside bool
	moved time.Duration
	// placed is set once the log of its new name knows it.
	placed bool
}

// world is a folder of log files and the expected lines.
type world struct {
	*home
	seed    uint64
	random  *rand.Rand
	apps    []string
	writers map[string]*os.File // of apps, as PM2 keeps them
	writing map[string]*inode
	files   []*inode
	clock   time.Duration
	count   int
	want    []string
	rejects int // for so many steps
	away    int // the reader, for so many steps
	trace   []string
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{home: newHome(t), seed: seed, random: rand.New(rand.NewPCG(seed, 0)), writers: map[string]*os.File{}, writing: map[string]*inode{}}
	w.apps = []string{"a", "b", "c", "d"}[:2+w.random.IntN(3)]
	t.Cleanup(func() {
		for _, f := range w.writers {
			_ = f.Close()
		}
		if t.Failed() || slices.Contains(w.trace, "waited too long") {
			t.Logf("%s=%d:\n%s", livesSeeds, seed, strings.Join(w.trace, "\n"))
		}
	})
	return w
}

func (w *world) did(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf(format, args...))
}

func (w *world) live(steps int) {
	defer func() {
		if w.rejects > 0 {
			w.rejectWith(nil)
		}
	}()
	w.start()
	for range steps {
		w.step()
		if w.t.Failed() {
			return
		}
		if w.random.IntN(3) == 0 {
			time.Sleep(time.Duration(w.random.IntN(15)) * time.Millisecond) // steps fall at any moment of a poll
		}
		w.ebb()
	}
	w.rejects, w.away = min(w.rejects, 1), min(w.away, 1)
	w.ebb()
	for range 2 {
		if !w.arrived() {
			return
		}
		w.placed()
		w.pass(rotatedTimeout + time.Second)
		w.waitForPolls()
		w.pass(scanInterval)
		w.waitForPolls()
		w.stop()
		w.start()
	}
	w.waitForPolls()
	w.arrived()
}

// ebb ends rejections and stops after some steps.
func (w *world) ebb() {
	if w.rejects > 0 {
		if w.rejects--; w.rejects == 0 {
			w.did("accept")
			w.rejectWith(nil)
		}
	}
	if w.away > 0 {
		if w.away--; w.away == 0 {
			w.did("start")
			w.start()
		}
	}
}

func (w *world) pass(d time.Duration) {
	w.tended()
	w.clock += d
	w.advance(d)
}

// arrived waits until all lines are there, and reports whether they are, once each.
func (w *world) arrived() bool {
	w.until(func() bool { return len(w.got()) >= len(w.want) })
	got := w.got()
	slices.Sort(got)
	want := slices.Sorted(slices.Values(w.want))
	if !slices.Equal(got, want) {
		w.t.Errorf("missing %q, too many %q", difference(want, got), difference(got, want))
		return false
	}
	for _, f := range w.files {
		if len(f.lines) > 0 {
			f.lines, f.seen, f.fed = nil, true, w.clock
		}
	}
	return true
}

// read reports whether everything that was written has arrived.
func (w *world) read() bool {
	if w.rejects > 0 || w.away > 0 {
		return len(w.got()) == len(w.want)
	}
	return w.arrived()
}

func (w *world) at(name string) *inode {
	i := slices.IndexFunc(w.files, func(f *inode) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	return w.files[i]
}

// idle reports whether a moved file may be given up right now by the stream of its old name,
// and be no other stream's yet.
func (w *world) idle(f *inode) bool {
	return f.moved > 0 && w.clock-max(f.moved, f.fed) >= keeps && !w.own(f)
}

// own reports whether the stream of its name has a file open.
func (w *world) own(f *inode) bool {
	s := w.stream(f.name)
	return s != nil && w.has(s, f)
}

func (w *world) has(l *log, f *inode) bool {
	at, err := logfile.Stat(w.path(f.name))
	return err == nil && slices.ContainsFunc(l.published().open, func(p checkpoint.File) bool { return p.Inode == at.Inode })
}

// tended waits until no moved file is between two streams.
func (w *world) tended() {
	if w.away > 0 {
		return
	}
	for _, f := range w.files {
		if !f.placed || f.aside || f.name == "" {
			continue
		}
		require.Eventually(w.t, func() bool {
			return slices.ContainsFunc(w.tailer.all(), func(l *log) bool { return w.has(l, f) })
		}, 30*time.Second, 2*time.Millisecond, f.name)
	}
}

func (w *world) stream(name string) *log {
	if w.away > 0 {
		return nil
	}
	all := w.tailer.all()
	if i := slices.IndexFunc(all, func(l *log) bool { return l.base == name }); i >= 0 {
		return all[i]
	}
	return nil
}

// placed waits until the streams of all moved files have them or know that others do.
func (w *world) placed() {
	if w.away > 0 || w.rejects > 0 {
		return
	}
	for _, f := range w.files {
		if f.moved == 0 || f.aside || f.name == "" {
			continue
		}
		runs, last := 0, int64(0) // one that is held looks at every poll
		w.until(func() bool {
			if s := w.stream(f.name); s != nil && s.lastRun.Load() != last {
				runs, last = runs+1, s.lastRun.Load()
			}
			f.placed = runs > 3 || w.own(f)
			return f.placed
		})
	}
}

// until waits for something that may need some time to pass on the clock: a change of the
// folder may bear the time of the one before.
func (w *world) until(done func() bool) {
	begun := time.Now()
	for _, limit := range []time.Duration{30 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, 5 * time.Second, 30 * time.Second} {
		for time.Since(begun) < limit {
			if done() {
				return
			}
			w.polls(1)
		}
		w.pass(scanInterval)
	}
	w.did("waited too long")
}
