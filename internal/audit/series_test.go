package audit

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
)

// gatewayLog is a series of which a test opens and closes the writer.
type gatewayLog struct {
	t   *testing.T
	set SeriesSettings
}

const testMaxBytes = 8 * 2500

func newGatewayLog(t *testing.T) *gatewayLog { return newGatewayLogIn(t, t.TempDir()) }

func newGatewayLogIn(t *testing.T, dir string) *gatewayLog {
	return &gatewayLog{t, gatewaySettings(dir)}
}

func gatewaySettings(dir string) SeriesSettings {
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return SeriesSettings{
		Path: filepath.Join(dir, "log"), Key: filepath.Join(dir, "log.key"), MaxBytes: testMaxBytes, Actor: "bearer_key_auth", User: "u@host",
		Now: func() time.Time { clock = clock.Add(time.Minute); return clock },
	}
}

func refusal(source string) *Entry {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return &Entry{
		Time: at.Add(time.Minute), Actor: "bearer_key_auth", User: "u@host", Action: "auth refuse",
		Refused: &Refused{Source: source, From: at, To: at.Add(time.Minute), Reasons: map[string]int64{"unknown_key": 3}},
	}
}

func (g *gatewayLog) open() *Series {
	g.t.Helper()
	s, err := OpenSeries(g.t.Context(), g.set)
	require.NoError(g.t, err)
	return s
}

// add opens the series, adds an entry for each source, and closes it.
func (g *gatewayLog) add(sources ...string) {
	g.t.Helper()
	s := g.open()
	for _, source := range sources {
		require.NoError(g.t, s.Append(g.t.Context(), refusal(source)))
	}
	require.NoError(g.t, s.Close())
}

func (g *gatewayLog) proof() Proof {
	g.t.Helper()
	key, err := ReadKey(g.set.Key)
	require.NoError(g.t, err)
	return Proof{Public: key.Public(), Seen: SeriesSeen(g.set.Key)}
}

func (g *gatewayLog) verify() *SeriesReport {
	g.t.Helper()
	r, err := VerifySeries(g.t.Context(), g.set.Path, g.proof())
	require.NoError(g.t, err)
	return r
}

func (g *gatewayLog) whole() *SeriesReport {
	g.t.Helper()
	r := g.verify()
	require.Empty(g.t, r.Faults)
	return r
}

