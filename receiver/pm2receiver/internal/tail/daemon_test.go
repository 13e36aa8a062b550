// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/finder"
)

// newDaemonHome is a home as PM2 makes it: its own log beside the folder of the others.
func newDaemonHome(t *testing.T) *home {
	h := newHome(t)
	require.NoError(t, os.Mkdir(h.path("logs"), 0o755))
	h.include = []string{h.path("logs/*.log")}
	h.daemon = h.path("pm2.log")
	return h
}

// events returns lines first to last of the log of PM2 itself.
func events(first, last int) string {
	var b strings.Builder
	for i := first; i <= last; i++ {
		fmt.Fprintf(&b, "2026-11-21T02:08:%02d: PM2 log: App [web:%d] online\n", i%60, i)
	}
	return b.String()
}

func TestDaemonLog_IsReadWithTheOtherLogs(t *testing.T) {
	h := newDaemonHome(t)
	h.write("pm2.log", events(1, 3))
	h.write("logs/a-out.log", numbered("a", 1, 2))
	h.write("agent.log", "nobody's\n")
	h.start()
	h.eventually(events(1, 3), numbered("a", 1, 2))
	h.write("pm2.log", events(4, 5)+"past PM2\n")
	h.write("logs/pm2.log", "no application's\n")
	h.eventually(events(1, 5), numbered("a", 1, 2), "past PM2\n")
}

func TestDaemonLog_AppearsLater(t *testing.T) {
	h := newDaemonHome(t)
	h.start()
	h.write("pm2.log", events(1, 2))
	h.eventually(events(1, 2))
}

func TestDaemonLog_SurvivesRotationAndTruncation(t *testing.T) {
	h := newDaemonHome(t)
	h.write("pm2.log", events(1, 10))
	h.start()
	h.eventually(events(1, 10))
	require.NoError(t, os.Truncate(h.path("pm2.log"), 0)) // pm2 flush
	h.write("pm2.log", events(11, 12))
	h.eventually(events(1, 12))

	copied, err := os.ReadFile(h.path("pm2.log")) // pm2-logrotate
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(h.path("pm2__2026-11-21_00-00-00.log"), copied, 0o644))
	require.NoError(t, os.Truncate(h.path("pm2.log"), 0))
	h.write("pm2.log", events(13, 14))
	h.eventually(events(1, 14))

	require.NoError(t, os.Rename(h.path("pm2.log"), h.path("pm2.log.1"))) // logrotate
	h.write("pm2.log.1", events(15, 15))
	h.write("pm2.log", events(16, 17))
	h.eventually(events(1, 17))

	h.stop()
	h.write("pm2.log", events(18, 19))
	h.start()
	h.eventually(events(1, 19))
}

func TestDaemonLog_KilledReaderRepeatsOnlyWithTheSameUID(t *testing.T) {
	h := newDaemonHome(t)
	h.write("pm2.log", events(1, 10))
	h.start()
	h.eventually(events(1, 10))
	h.saved("pm2.log", h.size("pm2.log"))
	h.store.fail(errors.New("disk full"))
	h.write("pm2.log", events(11, 15))
	h.eventually(events(1, 15))
	h.kill()
	before := len(h.uids)
	h.start()
	h.eventually(events(1, 15), events(11, 15))
	assert.Len(t, h.uids, before)
}

func TestDaemonLog_RetriesRejectedRecords(t *testing.T) {
	h := newDaemonHome(t)
	h.rejectWith(func([]string) error { return errRejected })
	h.write("pm2.log", events(1, 3))
	h.start()
	h.waitForPolls()
	h.stop()
	h.rejectWith(nil)
	h.start()
	h.eventually(events(1, 3))
}

func TestDaemonLog_StopsOnceItIsDisabled(t *testing.T) {
	h := newDaemonHome(t)
	h.write("pm2.log", events(1, 3))
	h.start()
	h.eventually(events(1, 3))
	h.stop()

	path := h.daemon
	h.daemon = ""
	h.write("pm2.log", events(4, 5))
	h.start()
	h.eventually(events(1, 3))
	h.stop()

	h.daemon = path // it goes on where it had come to
	h.start()
	h.eventually(events(1, 5))
}

func TestDaemonLog_CanBeExcluded(t *testing.T) {
	h := newDaemonHome(t)
	h.write("pm2.log", events(1, 3))
	paths, err := finder.New(finder.Settings{Include: h.include, Daemon: h.daemon, Exclude: []string{h.path("*.log")}}).Find()
	require.NoError(t, err)
	assert.Empty(t, paths)
}
