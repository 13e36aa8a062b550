// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/applog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/daemonlog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/finder"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errRejected = errors.New("rejected for now")

// diskStore is a storage client that outlives the tailer, as a disk does.
type diskStore struct {
	mu    sync.Mutex
	data  map[string][]byte
	fault error
	heeds bool // contexts that have ended
	saves int
	ended bool // closed
}

func (m *diskStore) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.data[key], nil
}

func (m *diskStore) Set(ctx context.Context, key string, value []byte) error {
	return m.Batch(ctx, storage.SetOperation(key, value))
}

func (m *diskStore) Delete(ctx context.Context, key string) error {
	return m.Batch(ctx, storage.DeleteOperation(key))
}

func (m *diskStore) Batch(ctx context.Context, ops ...*storage.Operation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault != nil {
		return m.fault
	}
	if m.heeds && ctx.Err() != nil {
		return ctx.Err()
	}
	m.saves++
	for _, op := range ops {
		switch op.Type {
		case storage.Get:
			op.Value = m.data[op.Key]
		case storage.Set:
			m.data[op.Key] = op.Value
		case storage.Delete:
			delete(m.data, op.Key)
		}
	}
	return nil
}

func (m *diskStore) Close(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	return nil
}

func (m *diskStore) isClosed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ended
}

// strict makes the storage heed contexts, as one on a network does.
func (m *diskStore) strict(heeds bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heeds = heeds
}

func (m *diskStore) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = err
}

func (m *diskStore) snapshot() map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.data)
}

// counts is a Meter.
type counts struct {
	truncated, rotated, recovered, redelivered, passed, split, lost atomic.Int64

	mu      sync.Mutex
	skipped map[admit.Reason]int
}

func (c *counts) Read(int, decode.Stats) {}
func (c *counts) Truncated()             { c.truncated.Add(1) }
func (c *counts) Rotated()               { c.rotated.Add(1) }
func (c *counts) Recovered()             { c.recovered.Add(1) }
func (c *counts) Redelivered(n int)      { c.redelivered.Add(int64(n)) }
func (c *counts) Passed(n int64)         { c.passed.Add(n) }
func (c *counts) Split()                 { c.split.Add(1) }
func (c *counts) Lost()                  { c.lost.Add(1) }

func (c *counts) Skipped(reason admit.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.skipped == nil {
		c.skipped = map[admit.Reason]int{}
	}
	c.skipped[reason]++
}

// skips returns how many files were skipped, by their reason.
func (c *counts) skips() map[admit.Reason]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.skipped)
}

// home is a log folder with a reader on it that can be stopped, killed and started
// again, and a consumer that can reject and block.
type home struct {
	t       *testing.T
	dir     string
	store   *diskStore
	fromEnd bool
	include []string
	exclude []string
	any     bool   // files of any owner are read
	daemon  string // the log of PM2 itself
	own     *admit.Own
	faulty  bool // decoders panic on planted lines
	sticky  bool // and while they hold back a planted line
	buffer  int64
	meter   counts
	logs    *observer.ObservedLogs
	logger  *zap.Logger
	skew    atomic.Int64 // added to the clock

	mu      sync.Mutex
	arrived chan struct{} // has an element after lines has grown
	lines   []string      // accepted, in their order
	uids    map[string]string
	reject  func(lines []string) error
	gate    chan struct{} // closed: calls pass
	held    atomic.Int64

	tailer *Tailer
}

func newHome(t *testing.T) *home {
	core, logs := observer.New(zap.WarnLevel)
	h := &home{t: t, dir: t.TempDir(), store: &diskStore{data: map[string][]byte{}}, arrived: make(chan struct{}, 1), uids: map[string]string{}, logs: logs, logger: zap.New(core)}
	h.include = []string{filepath.Join(h.dir, "*.log")}
	t.Cleanup(func() {
		h.open()
		h.kill()
	})
	return h
}

func (h *home) settings() Settings {
	set := Settings{
		Finder: finder.Settings{Include: h.include, Exclude: h.exclude, Daemon: h.daemon},
		Decoder: func(n logname.Name, state decode.State) Decoder {
			if n.Daemon {
				return daemonlog.New(daemonlog.Settings{MaxLine: 1 << 20, Location: time.UTC, Join: true, Original: true}, state)
			}
			return decode.New(decode.Settings{
				Lines:    lines.Settings{MaxLine: 1 << 20, Location: time.UTC, App: n.App, ProcessID: n.ProcessID, Stderr: n.Stderr},
				Log:      applog.Settings{JSON: true, Location: time.UTC},
				Original: true,
			}, state)
		},
		Consume: h.consume, Store: checkpoint.NewStore(h.store), FromEnd: h.fromEnd, PollInterval: 5 * time.Millisecond,
		Now:   func() time.Time { return time.Now().Add(time.Duration(h.skew.Load())) },
		Meter: &h.meter, Logger: h.logger, Recovery: recovery.New(h.logger), Own: h.own, AnyOwner: h.any, MaxBuffer: h.buffer,
	}
	if sound := set.Decoder; h.faulty {
		set.Decoder = func(n logname.Name, state decode.State) Decoder { return &faulty{sound(n, state), h.sticky} }
	}
	return set
}

