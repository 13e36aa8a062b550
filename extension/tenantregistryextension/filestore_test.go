// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// storeFixture is a file store whose clock and whose file's time the test sets.
type storeFixture struct {
	t *testing.T
	*fileStore
	clock time.Time
}

func newStoreFixture(t *testing.T) *storeFixture {
	f := &storeFixture{t: t, fileStore: newFileStore(filepath.Join(t.TempDir(), "tenants.yaml")), clock: time.Now().Truncate(time.Second)}
	f.now = func() time.Time { return f.clock }
	return f
}

// write puts text into the file in place, at the present of the clock.
func (f *storeFixture) write(text string) {
	f.t.Helper()
	require.NoError(f.t, os.WriteFile(f.path, []byte(text), 0o600))
	require.NoError(f.t, os.Chtimes(f.path, f.clock, f.clock))
}

// replace puts another file with text in the place of the file.
func (f *storeFixture) replace(text string) {
	f.t.Helper()
	path := f.path
	f.path += ".new"
	f.write(text)
	require.NoError(f.t, os.Rename(f.path, path))
	f.path = path
}

func (f *storeFixture) returns(text string) {
	f.t.Helper()
	data, err := f.content()
	require.NoError(f.t, err)
	assert.Equal(f.t, text, string(data))
}

func (f *storeFixture) isUnchanged() {
	f.t.Helper()
	_, err := f.content()
	require.ErrorIs(f.t, err, errUnchanged)
}

func (f *storeFixture) isUnstableFor(d time.Duration) {
	f.t.Helper()
	_, err := f.content()
	var unstable unstableError
	require.ErrorAs(f.t, err, &unstable)
	assert.Equal(f.t, d+time.Millisecond, unstable.retryAfter)
}

func TestFileStore_WaitsUntilAFileStopsChanging(t *testing.T) {
	f := newStoreFixture(t)
	f.write("one\n")
	f.isUnstableFor(quietTime)
	f.clock = f.clock.Add(40 * time.Millisecond)
	f.isUnstableFor(quietTime - 40*time.Millisecond)
	f.clock = f.clock.Add(60 * time.Millisecond)
	f.returns("one\n")
	f.isUnchanged()
}

func TestFileStore_LoadsAnOldFileAtOnce(t *testing.T) {
	f := newStoreFixture(t)
	f.write("one\n")
	f.clock = f.clock.Add(time.Hour)
	f.returns("one\n")
	f.isUnchanged()
}

func TestFileStore_WaitsLongerForATruncatedFile(t *testing.T) {
	for name, second := range map[string]string{"shorter": "tw\n", "no end of line": "two, three", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			f := newStoreFixture(t)
			f.write("one\n")
			f.clock = f.clock.Add(quietTime)
			f.returns("one\n")
			f.clock = f.clock.Add(time.Minute)
			f.write(second)
			f.clock = f.clock.Add(quietTime)
			f.isUnstableFor(quietTruncated - quietTime)
			f.clock = f.clock.Add(quietTruncated - quietTime)
			f.returns(second)
		})
	}
}

func TestFileStore_WaitsForAFileThatIsWrittenInPlace(t *testing.T) {
	f := newStoreFixture(t)
	text := ""
	for range 50 {
		text += "line\n"
		f.write(text)
		f.isUnstableFor(quietTime)
		f.clock = f.clock.Add(quietTime / 2)
	}
	f.clock = f.clock.Add(quietTime)
	f.returns(text)
}

func TestFileStore_LoadsFilesThatAreReplacedContinuously(t *testing.T) {
	f := newStoreFixture(t)
	taken := 0
	for begin := f.clock; f.clock.Sub(begin) < 2*time.Second; f.clock = f.clock.Add(20 * time.Millisecond) {
		f.replace("line\n")
		if _, err := f.content(); err == nil {
			taken++
		}
	}
	assert.GreaterOrEqual(t, taken, 4, "a change is in force within a second while others follow it")
}

func TestFileStore_IgnoresAClockBehindTheFile(t *testing.T) {
	f := newStoreFixture(t)
	f.write("one\n")
	require.NoError(t, os.Chtimes(f.path, f.clock.Add(time.Hour), f.clock.Add(time.Hour)))
	f.isUnstableFor(quietTime)
	f.clock = f.clock.Add(quietTime)
	f.returns("one\n")
}

func TestFileStore_DetectsAChangeThatKeepsSizeAndTime(t *testing.T) {
	t.Run("when reported", func(t *testing.T) {
		f := newStoreFixture(t)
		f.write("one\n")
		at := f.clock
		f.clock = at.Add(time.Hour)
		f.returns("one\n")
		f.write("two\n")
		require.NoError(t, os.Chtimes(f.path, at, at))
		f.isUnchanged()
		f.dirty.Store(true)
		f.returns("two\n")
		f.isUnchanged()
	})
	t.Run("soon after the last", func(t *testing.T) {
		f := newStoreFixture(t)
		f.write("one\n")
		at := f.clock
		f.clock = at.Add(quietTime)
		f.returns("one\n")
		f.write("two\n")
		require.NoError(t, os.Chtimes(f.path, at, at))
		f.isUnchanged()
		f.clock = f.clock.Add(racy)
		f.returns("two\n")
		f.clock = f.clock.Add(racy)
		f.isUnchanged()
	})
}

func TestFileStore_ReportsAMissingFileAfterADelay(t *testing.T) {
	f := newStoreFixture(t)
	_, err := f.content()
	require.ErrorContains(t, err, "no such file", "at the start there is nothing to wait for")
	f.isUnchanged()
	f.write("one\n")
	f.clock = f.clock.Add(quietTime)
	f.returns("one\n")
	require.NoError(t, os.Remove(f.path))
	f.isUnstableFor(quietTime)
	f.clock = f.clock.Add(quietTime)
	_, err = f.content()
	require.ErrorContains(t, err, "no such file")
	f.isUnchanged()
}

func TestFileStore_RejectsOtherFiles(t *testing.T) {
	f := newStoreFixture(t)
	f.path = t.TempDir()
	for range 2 {
		_, err := f.content()
		require.ErrorContains(t, err, "not a regular file")
		require.NotErrorIs(t, err, errUnchanged, "it is read again, and the caller reports it once")
	}

	f = newStoreFixture(t)
	f.write("")
	require.NoError(t, os.Truncate(f.path, maxFileSize+1))
	_, err := f.content()
	require.ErrorContains(t, err, "at most 268435456 are read")
}

func TestTrail_NamesEveryLink(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	in := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	require.NoError(t, os.MkdirAll(in("real", "v1"), 0o700))
	require.NoError(t, os.WriteFile(in("real", "v1", "tenants.yaml"), nil, 0o600))
	require.NoError(t, os.Symlink(in("real"), in("mount")))
	require.NoError(t, os.Symlink("v1", in("real", "..data")))
	require.NoError(t, os.Symlink("..data/../..data/tenants.yaml", in("real", "tenants.yaml")))
	assert.Equal(t, []string{
		in("mount"), in("real", "tenants.yaml"), in("real", "..data"), in("real", "..data"), in("real", "v1", "tenants.yaml"),
	}, trail(in("mount", "tenants.yaml")))
	assert.Equal(t, []string{in("none", "x")}, trail(in("none", "x")))

	require.NoError(t, os.Symlink("loop", in("loop")))
	assert.LessOrEqual(t, len(trail(in("loop"))), maxLinks+1)
}
