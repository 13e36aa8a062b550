package tail

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
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
)

const (
	waitFor = 30 * time.Second
	tick    = 2 * time.Millisecond
)

// Long lines wait for each other, nobody else waits for them, and none is lost.
func TestHostile_LongLinesShareMemory(t *testing.T) {
	h := newHome(t)
	h.buffer = 4 << 20
	const files = 12
	var mu sync.Mutex
	tried := map[string]bool{}
	h.refuseWith(func(lines []string) error {
		for _, line := range lines {
			if len(line) > 1000 {
				mu.Lock()
				tried[line[:6]] = true
				mu.Unlock()
				return errRefused
			}
		}
		return nil
	})
	var all []string
	for i := range files {
		line := fmt.Sprintf("file%02d", i) + strings.Repeat("x", 900_000) + "\n"
		h.write(fmt.Sprintf("long%d-out.log", i), line)
		all = append(all, line)
	}
	h.start()
	h.write("small-out.log", numbered("small", 1, 1000))
	h.eventually(numbered("small", 1, 1000))
	mu.Lock()
	assert.Len(t, tried, 1, "the streams that have a long line in memory")
	mu.Unlock()
	h.refuseWith(nil)
	h.eventually(append(all, numbered("small", 1, 1000))...)
}

// Half lines of many files are handed on once they are too many. Nothing of them is
// lost, and a file with little is left alone.
func TestHostile_HalfLinesShareMemory(t *testing.T) {
	h := newHome(t)
	h.buffer = 4 << 20 // a quarter of it for half lines
	half := func(text, app string) string {
		return fmt.Sprintf(`{"message":"%s","timestamp":"2026-11-21T02:08:35.328Z","type":"out","process_id":0,"app_name":"%s"}`+"\n", text, app)
	}
	h.write("small-out.log", half(`first\n`, "small")+half("half", "small"))
	h.start()
	h.eventually("first")
	const files, size = 8, 400_000
	for i := range files {
		name := fmt.Sprintf("big%d", i)
		h.write(name+"-out.log", half(`first\n`, name)+half(strings.Repeat("x", size), name))
	}
	require.Eventually(t, func() bool { return h.meter.split.Load() >= files/2 }, waitFor, tick)
	h.write("small-out.log", half(` a line\n`, "small"))
	for i := range files {
		name := fmt.Sprintf("big%d", i)
		h.write(name+"-out.log", half(`y\n`, name))
	}
	require.Eventually(t, func() bool {
		n := 0
		for _, line := range h.got() {
			n += strings.Count(line, "x") + strings.Count(line, "y")
		}
		return n == files*(size+1)
	}, waitFor, tick)
	// Another stream, whose turn may come after those of the others.
	require.Eventually(t, func() bool { return slices.Contains(h.got(), "half a line") }, waitFor, tick, "the small file's line is whole")
}

// A file that was truncated while its writer kept its place begins with NULs that
// nobody wrote. A local program makes as many as it likes.
func TestHostile_HolesArePassed(t *testing.T) {
	h := newHome(t)
	const hole = 1 << 34
	put := func(name string, at int64, text string) {
		f, err := os.OpenFile(h.path(name), os.O_WRONLY|os.O_CREATE, 0o600)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte(text), at)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	put("begin-out.log", hole, "behind\n")
	put("middle-out.log", 0, "before\nhalf")
	put("middle-out.log", hole, "other half\n")
	put("end-out.log", 0, "end\n")
	require.NoError(t, os.Truncate(h.path("end-out.log"), hole))
	put("short-out.log", 100, "NULs of a program\n")
	h.start()
	short := strings.Repeat("\x00", 100) + "NULs of a program"
	h.eventuallyTrimmed("behind", "before", "half", "other half", "end", short)
	assert.Greater(t, h.meter.passed.Load(), int64(3*hole-1<<20))
	h.stop()
	h.write("begin-out.log", "more\n")
	h.write("end-out.log", "more\n")
	h.start()
	h.eventuallyTrimmed("behind", "before", "half", "other half", "end", short, "more", "more")
}

// eventuallyTrimmed is like eventually without long runs of NULs before lines: less than
// a block of them may be left.
func (h *home) eventuallyTrimmed(want ...string) {
	h.t.Helper()
	got := func() (all []string) {
		for _, line := range h.got() {
			if trimmed := strings.Trim(line, "\x00"); len(line)-len(trimmed) > 100 {
				line = trimmed
			}
			if line != "" {
				all = append(all, line)
			}
		}
		return all
	}
	require.Eventually(h.t, func() bool { return len(got()) >= len(want) }, waitFor, tick)
	h.settle()
	assert.ElementsMatch(h.t, want, got())
}

// counted counts what is read of a file.
type counted struct {
	plainFile
	read atomic.Int64
}

func (c *counted) ReadAt(b []byte, offset int64) (int, error) {
	n, err := c.plainFile.ReadAt(b, offset)
	c.read.Add(int64(n))
	return n, err
}

