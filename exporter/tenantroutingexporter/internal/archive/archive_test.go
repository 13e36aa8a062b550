// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package archive

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func open(t *testing.T, set Settings) *Archive {
	t.Helper()
	if set.MaxFileBytes == 0 {
		set.MaxFileBytes = 1 << 20
	}
	if set.MaxOpenFiles == 0 {
		set.MaxOpenFiles = 4
	}
	a, err := Open(set)
	require.NoError(t, err)
	return a
}

// content returns all data files below dir by their path.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == journalName {
			return err
		}
		data, err := os.ReadFile(path)
		relative, rerr := filepath.Rel(dir, path)
		require.NoError(t, rerr)
		out[relative] = string(data)
		return err
	}))
	return out
}

func TestFolder_IsTheLayoutOfADataLake(t *testing.T) {
	at := time.Date(2026, 11, 21, 1, 59, 0, 0, time.FixedZone("", 3*3600))
	assert.Equal(t, "tenant=a/signal=metrics/date=2026-11-20/hour=22", Folder("a", tenant.Metrics, at))
}

func TestAppend_IsVisibleAtOnce(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Settings{Directory: dir})
	require.NoError(t, a.Append("x", []byte("1\n")))
	assert.Equal(t, map[string]string{"x/00000.jsonl": "1\n"}, content(t, dir))
	require.NoError(t, a.Append("x", []byte("2\n3\n")))
	assert.Equal(t, map[string]string{"x/00000.jsonl": "1\n2\n3\n"}, content(t, dir))
	require.NoError(t, a.Close())
	assert.ErrorIs(t, a.Append("x", []byte("4\n")), os.ErrClosed)
}

func TestAppend_StaysInTheDirectory(t *testing.T) {
	a := open(t, Settings{Directory: t.TempDir()})
	defer a.Close()
	for _, folder := range []string{"../x", "/x", "a/../../x", ""} {
		assert.Error(t, a.Append(folder, []byte("1\n")), folder)
	}
}

func TestAppend_RotatesBySizeAndContinuesAfterARestart(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Settings{Directory: dir, MaxFileBytes: 6})
	for i := range 5 {
		require.NoError(t, a.Append("x", fmt.Appendf(nil, "l%d\n", i)))
	}
	require.NoError(t, a.Close())
	a = open(t, Settings{Directory: dir, MaxFileBytes: 6})
	require.NoError(t, a.Append("x", []byte("l5\n")))
	require.NoError(t, a.Append("x", []byte("l6\n")))
	require.NoError(t, a.Close())
	assert.Equal(t, map[string]string{
		"x/00000.jsonl": "l0\nl1\n", "x/00001.jsonl": "l2\nl3\n", "x/00002.jsonl": "l4\nl5\n", "x/00003.jsonl": "l6\n",
	}, content(t, dir))
}

func TestAppend_KeepsAFolderWithinItsBound(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Settings{Directory: dir, MaxFileBytes: 30, MaxFolderBytes: 100})
	for i := range 100 {
		require.NoError(t, a.Append("x", fmt.Appendf(nil, "line %04d\n", i)))
	}
	require.NoError(t, a.Close())
	size, all := 0, ""
	for _, text := range content(t, dir) {
		size += len(text)
		all += text
	}
	assert.LessOrEqual(t, size, 100)
	assert.Contains(t, all, "line 0099\n", "the newest stay")
	assert.NotContains(t, all, "line 0000\n")
}