func (h *home) start() {
	h.t.Helper()
	h.tailer = New(h.settings())
	require.NoError(h.t, h.tailer.Start(h.t.Context()))
}

// stop ends the reader as a collector does.
func (h *home) stop() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	require.NoError(h.t, h.tailer.Shutdown(ctx))
	h.tailer = nil
}

// kill ends the reader as kill -9 does: nothing is saved any more.
func (h *home) kill() {
	if h.tailer != nil {
		h.store.fail(errors.New("killed"))
		h.tailer.stop()
		h.tailer.done.Wait()
		h.tailer = nil
		h.store.fail(nil)
	}
}

func (h *home) consume(ctx context.Context, logs plog.Logs) (plog.Logs, bool, error) {
	var got, uids []string
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, rec := range sl.LogRecords().All() {
				line, _ := rec.Attributes().Get("log.record.original")
				uid, _ := rec.Attributes().Get("log.record.uid")
				got, uids = append(got, line.Str()), append(uids, uid.Str())
			}
		}
	}
	h.mu.Lock()
	reject, gate := h.reject, h.gate
	h.mu.Unlock()
	if gate != nil {
		h.held.Add(1)
		select {
		case <-gate:
		case <-ctx.Done():
			return plog.Logs{}, false, ctx.Err()
		}
	}
	if reject != nil {
		if err := reject(got); err != nil {
			return plog.Logs{}, false, err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, got...)
	select {
	case h.arrived <- struct{}{}:
	default:
	}
	for i, uid := range uids {
		if other, has := h.uids[uid]; has && other != got[i] {
			h.t.Errorf("uid %s names %q and %q", uid, other, got[i])
		}
		h.uids[uid] = got[i]
	}
	return plog.Logs{}, false, nil
}

func (h *home) rejectWith(f func([]string) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reject = f
}

func (h *home) block() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gate = make(chan struct{})
}

func (h *home) open() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gate != nil {
		close(h.gate)
		h.gate = nil
	}
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

// write appends text to a file, as PM2 does.
func (h *home) write(name, text string) {
	h.t.Helper()
	f, err := os.OpenFile(h.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(h.t, err)
	_, err = f.WriteString(text)
	require.NoError(h.t, err)
	require.NoError(h.t, f.Close())
}

// numbered returns lines first to last of a text log.
func numbered(tag string, first, last int) string {
	var b strings.Builder
	for i := first; i <= last; i++ {
		fmt.Fprintf(&b, "%s %06d\n", tag, i)
	}
	return b.String()
}

func split(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

func (h *home) got() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.lines...)
}

// eventually waits until exactly the lines of all texts have arrived, in any order.
func (h *home) eventually(texts ...string) {
	h.t.Helper()
	var want []string
	for _, text := range texts {
		want = append(want, split(text)...)
	}
	deadline := time.After(30 * time.Second)
	for late := false; len(h.got()) < len(want) && !late; {
		select {
		case <-h.arrived:
		case <-deadline:
			late = true
		}
	}
	h.waitForPolls()
	got := h.got()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		missing, extra := difference(want, got), difference(got, want)
		assert.Fail(h.t, "lines differ", "want %d, got %d; missing %d: %.5q; extra %d: %.5q", len(want), len(got), len(missing), missing, len(extra), extra)
	}
}

// difference returns the elements that a has more often than b.
func difference(a, b []string) (rest []string) {
	count := map[string]int{}
	for _, x := range b {
		count[x]++
	}
	for _, x := range a {
		if count[x]--; count[x] < 0 && len(rest) < 5 {
			rest = append(rest, x)
		}
	}
	return rest
}

// waitForPolls waits for several polls, so that a wrong reaction of the reader shows.
func (h *home) waitForPolls() { h.polls(6) }

// polls waits until the reader has polled n times from now on, if it runs.
func (h *home) polls(n uint64) {
	h.t.Helper()
	if h.tailer == nil {
		return
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(30 * time.Second)
	for first := h.tailer.Polls(); h.tailer.Polls() < first+n; <-tick.C {
		require.True(h.t, time.Now().Before(deadline), "the reader does not poll")
	}
}

// saved waits until the checkpoint of a file has at least the offset.
func (h *home) saved(name string, offset int64) {
	h.t.Helper()
	require.Eventually(h.t, func() bool {
		c, err := checkpoint.NewStore(h.store).Load(h.t.Context(), h.path(name))
		return err == nil && c != nil && len(c.Files) > 0 && c.Files[len(c.Files)-1].Offset >= offset
	}, 30*time.Second, 5*time.Millisecond)
}

func (h *home) size(name string) int64 {
	info, err := os.Stat(h.path(name))
	require.NoError(h.t, err)
	return info.Size()
}

func (h *home) advance(d time.Duration) { h.skew.Add(int64(d)) }
