// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"context"
	"errors"
	"fmt"
	"net"
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
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/unprivileged"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/roster"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/rpctest"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail"
)

// board is a host with an extension on which a test reads conditions.
type board struct {
	component.StartFunc
	component.ShutdownFunc
	mu      sync.Mutex
	sources map[string]condition.Source
	posted  int
}

func (b *board) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("tenant_health"): b}
}

func (b *board) PostConditions(src condition.Source) (remove func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sources == nil {
		b.sources = map[string]condition.Source{}
	}
	b.posted++
	key := fmt.Sprint(b.posted)
	b.sources[key] = src
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.sources, key)
	}
}

// found returns the messages of the findings, by name and cause.
func (b *board) found() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[string]string{}
	for _, src := range b.sources {
		for _, f := range src.Report() {
			all[strings.TrimSuffix(f.Name.String()+" "+f.Cause, " ")] = f.Message
		}
	}
	return all
}

// await waits until exactly these conditions are found, and returns their messages.
func (b *board) await(t *testing.T, want ...string) map[string]string {
	t.Helper()
	var got map[string]string
	ok := assert.Eventually(t, func() bool {
		got = b.found()
		if len(got) != len(want) {
			return false
		}
		for _, name := range want {
			if _, has := got[name]; !has {
				return false
			}
		}
		return true
	}, 40*time.Second, 10*time.Millisecond)
	require.True(t, ok, "want %v, got %v", want, got)
	return got
}

func TestConditions_NoPM2ThenAStoppedOne(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	cfg := testConfig(home)
	cfg.ProcessList = defaultProcessListConfig()
	cfg.ProcessList.Interval = time.Second
	b := &board{}
	set := receivertest.NewNopSettings(metadata.Type)
	r := start(t, cfg, set, b, new(consumertest.LogsSink))
	got := b.await(t, "pm2_not_found")
	assert.Contains(t, got["pm2_not_found"], home)

	require.NoError(t, os.MkdirAll(filepath.Join(home, "logs"), 0o700))
	got = b.await(t, "log_files_missing", "pm2_unreachable absent")
	assert.Contains(t, got["log_files_missing"], filepath.Join(home, "logs", "*.log"))
	assert.Equal(t, "PM2 in "+home+" returns no list of log files: PM2's daemon is not running: there is no socket; files outside of its folder `logs` are not read", got["pm2_unreachable absent"])

	write(t, filepath.Join(home, "logs", "web-out.log"), "one\n")
	b.await(t, "pm2_unreachable absent")
	require.NoError(t, os.Remove(filepath.Join(home, "logs", "web-out.log")))
	b.await(t, "log_files_missing", "pm2_unreachable absent")
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Empty(t, b.sources)
}

func TestOfDaemons_FixMatchesTheCause(t *testing.T) {
	for name, c := range map[string]struct {
		silent  roster.Silent
		metrics bool
		want    string // how the fix begins; empty: the general advice of the condition
	}{
		"absent":              {roster.Silent{Reason: "absent"}, true, "Start PM2 as the user"},
		"absent, no metrics":  {roster.Silent{Reason: "absent"}, false, "Start PM2 as the user"},
		"denied":              {roster.Silent{Reason: "denied"}, true, "Run the agent as the user of PM2, or start PM2 with `PM2_SOCKET_USER`"},
		"denied, no metrics":  {roster.Silent{Reason: "denied"}, false, "Run `pm2 save` as the user of PM2"},
		"denied, closed file": {roster.Silent{Reason: "denied", Unreadable: true}, false, "Run `tenantctl setup`"},
		"closed, and metrics": {roster.Silent{Reason: "denied", Unreadable: true}, true, "Run the agent as the user of PM2"},
		"other":               {roster.Silent{Reason: "other"}, true, ""},
		"other, no metrics":   {roster.Silent{Reason: "other"}, false, ""},
	} {
		c.silent.Home, c.silent.Err = "/home/app/.pm2", errors.New("no answer")
		all := ofDaemons([]roster.Silent{c.silent}, lack{what: "no metrics", metrics: c.metrics})
		require.Len(t, all, 1, name)
		assert.Equal(t, c.silent.Reason, all[0].Cause, name)
		if c.want == "" {
			assert.Empty(t, all[0].Fix, name)
			continue
		}
		assert.True(t, strings.HasPrefix(all[0].Fix, c.want), "%s: %s", name, all[0].Fix)
		assert.Less(t, len(all[0].Fix), 400, "it is not cut")
		if !c.metrics {
			assert.NotContains(t, all[0].Fix, "PM2_METRICS", "%s: it is set already", name)
		}
	}
}