func TestOpen_RemovesHalfLines(t *testing.T) {
	for name, c := range map[string]struct{ torn, want string }{
		"half a line":        {"{\"a\":1}\n{\"b\":", "{\"a\":1}\n"},
		"only half a line":   {"{\"b\":", ""},
		"whole":              {"{\"a\":1}\n", "{\"a\":1}\n"},
		"empty":              {"", ""},
		"a very long half":   {"{\"a\":1}\n" + strings.Repeat("x", 200_000), "{\"a\":1}\n"},
		"a long whole line":  {strings.Repeat("x", 200_000) + "\n", strings.Repeat("x", 200_000) + "\n"},
		"line feed at start": {"\n" + strings.Repeat("x", 64<<10), "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			a := open(t, Settings{Directory: dir})
			require.NoError(t, a.Append("x", []byte("1\n")))
			// A kill leaves an open file and an incomplete line.
			require.NoError(t, os.WriteFile(filepath.Join(dir, "x", "00000.jsonl"), []byte(c.torn), 0o600))
			b := open(t, Settings{Directory: dir})
			assert.Equal(t, map[string]string{"x/00000.jsonl": c.want}, content(t, dir), "before anything is written there")
			require.NoError(t, b.Append("x", []byte("2\n")))
			assert.Equal(t, map[string]string{"x/00000.jsonl": c.want + "2\n"}, content(t, dir))
			require.NoError(t, b.Close())
			_ = a.Close()
		})
	}
}

func TestOpen_IgnoresInvalidJournalEntries(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "precious")
	require.NoError(t, os.WriteFile(outside, []byte("no line feed"), 0o600))
	relative, err := filepath.Rel(dir, outside)
	require.NoError(t, err)
	journal := "+" + relative + "\n+" + outside + "\n+\n\n?x\n+missing\n+torn"
	require.NoError(t, os.WriteFile(filepath.Join(dir, journalName), []byte(journal), 0o600))
	a := open(t, Settings{Directory: dir})
	require.NoError(t, a.Close())
	data, err := os.ReadFile(outside)
	require.NoError(t, err)
	assert.Equal(t, "no line feed", string(data))
}

func TestArchive_BoundsOpenFiles(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Settings{Directory: dir, MaxOpenFiles: 3})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 200 {
				if !assert.NoError(t, a.Append(fmt.Sprintf("f%d", (w+i)%10), []byte("line\n"))) {
					return
				}
				a.mu.Lock()
				assert.LessOrEqual(t, len(a.files), 3)
				a.mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.NoError(t, a.Close())
	lines := 0
	for _, text := range content(t, dir) {
		lines += strings.Count(text, "line\n")
		assert.Len(t, text, 5*strings.Count(text, "line\n"))
	}
	assert.Equal(t, 1600, lines)
}

// A caller that waits to open a file is served if the previous caller cannot
// open one.
func TestAppend_UnopenableFileDoesNotBlockOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
		a := open(t, Settings{Directory: dir, MaxOpenFiles: 1})
		inUse, err := a.acquire("x")
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { assert.ErrorIs(t, a.Append("file/y", []byte("1\n")), syscall.ENOTDIR) })
		}
		synctest.Wait()
		a.putBack(inUse, false)
		wg.Wait()
		require.NoError(t, a.Close())
	})
}

// A full disk may take a part of a line. That must neither keep the archive from
// being opened, nor spoil the next line.
func TestJournal_SurvivesALineThatIsCutShort(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Settings{Directory: dir})
	require.NoError(t, a.Append("tenant=a/x", []byte("1\n")))
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full")
	}
	defer full.Close()
	j := a.journal
	_, err = j.f.WriteString("+tenant=a") // of tenant=a/y/00000.jsonl
	require.NoError(t, err)
	f := j.f
	j.f = full
	require.ErrorIs(t, a.Append("tenant=a/y", []byte("1\n")), syscall.ENOSPC)
	j.f = f
	assert.Len(t, j.open, 1, "what could not be opened")
	require.NoError(t, a.Append("tenant=b/x", []byte("1\n")))

	// The process is killed while it writes there.
	torn := filepath.Join(dir, "tenant=b", "x", "00000.jsonl")
	require.NoError(t, os.WriteFile(torn, []byte("1\n2"), 0o600))
	b := open(t, Settings{Directory: dir})
	data, err := os.ReadFile(torn)
	require.NoError(t, err)
	assert.Equal(t, "1\n", string(data))
	require.NoError(t, b.Close())
	_ = a.Close()
}

