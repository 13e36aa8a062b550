// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package segmented

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
)

// gatewayLog is a log whose writer a test opens and closes.
type gatewayLog struct {
	t   *testing.T
	set Settings
}

const testMaxBytes = 8 * 2500

func newGatewayLog(t *testing.T) *gatewayLog { return newGatewayLogIn(t, t.TempDir()) }

// memoryDir returns a directory in memory if the system has one.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "segmented") //nolint:usetesting // t.TempDir cannot name the parent directory
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func newGatewayLogIn(t *testing.T, dir string) *gatewayLog {
	return &gatewayLog{t, gatewaySettings(dir)}
}

func gatewaySettings(dir string) Settings {
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return Settings{
		Directory: filepath.Join(dir, "log"), KeyFile: filepath.Join(dir, "log.key"), MaxBytes: testMaxBytes, Actor: "bearer_key_auth", User: "u@host",
		Now: func() time.Time { clock = clock.Add(time.Minute); return clock },
	}
}

func rejected(source string) *audit.Entry {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return &audit.Entry{
		Time: at.Add(time.Minute), Actor: "bearer_key_auth", User: "u@host", Action: "auth reject",
		Rejected: &audit.Rejected{Source: source, From: at, To: at.Add(time.Minute), Reasons: map[string]int64{"unknown_key": 3}},
	}
}

func (g *gatewayLog) open() *Log {
	g.t.Helper()
	s, err := Open(g.t.Context(), g.set)
	require.NoError(g.t, err)
	return s
}

// add opens the log, adds an entry for each source, and closes it.
func (g *gatewayLog) add(sources ...string) {
	g.t.Helper()
	s := g.open()
	for _, source := range sources {
		require.NoError(g.t, s.Append(g.t.Context(), rejected(source)))
	}
	require.NoError(g.t, s.Close())
}

func (g *gatewayLog) anchors() audit.Anchors {
	g.t.Helper()
	key, err := audit.ReadKey(g.set.KeyFile)
	require.NoError(g.t, err)
	return audit.Anchors{Public: key.Public(), LastKnown: LastKnown(g.set.KeyFile)}
}

func (g *gatewayLog) verify() *Report {
	g.t.Helper()
	r, err := Verify(g.t.Context(), g.set.Directory, g.anchors())
	require.NoError(g.t, err)
	return r
}

// requireIntact fails the test if the log has a fault.
func (g *gatewayLog) requireIntact() *Report {
	g.t.Helper()
	r := g.verify()
	require.Empty(g.t, r.Faults)
	return r
}

// sources returns the sources of the entries in their order.
func (g *gatewayLog) sources() []string {
	g.t.Helper()
	var out []string
	require.NoError(g.t, Entries(g.t.Context(), g.set.Directory, func(_ int64, e *audit.Entry) error {
		if e.Rejected != nil {
			out = append(out, e.Rejected.Source)
		}
		return nil
	}))
	return out
}

func numbered(from, to int) (out []string) {
	for n := from; n < to; n++ {
		out = append(out, fmt.Sprintf("10.0.0.%d", n))
	}
	return out
}

func (g *gatewayLog) size() (size int64) {
	g.t.Helper()
	require.NoError(g.t, filepath.WalkDir(g.set.Directory, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		size += info.Size()
		return err
	}))
	return size
}

// snapshot returns the files of the log, the key and the last known checkpoint.
func (g *gatewayLog) snapshot() map[string][]byte {
	g.t.Helper()
	out := make(map[string][]byte)
	require.NoError(g.t, filepath.WalkDir(filepath.Dir(g.set.Directory), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		out[path], err = os.ReadFile(path)
		return err
	}))
	return out
}