// A file that the agent's user may not read is read after setup, and not after it is in a pattern.
func TestConditions_FilesNotReadHaveTheFixOfTheirReason(t *testing.T) {
	const (
		setup, include = "Run `tenantctl setup`", "Add the files to `include`"
		owner, link    = "Make the user of PM2 the owner of the file", "Replace the link by the real path"
	)
	all := []string{setup, include, owner, link}
	w := &logsWatch{cfg: testConfig("/srv/a")}
	for name, c := range map[string]struct {
		reasons []admit.Reason
		want    []string
	}{
		"unreadable":   {[]admit.Reason{admit.Unreadable}, []string{setup}},
		"not included": {[]admit.Reason{admit.NotIncluded}, []string{include}},
		"other owner":  {[]admit.Reason{admit.OtherOwner}, []string{owner}},
		"link":         {[]admit.Reason{admit.LinkTarget}, []string{link}},
		"several":      {[]admit.Reason{admit.LinkTarget, admit.Unreadable, admit.LinkTarget}, []string{link, setup}},
		"all":          {[]admit.Reason{admit.Unreadable, admit.NotIncluded, admit.OtherOwner, admit.LinkTarget}, all},
	} {
		t.Run(name, func(t *testing.T) {
			f := tail.Faults{Following: 1, NotReadCount: len(c.reasons)}
			for _, r := range c.reasons {
				f.NotRead = append(f.NotRead, tail.NotRead{Path: "/srv/a/x.log", Reason: r})
			}
			found := w.ofFiles(f)
			require.Len(t, found, 1)
			assert.Equal(t, condition.LogFilesNotRead, found[0].Name)
			assert.Equal(t, string(c.reasons[0]), found[0].Cause)
			assert.Less(t, len(found[0].Fix), 400, "it is not cut")
			for _, fix := range all {
				assert.Equal(t, slices.Contains(c.want, fix), strings.Contains(found[0].Fix, fix), "%s: %s", fix, found[0].Fix)
			}
			assert.Equal(t, 1, strings.Count(found[0].Fix, c.want[0]), "each once")
		})
	}
}

// Without access to PM2's socket the files in `logs` are read, so that the collector is healthy. Only with
// metrics it cannot do what it is configured for.
func TestConditions_WithoutAccessToTheSocket(t *testing.T) {
	if unprivileged.Rerun(t) {
		return
	}
	for name, c := range map[string]struct {
		metrics bool
		dump    os.FileMode // 0: there is none
		closed  bool
		warning bool
		want    []string
		fix     string
	}{
		"not saved":   {false, 0, false, true, []string{"pm2_unreachable denied"}, "Run `pm2 save`"},
		"saved":       {false, 0o600, false, false, nil, ""},
		"closed list": {false, 0o600, true, true, []string{"pm2_unreachable denied"}, "Run `tenantctl setup`"},
		"metrics":     {true, 0, false, false, []string{"pm2_unreachable denied"}, "Run the agent as the user of PM2"},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			write(t, filepath.Join(home, "logs", "web-out.log"), "one\n")
			l, err := net.Listen("unix", filepath.Join(home, "rpc.sock"))
			require.NoError(t, err)
			defer l.Close()
			require.NoError(t, os.Chmod(filepath.Join(home, "rpc.sock"), 0))
			if c.dump != 0 {
				write(t, filepath.Join(home, "dump.pm2"), "[]")
				if c.closed {
					require.NoError(t, os.Chmod(filepath.Join(home, "dump.pm2"), 0))
				}
			}
			cfg := testConfig(home)
			cfg.ProcessList = defaultProcessListConfig()
			cfg.Metrics.Enabled = c.metrics
			b := &board{}
			r := start(t, cfg, receivertest.NewNopSettings(metadata.Type), b, new(consumertest.LogsSink))
			b.await(t, c.want...)
			for _, src := range b.sources {
				for _, f := range src.Report() {
					assert.Equal(t, c.warning, f.Warning)
					assert.True(t, strings.HasPrefix(f.Fix, c.fix), f.Fix)
				}
			}
			require.NoError(t, r.Shutdown(t.Context()))
		})
	}
}