func TestSync_IsDoneBeforeAppendReturns(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Settings{Directory: dir, Sync: true})
	defer a.Close()
	var synced []string
	a.sync = func(f *os.File) error {
		name, err := filepath.Rel(dir, f.Name())
		synced = append(synced, name)
		return err
	}
	a.journal.sync = a.sync
	require.NoError(t, a.Append("x/y", []byte("1\n")))
	assert.Equal(t, []string{"x", ".", journalName, "x/y", "x/y/00000.jsonl"}, synced, "names of folders and file too")
	synced = nil
	require.NoError(t, a.Append("x/y", []byte("2\n")))
	assert.Equal(t, []string{"x/y/00000.jsonl"}, synced)

	a.sync = func(*os.File) error { return syscall.EIO }
	require.ErrorIs(t, a.Append("x/y", []byte("3\n")), syscall.EIO)
	a.sync = (*os.File).Sync
	require.NoError(t, a.Append("x/y", []byte("3\n")))
	assert.Equal(t, map[string]string{"x/y/00000.jsonl": "1\n2\n3\n"}, content(t, dir), "what was not synced is not there twice")
}

func TestSweep_ClosesUnusedClients(t *testing.T) {
	a := open(t, Settings{Directory: t.TempDir()})
	defer a.Close()
	require.NoError(t, a.Append("x", []byte("1\n")))
	a.Sweep(time.Now().Add(-time.Hour))
	assert.Len(t, a.files, 1)
	a.Sweep(time.Now().Add(time.Hour))
	assert.Empty(t, a.files)
	require.NoError(t, a.Append("x", []byte("2\n")))
	assert.Equal(t, map[string]string{"x/00000.jsonl": "1\n2\n"}, content(t, a.set.Directory))
}

func TestJournal_IsBounded(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Settings{Directory: dir, MaxOpenFiles: 1})
	for i := range compactAfter {
		require.NoError(t, a.Append(fmt.Sprintf("f%d", i%2), []byte("1\n")))
	}
	a.mu.Lock()
	assert.LessOrEqual(t, a.journal.lines, compactAfter+3)
	a.mu.Unlock()
	require.NoError(t, a.Close())
}

// A lane that cannot open an archive retries.
func TestOpen_ThatFailsLeavesNoFileOpen(t *testing.T) {
	var journal *os.File
	_, err := openJournal(t.TempDir(), func(f *os.File) error { journal = f; return syscall.EIO })
	require.ErrorIs(t, err, syscall.EIO)
	require.ErrorIs(t, journal.Close(), os.ErrClosed)
}

// On a file system that ignores case the folders of tenants whose IDs differ in
// nothing else have their own names.
func TestArchive_SeparatesNamesThatDifferInCase(t *testing.T) {
	for insensitive, want := range map[bool][]string{true: {"tenant=%41cme", "tenant=acme"}, false: {"tenant=Acme", "tenant=acme"}} {
		dir := t.TempDir()
		a, err := Open(Settings{Directory: dir, MaxFileBytes: 1 << 20, MaxOpenFiles: 4, insensitive: func(string) (bool, error) { return insensitive, nil }})
		require.NoError(t, err)
		for _, id := range []tenant.ID{"Acme", "acme"} {
			require.NoError(t, a.Append(Folder(id, tenant.Logs, time.Now()), []byte(id+"\n")))
		}
		require.NoError(t, a.Close())
		folders, err := filepath.Glob(filepath.Join(dir, "tenant=*"))
		require.NoError(t, err)
		var names []string
		for _, f := range folders {
			names = append(names, filepath.Base(f))
		}
		slices.Sort(names)
		assert.Equal(t, want, names)
	}
}

// The caller of Append recovers from panics. The file must not stay in use after that,
// or others would wait forever to open a file, and Close would leave it open.
func TestAppend_PanicReleasesTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		a := open(t, Settings{Directory: dir, MaxOpenFiles: 1})
		require.NoError(t, a.Append("x", []byte("1\n"))) // so that it is the write that panics
		a.sync = func(*os.File) error { panic("planted") }
		require.Panics(t, func() { _ = a.Append("x", []byte("2\n")) })
		a.sync = nil
		require.NoError(t, a.Append("y", []byte("3\n")))
		require.NoError(t, a.Close())
		assert.Empty(t, a.files)
	})
}