// restore replaces all files.
func (g *gatewayLog) restore(files map[string][]byte) {
	g.t.Helper()
	require.NoError(g.t, os.RemoveAll(g.set.Directory))
	for path, data := range files {
		require.NoError(g.t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(g.t, os.WriteFile(path, data, 0o600))
	}
}

func TestLog_KeepsTheNewestEntriesWithinItsLimit(t *testing.T) {
	g := newGatewayLog(t)
	var kept []audit.Kept
	pruned := false
	for n := range 70 {
		g.add(numbered(n, n+1)...)
		r := g.requireIntact()
		require.Empty(t, r.Warnings)
		require.Less(t, g.size(), int64(testMaxBytes))
		kept = append(kept, audit.Kept{Name: "kept", Data: []byte(r.Checkpoint)})
		pruned = pruned || r.First > 1
	}
	require.True(t, pruned, "the oldest segments are pruned")
	sources := g.sources()
	require.Greater(t, len(sources), 20)
	assert.Equal(t, numbered(70-len(sources), 70), sources, "the newest entries without a gap")

	// A checkpoint stored elsewhere proves the entries that still exist.
	anchors := g.anchors()
	anchors.Kept = kept[len(kept)-20:]
	r, err := Verify(t.Context(), g.set.Directory, anchors)
	require.NoError(t, err)
	assert.Empty(t, r.Faults)
	anchors.Kept = kept[:1]
	r, err = Verify(t.Context(), g.set.Directory, anchors)
	require.NoError(t, err)
	assert.Empty(t, r.Faults)
	assert.Equal(t, []string{"the checkpoint of segment 1 cannot be compared, because the segment was pruned"}, r.Warnings)
}

func TestLog_ContinuesTheCurrentSegment(t *testing.T) {
	g := newGatewayLog(t)
	g.set.MaxBytes = 1 << 20
	s := g.open()
	require.NoError(t, s.Append(t.Context(), rejected("a"), rejected("b")))
	require.NoError(t, s.Append(t.Context()), "without entries nothing changes")
	require.NoError(t, s.Append(t.Context(), rejected("c")))
	require.NoError(t, s.Close())
	g.add("d")
	r := g.requireIntact()
	assert.Equal(t, int64(1), r.Last)
	assert.Equal(t, int64(5), r.Entries)
	assert.Equal(t, []string{"a", "b", "c", "d"}, g.sources())
	key, err := audit.ReadKey(g.set.KeyFile)
	require.NoError(t, err)
	assert.Equal(t, key.Public(), s.Public())
}

func TestOpen_RejectsASecondWriter(t *testing.T) {
	g := newGatewayLog(t)
	s := g.open()
	_, err := Open(t.Context(), g.set)
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, s.Close())
	g.add("a")
	g.requireIntact()
}

func TestOpen_DoesNotReplaceAMissingKey(t *testing.T) {
	g := newGatewayLog(t)
	g.add("a")
	require.NoError(t, os.Remove(g.set.KeyFile))
	_, err := Open(t.Context(), g.set)
	require.ErrorIs(t, err, audit.ErrNoKey)
	require.NoError(t, os.RemoveAll(g.set.Directory))
	_, err = Open(t.Context(), g.set)
	require.ErrorIs(t, err, audit.ErrNoKey, "the last known checkpoint shows that the log existed")
}

// A crash may leave any prefix of what an Append writes: entries, hashes,
// checkpoint, last known checkpoint.
func TestLog_SurvivesACrashAtEveryByte(t *testing.T) {
	g := newGatewayLogIn(t, memoryDir(t))
	g.add(numbered(0, 4)...)
	before := g.snapshot()
	sources := g.sources()
	g.add("10.9.9.9")
	after := g.snapshot()
	segment := segmentPath(g.set.Directory, g.requireIntact().Last)
	steps := []string{filepath.Join(segment, "entries.jsonl"), filepath.Join(segment, "hashes"), filepath.Join(segment, "checkpoint"), LastKnown(g.set.KeyFile)}
	attempts := 0
	for n, path := range steps {
		first := len(before[path])
		if n >= 2 {
			first = len(after[path]) // the last two files are replaced atomically
		}
		for size := first; size <= len(after[path]); size++ {
			state := make(map[string][]byte)
			for p, data := range before {
				state[p] = data
			}
			for _, done := range steps[:n] {
				state[done] = after[done]
			}
			state[path] = after[path][:size]
			g.restore(state)
			g.requireIntact() // also before a writer repairs it
			g.add("10.1.1.1")
			r := g.requireIntact()
			require.Empty(t, r.Warnings)
			got := strings.Join(g.sources(), " ")
			require.True(t, strings.HasPrefix(got, strings.Join(sources, " ")+" "), "step %d, %d bytes: %s", n, size, got)
			require.True(t, strings.HasSuffix(got, " 10.1.1.1"), got)
			attempts++
		}
	}
	require.Greater(t, attempts, 200)
}

func TestLog_SurvivesACrashWhileASegmentStarts(t *testing.T) {
	for _, files := range [][]string{{}, {"entries.jsonl"}, {"entries.jsonl", "hashes"}} {
		g := newGatewayLog(t)
		g.add(numbered(0, 3)...)
		last := g.requireIntact().Last
		state := g.snapshot()
		next := g.open()
		require.NoError(t, next.complete())
		require.NoError(t, next.startSegment(t.Context()))
		require.NoError(t, next.Close())
		started := g.snapshot()
		g.restore(state)
		dir := segmentPath(g.set.Directory, last+1)
		require.NoError(t, os.Mkdir(dir, 0o700))
		for _, name := range files {
			path := filepath.Join(dir, name)
			require.NoError(t, os.WriteFile(path, started[path], 0o600))
		}
		assert.Equal(t, []string{fmt.Sprintf("segment %d is incomplete", last+1)}, g.requireIntact().Warnings)
		g.add(numbered(3, 20)...)
		assert.Empty(t, g.requireIntact().Warnings)
		assert.Equal(t, numbered(0, 20), g.sources())
	}
}

