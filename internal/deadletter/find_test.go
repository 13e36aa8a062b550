// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package deadletter_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/unprivileged"
)

// writeFor makes a quiet file of a tenant, with what is behind its letters.
func writeFor(t *testing.T, directory, id, behind string, bodies ...string) (path string) {
	t.Helper()
	var data []byte
	n := note("http_400", 1)
	n.Tenant = tenant.ID(id)
	for _, body := range bodies {
		var err error
		data, err = deadletter.Append(data, request(t, body), n)
		require.NoError(t, err)
	}
	path = filepath.Join(directory, n.Folder(), "00000.jsonl")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, append(data, behind...), 0o600))
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, old, old))
	return path
}

// IDs may hold an asterisk, and a directory any character of a pattern.
func TestFind_TakesNamesLiterally(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[a]?*")
	writeFor(t, dir, "a*", "", "1")
	writeFor(t, dir, "ab", "", "2", "3")
	groups, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	require.Len(t, groups, 2)
	assert.Equal(t, 1, groups[0].Requests, "of a* only")
	groups, err = deadletter.Find(dir, deadletter.Filter{Tenant: "a*", Destination: "loki", Signal: "logs"})
	require.NoError(t, err)
	require.Len(t, groups, 1)
	_, err = deadletter.Replay(context.Background(), &groups[0], time.Now(), func(_ context.Context, r []byte, n deadletter.Note) error {
		assert.Equal(t, tenant.ID("a*"), n.Tenant)
		assert.Contains(t, string(r), `"1"`)
		return nil
	})
	require.NoError(t, err)
	for _, f := range []deadletter.Filter{{Tenant: "b"}, {Destination: "l*"}, {Signal: "traces"}} {
		groups, err = deadletter.Find(dir, f)
		require.NoError(t, err)
		assert.Empty(t, groups)
	}
}

// Files that others put next to the folders are ignored.
func TestFind_FilesBesideTheFolders(t *testing.T) {
	dir := t.TempDir()
	file := writeFor(t, dir, "a", "", "1")
	for _, beside := range []string{dir, filepath.Dir(filepath.Dir(filepath.Dir(file))), filepath.Dir(filepath.Dir(file))} {
		for _, name := range []string{"tenant=a.tgz", "destination=loki.tgz", "signal=logs.tgz", "signal=logs"} {
			if _, err := os.Stat(filepath.Join(beside, name)); err != nil {
				require.NoError(t, os.WriteFile(filepath.Join(beside, name), nil, 0o600))
			}
		}
	}
	groups, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	require.Len(t, groups, 1)
	assert.Equal(t, 1, groups[0].Requests)
}

func TestFind_NoDirectoryOfDeadLetters(t *testing.T) {
	dir := t.TempDir()
	file := writeFor(t, dir, "a", "", "1")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "archive", "tenant=a", "signal=logs"), 0o700))
	for wrong, text := range map[string]string{
		file:                           "not a directory",
		filepath.Join(dir, "none"):     "no such file",
		filepath.Dir(file):             "is not the dead_letter::directory",
		filepath.Join(dir, "tenant=a"): "is not the dead_letter::directory",
		filepath.Join(dir, "archive"):  "is part of an archive",
	} {
		_, err := deadletter.Find(wrong, deadletter.Filter{})
		assert.ErrorContains(t, err, text)
	}
	for _, own := range []string{"", ".open-files", ".replay.lock"} {
		empty := t.TempDir()
		if own != "" {
			require.NoError(t, os.WriteFile(filepath.Join(empty, own), nil, 0o600))
		}
		_, err := deadletter.Find(empty, deadletter.Filter{})
		require.NoError(t, err)
	}
}

func TestFind_FolderThatMayNotBeRead(t *testing.T) {
	if unprivileged.Rerun(t) {
		return
	}
	dir := t.TempDir()
	writeFor(t, dir, "a", "", "1")
	require.NoError(t, os.Chmod(filepath.Join(dir, "tenant=a"), 0))
	_, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, os.Chmod(filepath.Join(dir, "tenant=a"), 0o700))
	require.ErrorIs(t, err, os.ErrPermission)
}