// A half line that grows by a byte is not read again with each.
func TestHostile_HalfLineThatGrowsSlowly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	w, err := os.Create(path)
	require.NoError(t, err)
	defer w.Close()
	const size = 8 << 20
	_, err = w.WriteString(strings.Repeat("x", size))
	require.NoError(t, err)
	r, err := os.Open(path)
	require.NoError(t, err)
	defer r.Close()
	c := &counted{plainFile: plainFile{r}}
	f := &file{content: c}
	buf := make([]byte, sampleSize+blockSize)
	now := time.Now()
	for range 50 {
		b, err := f.next(buf, now, false)
		require.NoError(t, err)
		require.True(t, b.empty())
		_, err = w.WriteString("x")
		require.NoError(t, err)
	}
	assert.Less(t, c.read.Load(), int64(size+50*2*blockSize+1<<20))
	_, err = w.WriteString("\nnext\n")
	require.NoError(t, err)
	b, err := f.next(buf, now, false)
	require.NoError(t, err)
	line, err := f.line(b.long)
	require.NoError(t, err)
	assert.Len(t, line.lines, size+50+1+len("next\n"))
}

func TestFile_CutsLinesThatNeverEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("x"), maxRecord+100), 0o600))
	r, err := os.Open(path)
	require.NoError(t, err)
	defer r.Close()
	f := &file{content: plainFile{r}}
	b, err := f.next(make([]byte, sampleSize+blockSize), time.Now(), false)
	require.NoError(t, err)
	assert.Equal(t, int64(maxRecord), b.long)
}

// packed returns a compressed file of text.
func packed(t *testing.T, text io.WriterTo) *compressed {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.gz")
	w, err := os.Create(path)
	require.NoError(t, err)
	z := gzip.NewWriter(w)
	_, err = text.WriteTo(z)
	require.NoError(t, err)
	require.NoError(t, errors.Join(z.Close(), w.Close()))
	r, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	return &compressed{file: r, stopping: &atomic.Bool{}}
}

// Long lines in a compressed copy are read in one go: to start it again for each would
// take hours.
func TestHostile_LongLinesInACompressedCopy(t *testing.T) {
	var text bytes.Buffer
	var want []string
	for i := range 60 {
		want = append(want, fmt.Sprintf("%03d", i)+strings.Repeat("x", 1000+i*5000))
		text.WriteString(want[i] + "\n")
	}
	c := packed(t, &text)
	f := &file{content: c, mark: Mark{Copy: true}}
	buf := make([]byte, sampleSize+blockSize)
	var got []string
	readers := map[*gzip.Reader]bool{}
	for {
		b, err := f.next(buf, time.Now(), true)
		require.NoError(t, err)
		if b.long > 0 {
			b, err = f.line(b.long)
			require.NoError(t, err)
		}
		if b.empty() {
			break
		}
		readers[c.reader] = true
		got = append(got, split(string(b.lines))...)
		f.mark.advance(bytes.Clone(b.before), bytes.Clone(b.lines))
	}
	assert.Equal(t, want, got)
	assert.Len(t, readers, 1, "times that it was read from its beginning")
}

// A stop does not wait for a copy that unpacks to no end.
func TestHostile_CompressedBombEndsWithTheReader(t *testing.T) {
	c := packed(t, bytes.NewBuffer(make([]byte, 32<<20)))
	size, err := length(c)
	require.NoError(t, err)
	assert.Equal(t, int64(32<<20), size)
	c.stopping.Store(true)
	_, err = length(c)
	require.ErrorIs(t, err, errStopping)
}

func TestBudget_LendsInOrder(t *testing.T) {
	b := newBudget(100)
	got, err := b.take(t.Context(), 500)
	require.NoError(t, err)
	assert.Equal(t, int64(100), got, "no more than there is")
	order := make(chan int64, 3)
	var done sync.WaitGroup
	for _, n := range []int64{90, 20, 10} {
		done.Go(func() {
			got, err := b.take(context.Background(), n)
			assert.NoError(t, err)
			order <- got
			b.give(got)
		})
		require.Eventually(t, func() bool { return b.waiting() > 0 && b.last() == n }, waitFor, tick)
	}
	ended, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := b.take(ended, 100)
		gone <- err
	}()
	require.Eventually(t, func() bool { return b.waiting() == 4 }, waitFor, tick)
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)
	b.give(100)
	done.Wait()
	assert.Equal(t, int64(90), <-order)
	assert.Equal(t, int64(100), b.free)
	assert.Zero(t, b.waiting())
}

func (b *budget) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.wait)
}

func (b *budget) last() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wait[len(b.wait)-1].size
}

func TestShares_OnlyThoseBeyondTheirsGiveUp(t *testing.T) {
	h := &shares{limit: 100, of: map[*stream]int64{}}
	a, b := &stream{}, &stream{}
	assert.False(t, h.set(a, 90))
	assert.False(t, h.set(b, 10))
	assert.False(t, h.set(b, 20), "less than half")
	assert.True(t, h.set(a, 90))
	assert.False(t, h.set(a, 0))
	assert.False(t, h.set(b, 100))
	assert.True(t, h.set(b, 101))
	h.set(b, 0)
	assert.Empty(t, h.of)
	assert.Zero(t, h.all)
}
