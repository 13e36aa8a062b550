// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package finder

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/roster"
)

// later is a clock for which no folder has changed lately.
func later() time.Time { return time.Now().Add(time.Hour) }

// A folder may hold more files than can be followed.
func TestFind_BoundsTheFilesOfAFolder(t *testing.T) {
	dir := t.TempDir()
	first := filepath.Join(dir, "0.log")
	require.NoError(t, os.WriteFile(first, nil, 0o600))
	for i := 1; i < MaxFiles+500; i++ {
		require.NoError(t, os.Link(first, filepath.Join(dir, strings.Repeat("x", 200)+fmt.Sprint(i)+".log")))
		if i%30_000 == 0 { // a file has so many names only
			first = filepath.Join(dir, fmt.Sprint(i)+".log")
			require.NoError(t, os.WriteFile(first, nil, 0o600))
		}
	}
	paths, err := New(Settings{Now: later, Include: []string{filepath.Join(dir, "*.log")}}).Find()
	require.NoError(t, err)
	assert.Len(t, paths, MaxFiles)
}

// PM2 creates x.log before x-out.log and x-error.log. A scan between these must not find x.log,
// or everything is read twice.
func TestFind_WaitsForTheStreamFilesOfACombinedFile(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	finder := New(Settings{Now: func() time.Time { return now }, Include: []string{filepath.Join(dir, "*.log")}})
	find := func(at time.Time) []string {
		now = at
		paths, err := finder.Find()
		require.NoError(t, err)
		for i := range paths {
			paths[i] = filepath.Base(paths[i])
		}
		return paths
	}
	touch := func(name string) time.Time {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		at, err := os.Stat(dir)
		require.NoError(t, err)
		return at.ModTime()
	}

	made := touch("x.log")
	assert.Empty(t, find(made.Add(CombinedDelay/2)), "it may turn out to be a combined file")
	assert.Equal(t, []string{"x.log"}, find(made.Add(CombinedDelay)), "no other file was created")
	assert.Equal(t, []string{"x.log"}, find(made.Add(-time.Hour)), "a clock that was set back delays nothing")

	made = touch("x-out.log")
	assert.Equal(t, []string{"x-out.log"}, find(made), "the file of a stream is found at once")
	assert.Equal(t, []string{"x-out.log"}, find(made.Add(time.Hour)))
}

// What is not read any more has a reason for the log.
func TestWhyNot(t *testing.T) {
	set := Settings{Include: []string{"/srv/pm2/logs/*.log"}, Exclude: []string{"/srv/pm2/logs/x.log"}, Homes: []string{"/srv/pm2"}, DaemonLogs: true}
	list := roster.New(roster.Settings{})
	for path, want := range map[string][2]string{ // without and with the list of PM2
		"/srv/pm2/logs/a.log": {},
		"/srv/pm2/pm2.log":    {},
		"/srv/pm2/logs/x.log": {"excluded", "excluded"},
		"/srv/old/pm2.log":    {"not_the_log_of_a_daemon_that_is_read", "not_the_log_of_a_daemon_that_is_read"},
		"/srv/old/logs/a.log": {"not_included", "not_included_nor_listed_by_pm2"},
	} {
		for i, with := range []Roster{nil, list} {
			set.Roster = with
			f := New(set)
			assert.Equal(t, want[i], f.WhyNot(path), path)
			assert.Equal(t, want[i] == "", f.Reads(path), path)
		}
	}
	assert.False(t, New(set).Reads(""))
}