// sources returns what the entries are about, in their order.
func (g *gatewayLog) sources() []string {
	g.t.Helper()
	var out []string
	require.NoError(g.t, SeriesEntries(g.t.Context(), g.set.Path, func(_ int64, e *Entry) error {
		if e.Refused != nil {
			out = append(out, e.Refused.Source)
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
	require.NoError(g.t, filepath.WalkDir(g.set.Path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		size += info.Size()
		return err
	}))
	return size
}

// snapshot returns all files of the log and what is beside it.
func (g *gatewayLog) snapshot() map[string][]byte {
	g.t.Helper()
	out := make(map[string][]byte)
	require.NoError(g.t, filepath.WalkDir(filepath.Dir(g.set.Path), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		out[path], err = os.ReadFile(path)
		return err
	}))
	return out
}

// restore makes files all that there is.
func (g *gatewayLog) restore(files map[string][]byte) {
	g.t.Helper()
	require.NoError(g.t, os.RemoveAll(g.set.Path))
	for path, data := range files {
		require.NoError(g.t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(g.t, os.WriteFile(path, data, 0o600))
	}
}

func TestSeries_KeepsTheLatestWithinItsBound(t *testing.T) {
	g := newGatewayLog(t)
	var kept []Kept
	removed := false
	for n := range 70 {
		g.add(numbered(n, n+1)...)
		r := g.whole()
		require.Empty(t, r.Warnings)
		require.Less(t, g.size(), int64(testMaxBytes))
		kept = append(kept, Kept{"kept", []byte(r.Checkpoint)})
		removed = removed || r.First > 1
	}
	require.True(t, removed, "the oldest parts made room")
	sources := g.sources()
	require.Greater(t, len(sources), 20)
	assert.Equal(t, numbered(70-len(sources), 70), sources, "the latest, without a gap")

	// A checkpoint that was kept elsewhere proves what is still there.
	proof := g.proof()
	proof.Others = kept[len(kept)-20:]
	r, err := VerifySeries(t.Context(), g.set.Path, proof)
	require.NoError(t, err)
	assert.Empty(t, r.Faults)
	proof.Others = kept[:1]
	r, err = VerifySeries(t.Context(), g.set.Path, proof)
	require.NoError(t, err)
	assert.Empty(t, r.Faults)
	assert.Equal(t, []string{"the checkpoint of part 1 cannot be compared, that part has made room"}, r.Warnings)
}

func TestSeries_GoesOnWithinOnePart(t *testing.T) {
	g := newGatewayLog(t)
	g.set.MaxBytes = 1 << 20
	s := g.open()
	require.NoError(t, s.Append(t.Context(), refusal("a"), refusal("b")))
	require.NoError(t, s.Append(t.Context()), "no entry is no change")
	require.NoError(t, s.Append(t.Context(), refusal("c")))
	require.NoError(t, s.Close())
	g.add("d")
	r := g.whole()
	assert.Equal(t, int64(1), r.Last)
	assert.Equal(t, int64(5), r.Entries)
	assert.Equal(t, []string{"a", "b", "c", "d"}, g.sources())
	key, err := ReadKey(g.set.Key)
	require.NoError(t, err)
	assert.Equal(t, key.Public(), s.Public())
}

func TestSeries_IsOneProgramsAtATime(t *testing.T) {
	g := newGatewayLog(t)
	s := g.open()
	_, err := OpenSeries(t.Context(), g.set)
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, s.Close())
	g.add("a")
	g.whole()
}

func TestSeries_NeverSignsWithAnotherKey(t *testing.T) {
	g := newGatewayLog(t)
	g.add("a")
	require.NoError(t, os.Remove(g.set.Key))
	_, err := OpenSeries(t.Context(), g.set)
	require.ErrorIs(t, err, ErrNoKey)
	require.NoError(t, os.RemoveAll(g.set.Path))
	_, err = OpenSeries(t.Context(), g.set)
	require.ErrorIs(t, err, ErrNoKey, "the checkpoint seen last says that there was a log")
}

// A crash may leave any beginning of what an Append writes: entries, then hashes,
// then the checkpoint, then what is seen.
func TestSeries_OutlivesACrashAtEveryByte(t *testing.T) {
	g := newGatewayLogIn(t, memoryDir(t))
	g.add(numbered(0, 4)...)
	before := g.snapshot()
	was := g.sources()
	g.add("10.9.9.9")
	after := g.snapshot()
	part := partPath(g.set.Path, g.whole().Last)
	steps := []string{filepath.Join(part, "entries.jsonl"), filepath.Join(part, "hashes"), filepath.Join(part, "checkpoint"), SeriesSeen(g.set.Key)}
	tried := 0
	for n, path := range steps {
		first := len(before[path])
		if n >= 2 {
			first = len(after[path]) // the last two are replaced as a whole
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
			g.whole() // also before anybody goes on with it
			g.add("10.1.1.1")
			r := g.whole()
			require.Empty(t, r.Warnings)
			got := strings.Join(g.sources(), " ")
			require.True(t, strings.HasPrefix(got, strings.Join(was, " ")+" "), "step %d, %d bytes: %s", n, size, got)
			require.True(t, strings.HasSuffix(got, " 10.1.1.1"), got)
			tried++
		}
	}
	require.Greater(t, tried, 200)
}

func TestSeries_OutlivesACrashWhileAPartBegins(t *testing.T) {
	for _, files := range [][]string{{}, {"entries.jsonl"}, {"entries.jsonl", "hashes"}} {
		g := newGatewayLog(t)
		g.add(numbered(0, 3)...)
		last := g.whole().Last
		state := g.snapshot()
		next := g.open()
		require.NoError(t, next.settle())
		require.NoError(t, next.begin(t.Context()))
		require.NoError(t, next.Close())
		made := g.snapshot()
		g.restore(state)
		dir := partPath(g.set.Path, last+1)
		require.NoError(t, os.Mkdir(dir, 0o700))
		for _, name := range files {
			path := filepath.Join(dir, name)
			require.NoError(t, os.WriteFile(path, made[path], 0o600))
		}
		assert.Equal(t, []string{fmt.Sprintf("part %d was about to begin", last+1)}, g.whole().Warnings)
		g.add(numbered(3, 20)...)
		assert.Empty(t, g.whole().Warnings)
		assert.Equal(t, numbered(0, 20), g.sources())
	}
}

// A disk that is full fails an Append somewhere in the middle.
func TestSeries_GoesOnAfterAFailedAppend(t *testing.T) {
	g := newGatewayLog(t)
	g.add("a")
	s := g.open()
	require.NoError(t, s.settle())
	checkpoint := s.dir.checkpoint()
	require.NoError(t, os.Rename(checkpoint, checkpoint+".away"))
	require.NoError(t, os.Mkdir(checkpoint, 0o700))
	require.Error(t, s.Append(t.Context(), refusal("b")))
	data, err := os.ReadFile(s.dir.entries())
	require.NoError(t, err)
	require.Contains(t, string(data), `"source":"b"`, "what failed is there in part")
	require.NoError(t, os.Remove(checkpoint))
	require.NoError(t, os.Rename(checkpoint+".away", checkpoint))
	require.NoError(t, s.Append(t.Context(), refusal("b"), refusal("c")))
	require.NoError(t, s.Close())
	g.whole()
	assert.Equal(t, []string{"a", "b", "c"}, g.sources())
}

func TestSeries_LeavesADamagedPartAndGoesOn(t *testing.T) {
	for name, damage := range map[string]func(dir *Dir) error{
		"no checkpoint": func(dir *Dir) error { return os.Remove(dir.checkpoint()) },
		"no hashes":     func(dir *Dir) error { return os.Remove(dir.hashes()) },
		"an entry less": func(dir *Dir) error {
			data, err := os.ReadFile(dir.entries())
			if err != nil {
				return err
			}
			at := bytes.LastIndexByte(data[:len(data)-1], '\n')
			return os.WriteFile(dir.entries(), data[:at+1], 0o600)
		},
		"gone": func(dir *Dir) error { return os.RemoveAll(dir.path) },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGatewayLog(t)
			g.set.MaxBytes = 1 << 20
			g.add("a", "b")
			dir := NewDir(partPath(g.set.Path, 1))
			require.NoError(t, damage(dir))
			require.NotEmpty(t, g.verify().Faults)
			g.add("c")
			r := g.verify()
			assert.Equal(t, int64(2), r.Last)
			assert.Contains(t, strings.Join(r.Faults, "\n"), "part 2 was begun because the one before could not be continued")
			g.add("d")
			assert.Equal(t, int64(2), g.verify().Last, "what is whole is continued")
			_, err := os.Stat(dir.path)
			assert.Equal(t, name == "gone", os.IsNotExist(err), "the damaged part stays as evidence")
		})
	}
}