// A full disk makes an Append fail in the middle.
func TestLog_ContinuesAfterAFailedAppend(t *testing.T) {
	g := newGatewayLog(t)
	g.add("a")
	s := g.open()
	require.NoError(t, s.complete())
	checkpoint := filepath.Join(s.dir.Path(), "checkpoint")
	require.NoError(t, os.Rename(checkpoint, checkpoint+".away"))
	require.NoError(t, os.Mkdir(checkpoint, 0o700))
	require.Error(t, s.Append(t.Context(), rejected("b")))
	data, err := os.ReadFile(filepath.Join(s.dir.Path(), "entries.jsonl"))
	require.NoError(t, err)
	require.Contains(t, string(data), `"source":"b"`, "the failed Append left data")
	require.NoError(t, os.Remove(checkpoint))
	require.NoError(t, os.Rename(checkpoint+".away", checkpoint))
	require.NoError(t, s.Append(t.Context(), rejected("b"), rejected("c")))
	require.NoError(t, s.Close())
	g.requireIntact()
	assert.Equal(t, []string{"a", "b", "c"}, g.sources())
}

func TestLog_KeepsADamagedSegmentAndContinues(t *testing.T) {
	for name, damage := range map[string]func(dir *audit.Dir) error{
		"no checkpoint": func(dir *audit.Dir) error { return os.Remove(filepath.Join(dir.Path(), "checkpoint")) },
		"no hashes":     func(dir *audit.Dir) error { return os.Remove(filepath.Join(dir.Path(), "hashes")) },
		"a missing entry": func(dir *audit.Dir) error {
			data, err := os.ReadFile(filepath.Join(dir.Path(), "entries.jsonl"))
			if err != nil {
				return err
			}
			at := bytes.LastIndexByte(data[:len(data)-1], '\n')
			return os.WriteFile(filepath.Join(dir.Path(), "entries.jsonl"), data[:at+1], 0o600)
		},
		"missing": func(dir *audit.Dir) error { return os.RemoveAll(dir.Path()) },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGatewayLog(t)
			g.set.MaxBytes = 1 << 20
			g.add("a", "b")
			dir := openSegment(g.set.Directory, 1)
			require.NoError(t, damage(dir))
			require.NotEmpty(t, g.verify().Faults)
			g.add("c")
			r := g.verify()
			assert.Equal(t, int64(2), r.Last)
			assert.Contains(t, strings.Join(r.Faults, "\n"), "segment 2 was started because the previous segment could not be continued")
			g.add("d")
			assert.Equal(t, int64(2), g.verify().Last, "an intact segment is continued")
			_, err := os.Stat(dir.Path())
			assert.Equal(t, name == "missing", os.IsNotExist(err), "the damaged segment remains as evidence")
		})
	}
}

func TestVerify_DuringWrites(t *testing.T) {
	g := newGatewayLog(t)
	g.add("first")
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		s, err := Open(t.Context(), g.set)
		for n := 0; err == nil; n++ {
			select {
			case <-stop:
				done <- s.Close()
				return
			default:
				err = s.Append(t.Context(), rejected(fmt.Sprint(n)))
			}
		}
		done <- err
	}()
	for range 50 {
		g.requireIntact()
	}
	close(stop)
	require.NoError(t, <-done)
	g.requireIntact()
}

// The README describes how to start a new log.
func TestLog_StartsOverAfterAllFilesAreMovedAway(t *testing.T) {
	g := newGatewayLog(t)
	g.add("a")
	checkpoint := g.requireIntact().Checkpoint
	for _, path := range []string{g.set.Directory, g.set.KeyFile, LastKnown(g.set.KeyFile)} {
		require.NoError(t, os.Rename(path, path+".old"))
	}
	g.add("b")
	r := g.requireIntact()
	assert.Empty(t, r.Warnings)
	assert.Equal(t, []string{"b"}, g.sources())
	assert.NotEqual(t, checkpoint, r.Checkpoint)
	old := *g
	old.set.Directory, old.set.KeyFile = g.set.Directory+".old", g.set.KeyFile+".old"
	key, err := audit.ReadKey(old.set.KeyFile)
	require.NoError(t, err)
	r, err = Verify(t.Context(), old.set.Directory, audit.Anchors{Public: key.Public(), LastKnown: LastKnown(g.set.KeyFile) + ".old"})
	require.NoError(t, err)
	assert.Empty(t, r.Faults, "the old log is still intact")
}
