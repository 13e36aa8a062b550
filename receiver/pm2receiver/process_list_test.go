// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/rpctest"
)

// listed is a process as a daemon lists it.
type listed struct {
	Name string `json:"name"`
	PMID int    `json:"pm_id"`
	PM2  logs   `json:"pm2_env"`
}

type logs struct {
	Name string `json:"name,omitempty"`
	Out  string `json:"pm_out_log_path,omitempty"`
	Err  string `json:"pm_err_log_path,omitempty"`
	Both string `json:"pm_log_path,omitempty"`
}

// answerOf is the answer of a daemon with processes.
func answerOf(t testing.TB, processes ...listed) []byte {
	b, err := json.Marshal(map[string]any{"args": []any{processes}})
	require.NoError(t, err)
	return rpctest.Answer(string(b))
}

// save writes dump.pm2, which has no numbers.
func save(t testing.TB, home string, processes ...listed) {
	var all []logs
	for _, p := range processes {
		p.PM2.Name = p.Name
		all = append(all, p.PM2)
	}
	b, err := json.Marshal(all)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(home, "dump.pm2"), b, 0o600))
}

// source is where a record is from.
type source struct{ service, instance, stream string }

// where returns that of each line.
func where(sink *consumertest.LogsSink) map[string]source {
	all := map[string]source{}
	for _, logs := range sink.AllLogs() {
		for _, rl := range logs.ResourceLogs().All() {
			get := func(key string) string {
				if v, has := rl.Resource().Attributes().Get(key); has {
					return v.AsString()
				}
				return ""
			}
			for _, rec := range rl.ScopeLogs().At(0).LogRecords().All() {
				from := source{get("service.name"), get("service.instance.id"), ""}
				if stream, has := rec.Attributes().Get("log.iostream"); has {
					from.stream = stream.Str()
				}
				all[rec.Body().Str()] = from
			}
		}
	}
	return all
}

// reading starts a receiver. It returns the records, the log and the receiver.
func reading(t testing.TB, cfg *Config) (*consumertest.LogsSink, *observer.ObservedLogs, receiver.Logs) {
	core, logged := observer.New(zap.WarnLevel)
	set := receivertest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	sink := new(consumertest.LogsSink)
	r := start(t, cfg, set, componenttest.NewNopHost(), sink)
	t.Cleanup(func() { require.NoError(t, r.Shutdown(context.Background())) })
	return sink, logged, r
}

// Files are found and named as PM2 lists them, in any folder and with any name.
func TestProcessList_FindsAndNamesFiles(t *testing.T) {
	for _, saved := range []bool{false, true} {
		t.Run(map[bool]string{false: "daemon", true: "saved"}[saved], func(t *testing.T) {
			home, other := rpctest.Home(t), t.TempDir()
			logsDir := filepath.Join(home, "logs")
			processes := []listed{
				{Name: "shop out", PMID: 0, PM2: logs{Out: filepath.Join(logsDir, "shop-out-out.log"), Err: filepath.Join(logsDir, "shop-out-error.log")}},
				{Name: "api-error", PMID: 1, PM2: logs{Out: filepath.Join(other, "a.txt"), Err: filepath.Join(other, "b.txt"), Both: filepath.Join(other, "all.txt")}},
				{Name: "web", PMID: 2, PM2: logs{Out: filepath.Join(logsDir, "web-out-2.log"), Err: "/dev/null"}},
				{Name: "web", PMID: 3, PM2: logs{Out: filepath.Join(logsDir, "web-out-3.log"), Err: "/dev/null"}},
				{Name: "api-2", PMID: 4, PM2: logs{Out: filepath.Join(other, "api-2.log"), Err: filepath.Join(other, "api-2.log")}},
				{Name: "two", PMID: 5, PM2: logs{Out: filepath.Join(logsDir, "merged-out.log"), Err: "NULL"}},
				{Name: "two", PMID: 6, PM2: logs{Out: filepath.Join(logsDir, "merged-out.log")}},
				{Name: "c", PMID: 7, PM2: logs{Out: filepath.Join(logsDir, "shared.log")}},
				{Name: "d", PMID: 8, PM2: logs{Out: filepath.Join(logsDir, "shared.log")}},
				{Name: "only", PMID: 9, PM2: logs{Both: filepath.Join(other, "only.log"), Out: "/dev/null", Err: "/dev/null"}},
				{Name: "mine", PMID: 10, PM2: logs{Out: filepath.Join(other, "pm2.log")}},
			}
			host, err := os.Hostname()
			require.NoError(t, err)
			instance := func(id string) string {
				if saved {
					return "" // numbers are not saved
				}
				return host + ":" + id
			}
			want := map[string]source{
				"shop-out-out.log": {"shop out", instance("0"), "stdout"}, "shop-out-error.log": {"shop out", instance("0"), "stderr"},
				"a.txt": {"api-error", instance("1"), "stdout"}, "b.txt": {"api-error", instance("1"), "stderr"},
				"web-out-2.log": {"web", host + ":2", "stdout"}, "web-out-3.log": {"web", host + ":3", "stdout"},
				"api-2.log": {"api-2", instance("4"), "stdout"}, "merged-out.log": {"two", "", "stdout"}, "shared.log": {"shared", "", "stdout"},
				"only.log": {"only", instance("9"), "stdout"}, "pm2.log": {"mine", instance("10"), "stdout"},
			}
			for name := range want {
				for _, dir := range []string{logsDir, other} {
					if strings.HasPrefix(name, "a") || name == "b.txt" || name == "only.log" || name == "pm2.log" == (dir == other) {
						dir = other
					} else {
						dir = logsDir
					}
					if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
						write(t, filepath.Join(dir, name), name+"\n")
					}
				}
			}
			write(t, filepath.Join(other, "all.txt"), "written twice\n")
			write(t, filepath.Join(other, "unrelated.txt"), "not PM2's\n")
			if saved {
				save(t, home, processes...)
			} else {
				rpctest.Start(t, home, rpctest.Says(answerOf(t, processes...)))
			}
			sink, logged, r := reading(t, testConfig(home))
			require.Eventually(t, func() bool { return sink.LogRecordCount() >= len(want) }, 30*time.Second, 5*time.Millisecond)
			awaitPolls(t, r)
			assert.Equal(t, want, where(sink))
			assert.Zero(t, logged.Len(), "%v", logged.All())
		})
	}
}