// On a machine whose only applications are in containers, the metrics are what is missing.
func TestConditions_OnlyContainers(t *testing.T) {
	home := t.TempDir()
	cfg := testConfig(home)
	cfg.Include = []string{filepath.Join(home, "*-json.log")}
	cfg.ProcessList = defaultProcessListConfig()
	cfg.Metrics.Enabled = true
	write(t, filepath.Join(home, "c-json.log"), `{"log":"one\n","stream":"stdout","time":"2026-05-01T12:00:00Z"}`+"\n")
	b := &board{}
	sink := new(consumertest.LogsSink)
	r := start(t, cfg, receivertest.NewNopSettings(metadata.Type), b, sink)
	m, err := NewFactory().CreateMetrics(t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, new(consumertest.MetricsSink))
	require.NoError(t, err)
	require.NoError(t, m.Start(t.Context(), b))
	got := b.await(t, "pm2_unreachable absent")
	assert.Equal(t, "PM2 in "+home+" returns no metrics: PM2's daemon is not running: there is no socket", got["pm2_unreachable absent"])
	for _, src := range b.sources {
		for _, f := range src.Report() {
			assert.Contains(t, f.Fix, "set `PM2_METRICS=false`")
			assert.True(t, f.Minor)
		}
	}
	require.NoError(t, m.Shutdown(t.Context()))
	b.await(t)
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestLogsWatch_SaysWhatIsMissing(t *testing.T) {
	silent := func(listed bool) []roster.Silent {
		return []roster.Silent{{Home: "/srv/a"}, {Home: "/srv/b", Listed: true}, {Home: "/srv/c", Listed: listed}}[1:]
	}
	cfg := testConfig("/srv/a")
	w := &logsWatch{cfg: cfg}
	const outside = "; files outside of its folder `logs` are not read"
	assert.Equal(t, lack{what: "no list of log files", effect: outside}, w.lacks(silent(false)))
	assert.Equal(t, lack{what: "no list of log files"}, w.lacks(silent(true)))
	cfg.Metrics.Enabled = true
	assert.Equal(t, lack{what: "no list of log files and no metrics", effect: outside, metrics: true}, w.lacks(silent(false)))
	cfg.Include = []string{"/x/*.log"}
	assert.Equal(t, lack{what: "no list of log files and no metrics", metrics: true}, w.lacks(silent(false)))
}

// A home that is named is missed even if there are others.
func TestConditions_AWrongHomeBesideHomes(t *testing.T) {
	base := t.TempDir()
	write(t, filepath.Join(base, "app", ".pm2", "logs", "web-out.log"), "one\n")
	wrong := filepath.Join(base, "nope", ".pm2")
	cfg := testConfig(wrong)
	cfg.Homes = []string{filepath.Join(base, "*", ".pm2")}
	cfg.ProcessList.Enabled = false
	b := &board{}
	r := start(t, cfg, receivertest.NewNopSettings(metadata.Type), b, new(consumertest.LogsSink))
	name := "pm2_not_found " + condition.SomeHomes
	assert.Equal(t, "A home folder of PM2 does not exist: "+wrong+": file does not exist", b.await(t, name)[name])
	require.NoError(t, os.Remove(filepath.Join(base, "app", ".pm2", "logs", "web-out.log")))
	b.await(t, name, "log_files_missing")
	require.NoError(t, os.RemoveAll(filepath.Join(base, "app")))
	got := b.await(t, "pm2_not_found")
	assert.Contains(t, got["pm2_not_found"], filepath.Join(base, "*", ".pm2"))
	assert.Contains(t, got["pm2_not_found"], wrong)
	require.NoError(t, os.MkdirAll(filepath.Join(wrong, "logs"), 0o700))
	b.await(t, "log_files_missing")
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestConditions_PM2AnswersAgain(t *testing.T) {
	d := rpctest.Start(t, rpctest.Home(t), rpctest.Says(rpctest.Answer(reply(t))))
	a := newAsker(t, d.Home)
	b := &board{}
	r, err := NewFactory().CreateMetrics(t.Context(), a.set, a.cfg, &a.sink)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), b))
	b.await(t)
	d.Stop()
	got := b.await(t, "pm2_unreachable absent")
	assert.Contains(t, got["pm2_unreachable absent"], "returns no metrics: PM2's daemon is not running")
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Empty(t, b.sources)
}

