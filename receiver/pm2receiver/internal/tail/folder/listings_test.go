// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package folder

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
)

// isCopy is the oracle of Listings.Copies: it reports whether a base name is that of a
// rotated copy of original, or of original renamed.
func isCopy(base, original string) bool {
	if from, ok := logname.Rotated(base); ok {
		return from == original
	}
	rest, ok := strings.CutPrefix(base, original)
	return ok && len(rest) > 1 && (rest[0] == '.' || rest[0] == '-')
}

// touch makes many empty files without keeping any.
func touch(t *testing.T, dir string, n int, name func(i int) string) {
	t.Helper()
	for i := range n {
		require.NoError(t, os.Symlink("missing", filepath.Join(dir, name(i))))
	}
}

// A large folder is not read again for each log in it.
func TestListings_ShareALargeFolder(t *testing.T) {
	dir := t.TempDir()
	touch(t, dir, 2*largeFolder, func(i int) string { return fmt.Sprintf("a-out__2026-11-%02d_%05d.log", i%28+1, i) })
	touch(t, dir, 50, func(i int) string { return fmt.Sprintf("b-out.log.%d", i+1) })
	touch(t, dir, 1, func(int) string { return "b-out.log-20261121.gz" })
	touch(t, dir, 1, func(int) string { return "b-out.logs" })
	l := NewListings()
	names, err := l.Copies(dir, "a-out.log")
	require.NoError(t, err)
	assert.Len(t, names, 2*largeFolder)
	names, err = l.Copies(dir, "b-out.log")
	require.NoError(t, err)
	assert.Len(t, names, 51)
	for _, name := range names {
		assert.True(t, isCopy(name, "b-out.log"), name)
	}
	kept := l.kept[dir]
	require.NotNil(t, kept, "the folder is large")
	kept.expires = time.Now().Add(time.Hour)
	touch(t, dir, 1, func(int) string { return "b-out.log.99" })
	names, err = l.Copies(dir, "b-out.log")
	require.NoError(t, err)
	assert.Len(t, names, 51, "the listing is kept for a moment")
	kept.expires = time.Now()
	names, err = l.Copies(dir, "b-out.log")
	require.NoError(t, err)
	assert.Len(t, names, 52)
	_, err = l.Copies(filepath.Join(dir, "missing"), "a")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestListings_Copies(t *testing.T) {
	dir := t.TempDir()
	all := []string{"a-out.log", "a-out.log.1", "a-out.log.", "a-out.log-", "a-out.log-1", "a-out.logx", "a-out.1.log", "a-out__2026-11-21_00-00-00.log", "a-out__2026-11-21_00-00-00.log.gz", "a-out-1.log", "a-out.log__2026-11-21", "b"}
	for _, name := range all {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	for _, origin := range []string{"a-out.log", "a-out-1.log", "b", "a"} {
		var want []string
		for _, name := range all {
			if isCopy(name, origin) {
				want = append(want, name)
			}
		}
		got, err := NewListings().Copies(dir, origin)
		require.NoError(t, err)
		assert.ElementsMatch(t, want, got, origin)
	}
}

func TestRepeatAfter_BoundsTheShareOfTime(t *testing.T) {
	assert.True(t, RepeatAfter(time.Now()).IsZero(), "quick work is not delayed")
	began := time.Now().Add(-time.Second)
	assert.Greater(t, time.Until(RepeatAfter(began)), 9*time.Second)
}