// A file that appears while the receiver runs has the name from its first line on; and
// one gets the name that PM2 gives it later.
func TestProcessList_NamesNewFiles(t *testing.T) {
	home := rpctest.Home(t)
	path := filepath.Join(home, "logs", "my-app-out.log")
	write(t, filepath.Join(home, "logs", "old-out.log"), "old\n")
	old := listed{Name: "old", PMID: 0, PM2: logs{Out: filepath.Join(home, "logs", "old-out.log")}}
	d := rpctest.Start(t, home, rpctest.Says(answerOf(t, old)))
	cfg := testConfig(home)
	cfg.ProcessList.Interval = time.Second
	sink, _, _ := reading(t, cfg)
	require.Eventually(t, func() bool { return sink.LogRecordCount() == 1 }, 30*time.Second, 5*time.Millisecond)

	d.Say(rpctest.Says(answerOf(t, old, listed{Name: "my app", PMID: 7, PM2: logs{Out: path}})))
	write(t, path, "first\n")
	require.Eventually(t, func() bool { return sink.LogRecordCount() == 2 }, 30*time.Second, 5*time.Millisecond)
	assert.Equal(t, "my app", where(sink)["first"].service)

	d.Say(rpctest.Says(answerOf(t, old, listed{Name: "other app", PMID: 8, PM2: logs{Out: path}})))
	require.Eventually(t, func() bool {
		write(t, path, "next\n")
		return where(sink)["next"].service == "other app"
	}, 30*time.Second, 50*time.Millisecond)
}

// Daemons of several homes are read, and their processes distinguished.
func TestProcessList_SeveralHomes(t *testing.T) {
	base := t.TempDir()
	host, err := os.Hostname()
	require.NoError(t, err)
	want := map[string]source{}
	for _, user := range []string{"ann", "bob"} {
		home := filepath.Join(base, user, ".pm2")
		out := filepath.Join(base, user, "app.log")
		write(t, out, user+"\n")
		write(t, filepath.Join(home, "logs", "x-out-0.log"), user+" in logs\n")
		write(t, filepath.Join(home, "pm2.log"), "2026-11-21T02:08:35: PM2 log: daemon of "+user+"\n")
		save(t, home, listed{Name: "app", PM2: logs{Out: out}})
		want[user], want["daemon of "+user] = source{"app", "", "stdout"}, source{"pm2", "", ""}
		want[user+" in logs"] = source{"x", host + ":" + home + ":0", "stdout"}
	}
	cfg := testConfig("")
	cfg.Homes = []string{filepath.Join(base, "*", ".pm2")}
	sink, _, _ := reading(t, cfg)
	require.Eventually(t, func() bool { return sink.LogRecordCount() >= 6 }, 30*time.Second, 5*time.Millisecond)
	got := where(sink)
	for line, from := range want {
		assert.Equal(t, from, got[line], line)
	}
	// A user is added later.
	home := filepath.Join(base, "eve", ".pm2")
	write(t, filepath.Join(home, "logs", "late-out.log"), "eve\n")
	require.Eventually(t, func() bool { return where(sink)["eve"].service == "late" }, 30*time.Second, 5*time.Millisecond)
}