func TestConditions_FilesWithoutPermission(t *testing.T) {
	if unprivileged.Rerun(t) {
		return
	}
	home := t.TempDir()
	logs := filepath.Join(home, "logs")
	file := filepath.Join(logs, "web-out.log")
	write(t, file, "one\n")
	require.NoError(t, os.Chmod(file, 0))
	cfg := testConfig(home)
	cfg.ProcessList.Enabled = false
	b := &board{}
	sink := new(consumertest.LogsSink)
	r := start(t, cfg, receivertest.NewNopSettings(metadata.Type), b, sink)
	got := b.await(t, "log_files_unreadable file")
	assert.Contains(t, got["log_files_unreadable file"], "Cannot read log files (1): "+file)
	assert.Contains(t, got["log_files_unreadable file"], "permission denied")
	require.NoError(t, os.Chmod(file, 0o600))
	b.await(t)
	require.Eventually(t, func() bool { return sink.LogRecordCount() == 1 }, 30*time.Second, 10*time.Millisecond)

	require.NoError(t, os.Chmod(logs, 0))
	got = b.await(t, "log_files_unreadable folder", "log_files_unreadable file")
	assert.Contains(t, got["log_files_unreadable folder"], logs)
	require.NoError(t, os.Chmod(logs, 0o700))
	b.await(t)

	require.NoError(t, os.Chmod(home, 0))
	got = b.found()
	require.Eventually(t, func() bool { got = b.found(); _, has := got["log_files_unreadable folder"]; return has }, 40*time.Second, 10*time.Millisecond)
	require.NoError(t, os.Chmod(home, 0o700))
	b.await(t)
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestConditions_RejectedRecords(t *testing.T) {
	home := t.TempDir()
	first, second := filepath.Join(home, "logs", "api-out.log"), filepath.Join(home, "logs", "web-out.log")
	write(t, first, "one\n")
	write(t, second, "two\n")
	cfg := testConfig(home)
	cfg.ProcessList.Enabled = false
	b := &board{}
	var mu sync.Mutex
	answer := func(plog.Logs) error { return errors.New("the queue is full") }
	next, err := consumer.NewLogs(func(_ context.Context, logs plog.Logs) error {
		mu.Lock()
		defer mu.Unlock()
		return answer(logs)
	})
	require.NoError(t, err)
	r := start(t, cfg, receivertest.NewNopSettings(metadata.Type), b, next)
	says := func(name, text string) {
		t.Helper()
		require.Eventually(t, func() bool { return strings.Contains(b.found()[name], text) }, 30*time.Second, 10*time.Millisecond, "%s: %s, got %v", name, text, b.found())
	}
	says("pipeline_refuses", "(2): "+first+", "+second+": the queue is full")
	mu.Lock()
	answer = func(logs plog.Logs) error {
		if body(logs) == "two" {
			return errors.New("the lane is full")
		}
		return nil
	}
	mu.Unlock()
	says("pipeline_refuses", "(1): "+second+": the lane is full")
	mu.Lock()
	answer = func(plog.Logs) error { return consumererror.NewPermanent(errors.New("no tenant")) }
	mu.Unlock()
	got := b.await(t, "data_dropped")
	assert.Contains(t, got["data_dropped"], "Log records dropped since ")
	assert.Contains(t, got["data_dropped"], "no tenant")
	require.NoError(t, r.Shutdown(t.Context()))
}

// A queue that is migrated at the start, or is full for a moment, is no fault that an operator must know:
// the condition ends with the first attempt that succeeds.
func TestConditions_AcceptedRecordsEndTheRejection(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, "logs", "web-out.log"), "one\n")
	cfg := testConfig(home)
	cfg.ProcessList.Enabled = false
	b := &board{}
	sink := new(consumertest.LogsSink)
	var rejects atomic.Bool
	rejects.Store(true)
	next, err := consumer.NewLogs(func(ctx context.Context, logs plog.Logs) error {
		if rejects.Load() {
			return errors.New("the queue of an earlier version is being migrated")
		}
		return sink.ConsumeLogs(ctx, logs)
	})
	require.NoError(t, err)
	r := start(t, cfg, receivertest.NewNopSettings(metadata.Type), b, next)
	b.await(t, "pipeline_refuses")
	rejects.Store(false)
	require.Eventually(t, func() bool { return sink.LogRecordCount() == 1 }, 30*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return len(b.found()) == 0 }, time.Second, time.Millisecond)
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestDropped_LossIsShownForAWhile(t *testing.T) {
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	var d dropped
	assert.Empty(t, d.findings(noon))
	d.add(3, errors.New("bad"))
	got := d.findings(noon.Add(time.Minute))
	require.Len(t, got, 1)
	assert.Contains(t, got[0].Message, ": 3; the last reason: bad")
	assert.Empty(t, d.findings(noon.Add(time.Minute+condition.LossHold)))
}

// body returns the text of the first record.
func body(logs plog.Logs) string {
	return logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().AsString()
}