func TestVerifySeries_WhileItIsWritten(t *testing.T) {
	g := newGatewayLog(t)
	g.add("first")
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		s, err := OpenSeries(t.Context(), g.set)
		for n := 0; err == nil; n++ {
			select {
			case <-stop:
				done <- s.Close()
				return
			default:
				err = s.Append(t.Context(), refusal(fmt.Sprint(n)))
			}
		}
		done <- err
	}()
	for range 50 {
		g.whole()
	}
	close(stop)
	require.NoError(t, <-done)
	g.whole()
}

// The README says how a log is begun anew.
func TestSeries_BeginsAnewOnceAllOfItIsMovedAway(t *testing.T) {
	g := newGatewayLog(t)
	g.add("a")
	was := g.whole().Checkpoint
	for _, path := range []string{g.set.Path, g.set.Key, SeriesSeen(g.set.Key)} {
		require.NoError(t, os.Rename(path, path+".old"))
	}
	g.add("b")
	r := g.whole()
	assert.Empty(t, r.Warnings)
	assert.Equal(t, []string{"b"}, g.sources())
	assert.NotEqual(t, was, r.Checkpoint)
	old := *g
	old.set.Path, old.set.Key = g.set.Path+".old", g.set.Key+".old"
	key, err := ReadKey(old.set.Key)
	require.NoError(t, err)
	r, err = VerifySeries(t.Context(), old.set.Path, Proof{Public: key.Public(), Seen: SeriesSeen(g.set.Key) + ".old"})
	require.NoError(t, err)
	assert.Empty(t, r.Faults, "the old one is proven as before")
}