// What PM2 writes and no pattern matches is logged once; an excluded file is not.
func TestProcessList_ReportsFilesThatAreNotIncluded(t *testing.T) {
	home := rpctest.Home(t)
	inside, outside, excluded := filepath.Join(home, "logs", "a-out.log"), filepath.Join(home, "elsewhere.txt"), filepath.Join(home, "excluded.txt")
	for _, path := range []string{inside, outside, excluded} {
		write(t, path, filepath.Base(path)+"\n")
	}
	rpctest.Start(t, home, rpctest.Says(answerOf(t, listed{Name: "the app", PM2: logs{Out: inside, Err: outside}}, listed{Name: "b", PMID: 1, PM2: logs{Out: excluded}})))
	cfg := testConfig(home)
	cfg.Include, cfg.Exclude = []string{filepath.Join(home, "logs", "*.log")}, []string{excluded}
	sink, logged, r := reading(t, cfg)
	require.Eventually(t, func() bool { return sink.LogRecordCount() == 1 && logged.Len() == 1 }, 30*time.Second, 5*time.Millisecond)
	awaitPolls(t, r)
	assert.Equal(t, "the app", where(sink)["a-out.log"].service)
	require.Equal(t, 1, logged.Len(), "%v", logged.All())
	assert.Equal(t, map[string]any{"path": outside, "reason": "not_included", "error": outside + ` is not read: PM2 writes it, and "include" has no pattern for it`}, logged.All()[0].ContextMap())
}

// PM2 of a user makes a collector of root's read nothing that is not the user's.
func TestProcessList_GivesNoAccessToFilesOfOthers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files to others")
	}
	const user, other = 65534, 65533
	for _, saved := range []bool{false, true} {
		home, dir := rpctest.Home(t), t.TempDir()
		require.NoError(t, os.Chmod(dir, 0o755))
		file := func(name string, owner int, mode os.FileMode) string {
			path := filepath.Join(dir, name)
			write(t, path, name+"\n")
			require.NoError(t, os.Chmod(path, mode))
			require.NoError(t, os.Chown(path, owner, owner))
			return path
		}
		require.NoError(t, os.Symlink(file("target", 0, 0o644), filepath.Join(dir, "link")))
		require.NoError(t, os.Lchown(filepath.Join(dir, "link"), user, user))
		require.NoError(t, os.Link(file("hard target", 0, 0o644), filepath.Join(dir, "hard")))
		processes := []listed{
			{Name: "mine", PMID: 0, PM2: logs{Out: file("mine", user, 0o600)}},
			{Name: "shadow", PMID: 1, PM2: logs{Out: file("shadow", 0, 0o640), Err: file("public", 0, 0o644)}},
			{Name: "other", PMID: 2, PM2: logs{Out: file("other", other, 0o600), Err: file("others public", other, 0o644)}},
			{Name: "links", PMID: 3, PM2: logs{Out: filepath.Join(dir, "link"), Err: filepath.Join(dir, "hard")}},
			{Name: "kernel", PMID: 4, PM2: logs{Out: "/proc/self/environ", Err: "/proc/kmsg", Both: "relative"}},
			{Name: "devices", PMID: 5, PM2: logs{Out: "/dev/zero", Err: "/dev/tty"}},
		}
		if saved {
			save(t, home, processes...)
			require.NoError(t, os.Chown(filepath.Join(home, "dump.pm2"), user, user))
		} else {
			rpctest.Start(t, home, rpctest.Says(answerOf(t, processes...)))
		}
		require.NoError(t, os.Mkdir(filepath.Join(home, "logs"), 0o755))
		require.NoError(t, os.Chown(home, user, user))
		cfg := testConfig(home)
		sink, logged, r := reading(t, cfg)
		require.Eventually(t, func() bool { return sink.LogRecordCount() >= 1 && logged.Len() >= 9 }, 30*time.Second, 5*time.Millisecond)
		awaitPolls(t, r)
		got := where(sink)
		assert.Len(t, got, 1)
		assert.Equal(t, "mine", got["mine"].service)
		for _, entry := range logged.All() {
			assert.Contains(t, []any{"other_owner", "link_target", "not_regular"}, entry.ContextMap()["reason"], "%v", entry.ContextMap())
		}
	}
}

// A list that a user keeps names no file of another user.
func TestProcessList_NamesNoFilesOfOthers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files to others")
	}
	base := t.TempDir()
	path := filepath.Join(base, "bob", ".pm2", "logs", "shop-out.log")
	write(t, path, "line\n")
	mallory := filepath.Join(base, "mallory", ".pm2")
	require.NoError(t, os.MkdirAll(mallory, 0o755))
	// Once as an output file, and once as a combined file, whose records other files have too.
	save(t, mallory, listed{Name: "evil", PM2: logs{Out: path}}, listed{Name: "evil", PM2: logs{Both: path, Out: "/x"}})
	for name, owner := range map[string]int{"bob/.pm2/logs/shop-out.log": 65534, "bob/.pm2/logs": 65534, "bob/.pm2": 65534, "mallory/.pm2": 65533, "mallory/.pm2/dump.pm2": 65533} {
		require.NoError(t, os.Chown(filepath.Join(base, name), owner, owner))
	}
	cfg := testConfig("")
	cfg.Homes = []string{filepath.Join(base, "*", ".pm2")}
	sink, _, _ := reading(t, cfg)
	require.Eventually(t, func() bool { return sink.LogRecordCount() == 1 }, 30*time.Second, 5*time.Millisecond)
	assert.Equal(t, "shop", where(sink)["line"].service)
}