// A line that cannot be sent does not block other dead letters. It remains, and the error names
// it.
func TestReplay_DamagedLinesStay(t *testing.T) {
	for name, test := range map[string]struct {
		damage string // in place of the second of three lines
		want   string
		line   int
	}{
		"garbage":                  {"garbage\n", "not a dead letter", 2},
		"a letter of another":      {`{"x":1,"deadLetter":{"tenant":"b","destination":"loki","signal":"logs"}}` + "\n", "wrong folder", 2},
		"cut off where it was":     {"", "is cut off", 3},
		"an empty line is no line": {"\n", "not a dead letter", 2},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := writeFor(t, dir, "a", "", "1", "2")
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			first, second, _ := strings.Cut(string(data), "\n")
			text := first + "\n" + test.damage + second
			if test.damage == "" {
				text = string(data) + first[:len(first)-5]
			}
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			old := time.Now().Add(-time.Hour)
			require.NoError(t, os.Chtimes(path, old, old))

			groups, err := deadletter.Find(dir, deadletter.Filter{})
			require.NoError(t, err)
			require.Len(t, groups, 1)
			assert.Equal(t, 2, groups[0].Requests)
			require.Equal(t, 1, groups[0].Damaged.Lines)
			f := groups[0].Damaged.First[0]
			assert.Equal(t, path, f.File)
			assert.Equal(t, test.line, f.Line)
			assert.Contains(t, f.String(), test.want)
			var sent []string
			for range 2 {
				o, err := deadletter.Replay(context.Background(), &groups[0], time.Now(), func(_ context.Context, r []byte, _ deadletter.Note) error {
					sent = append(sent, string(r))
					return nil
				})
				require.NoError(t, err)
				require.Equal(t, 1, o.Damaged.Lines)
				assert.FileExists(t, o.Damaged.First[0].File, "where it is now")
				groups, err = deadletter.Find(dir, deadletter.Filter{})
				require.NoError(t, err)
				require.Len(t, groups, 1)
				assert.Zero(t, groups[0].Requests)
			}
			assert.Len(t, sent, 2, "each once")
			left, err := os.ReadFile(groups[0].Files[0])
			require.NoError(t, err)
			assert.Equal(t, text, string(left), "nothing is removed")
		})
	}
}

func TestFind_ManyDamagedLinesAreCounted(t *testing.T) {
	dir := t.TempDir()
	writeFor(t, dir, "a", strings.Repeat("x\n", 1000), "1")
	writeFor(t, dir, "b", strings.Repeat("x\n", 10), "1")
	groups, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	var all deadletter.Damage
	for _, g := range groups {
		all.Add(g.Damaged)
	}
	assert.Equal(t, 1010, all.Lines)
	assert.Len(t, all.First, 20)
}

func TestOwners_AreTenantsWithDeadLetters(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{
		"tenant=a/destination=x/signal=logs/00000.jsonl":           2,
		"tenant=a/destination=x/signal=traces/00000.jsonl":         2,
		"tenant=a/destination=y/signal=logs/00000.1.replay":        2,
		"tenant=a/destination=z/signal=logs/00000.jsonl":           0, // empty
		"tenant=b/destination=x/signal=logs/00000.1.replay.sent":   2, // progress without letters
		"tenant=%43/destination=x/signal=logs/00000.jsonl":         2, // a folder of a file system that ignores case
		"poison/20260101T000000Z_a_logs_0000000000000001.binpb":    2,
		".replay/00000000000000000001-1.request":                   2,
		"tenant=file-not-a-folder/destination=x/notes=x/notes.txt": 2,
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, make([]byte, size), 0o600))
	}
	owners, err := deadletter.Owners(dir)
	require.NoError(t, err)
	assert.Equal(t, map[deadletter.Owner]bool{{"a", "x"}: true, {"a", "y"}: true, {"C", "x"}: true}, owners)
	_, err = deadletter.Owners(filepath.Join(dir, "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
