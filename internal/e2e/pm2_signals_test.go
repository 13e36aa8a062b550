// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// heard is an event of PM2's daemon that has arrived.
type heard struct {
	app, event string // app is service.name
	id         string // pm2.process.id of the resource
	severity   plog.SeverityNumber
	attributes map[string]any
	body       string
	original   string
}

// measured is a process metric that has arrived: the latest of each.
type measured map[string]float64 // by "app metric" or "app metric state"

// signals collects PM2's own data from one tenant's archive.
type signals struct {
	t         *testing.T
	reader    *archive.Reader
	heard     []heard
	measured  measured
	resources map[string]map[string]any // of metrics, by app
}

func newSignals(t *testing.T, g *gateway) *signals {
	t.Helper()
	return &signals{t: t, reader: archive.NewReader(g.data), measured: measured{}, resources: map[string]map[string]any{}}
}

func (s *signals) poll() {
	s.t.Helper()
	require.NoError(s.t, s.reader.Poll(archive.Handler{Logs: s.logs, Metrics: s.metrics}))
}

func (s *signals) logs(_, _ string, ld plog.Logs) error {
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, rec := range sl.LogRecords().All() {
				if attribute(rec.Attributes(), "log.file.name") != "pm2.log" {
					continue
				}
				s.heard = append(s.heard, heard{
					app: attribute(rl.Resource().Attributes(), "service.name"), id: attribute(rl.Resource().Attributes(), "pm2.process.id"),
					event: rec.EventName(), severity: rec.SeverityNumber(), attributes: rec.Attributes().AsRaw(), body: rec.Body().AsString(),
					original: attribute(rec.Attributes(), "log.record.original"),
				})
			}
		}
	}
	return nil
}

func attribute(m pcommon.Map, key string) string {
	v, ok := m.Get(key)
	if !ok {
		return ""
	}
	return v.AsString()
}

func (s *signals) metrics(_, _ string, md pmetric.Metrics) error {
	for _, rm := range md.ResourceMetrics().All() {
		app := attribute(rm.Resource().Attributes(), "service.name")
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if !strings.HasPrefix(m.Name(), "pm2.") {
					continue
				}
				s.resources[app] = rm.Resource().Attributes().AsRaw()
				points := m.Sum().DataPoints
				if m.Type() == pmetric.MetricTypeGauge {
					points = m.Gauge().DataPoints
				}
				for _, p := range points().All() {
					key := app + " " + m.Name()
					if state := attribute(p.Attributes(), "pm2.process.state"); state != "" {
						key += " " + state
					}
					s.measured[key] = p.DoubleValue() + float64(p.IntValue())
				}
			}
		}
	}
	return nil
}

// await polls until the condition holds.
func (s *signals) await(condition func() bool, what string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		s.poll()
		return condition()
	}, 40*time.Second, 100*time.Millisecond, "%s: %v", what, s.measured)
}

// hears waits for an event of an application and returns the first one.
func (s *signals) hears(app, event string) heard {
	s.t.Helper()
	is := func(h heard) bool { return h.app == app && h.event == event }
	s.await(func() bool { return slices.ContainsFunc(s.heard, is) }, app+" "+event)
	return s.heard[slices.IndexFunc(s.heard, is)]
}

// measures waits until a metric of an application has this value.
func (s *signals) measures(key string, right func(float64) bool) {
	s.t.Helper()
	s.await(func() bool {
		v, has := s.measured[key]
		return has && right(v)
	}, key)
}

func is(want float64) func(float64) bool { return func(v float64) bool { return v == want } }

func positive(v float64) bool { return v > 0 }

// TestPM2Signals runs a real PM2 and the shipped agent. PM2's log messages about processes
// that start, crash, are killed, grow too large or are given up arrive as events, its
// process list as metrics, and nothing of the processes' environment arrives.
func TestPM2Signals(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-of-the-environment"
	p := newPM2(t)
	p.env = map[string]string{"PM2_WORKER_INTERVAL": "1000", "API_TOKEN": secret}
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "shop")
	g := startGateway(t, reg)
	a := startAgent(t, g, reg, "shop", p.home,
		"--config", "yaml:receivers::pm2::include_log_record_original: true",
		"--config", "yaml:receivers::pm2::metrics::collection_interval: 1s",
		"--config", "yaml:receivers::pm2::metrics::timeout: 1s")
	s := newSignals(t, g)

	p.run("start", "signals.config.js")
	s.hears("pm2", "pm2.daemon.start")
	start := s.hears("steady", "pm2.process.start")
	assert.Equal(t, "fork", start.attributes["pm2.process.exec_mode"])
	assert.Equal(t, "0", start.id)
	s.hears("steady", "pm2.process.online")
	exit := s.hears("exits", "pm2.process.exit")
	assert.Equal(t, int64(3), exit.attributes["process.exit.code"])
	assert.Equal(t, plog.SeverityNumberWarn, exit.severity)
	over := s.hears("loops", "pm2.process.restart_overlimit")
	assert.Equal(t, plog.SeverityNumberError, over.severity)
	assert.Equal(t, int64(2), over.attributes["pm2.process.unstable_restarts"])
	fat := s.hears("fat", "pm2.process.max_memory_restart")
	assert.Greater(t, fat.attributes["pm2.process.memory.usage"], int64(100<<20))
	assert.Equal(t, int64(100<<20), fat.attributes["pm2.process.memory.limit"])
	p.run("stop", "fat")
	s.await(func() bool {
		return slices.ContainsFunc(s.heard, func(h heard) bool { return h.app == "pm2" && h.body == "written past PM2" })
	}, "what a process wrote past PM2")

	s.measures("steady pm2.process.status online", is(1))
	s.measures("steady pm2.process.memory.usage", positive)
	s.measures("steady pm2.process.uptime", positive)
	s.measures("loops pm2.process.status errored", is(1))
	s.measures("exits pm2.process.status stopped", is(1))
	assert.Equal(t, "0", strings.TrimPrefix(s.resources["steady"]["service.instance.id"].(string), hostName(t)+":"))
	assert.Equal(t, int64(0), s.resources["steady"]["pm2.process.id"])

	require.NoError(t, syscall.Kill(p.pid("killed-1.pid"), syscall.SIGKILL))
	killed := s.hears("killed", "pm2.process.exit")
	assert.Equal(t, "SIGKILL", killed.attributes["pm2.process.exit.signal"])
	assert.NotContains(t, killed.attributes, "process.exit.code")
	s.measures("killed pm2.process.restarts", is(1))
	p.run("restart", "steady")
	s.hears("steady", "pm2.process.stop")
	s.measures("steady pm2.process.restarts", is(1))
	p.run("stop", "steady")
	s.measures("steady pm2.process.status stopped", is(1))
	s.measures("steady pm2.process.status online", is(0))

	// A missing daemon is not a fault, and the agent keeps asking.
	p.kill()
	s.hears("pm2", "pm2.daemon.stop")
	s.measured = measured{}
	p.run("start", "signals.config.js", "--only", "steady")
	s.measures("steady pm2.process.status online", is(1))
	p.kill()
	written, err := os.ReadFile(filepath.Join(p.home, "pm2.log"))
	require.NoError(t, err)
	s.await(func() bool { return len(s.lines()) >= bytes.Count(written, []byte("\n")) }, "the rest of pm2.log")
	a.stop()
	g.stop()
	s.poll()
	want := strings.Split(strings.TrimSuffix(string(written), "\n"), "\n")
	slices.Sort(want)
	assert.Equal(t, want, s.lines(), "each line of PM2's log once")
	checkSecret(t, g.data, secret)
	assert.NotContains(t, a.Output(), secret)
	assert.NotContains(t, g.Output(), secret)
}

// lines returns the lines of PM2's log that have arrived, sorted.
func (s *signals) lines() []string {
	var got []string
	for _, h := range s.heard {
		got = append(got, strings.Split(h.original, "\n")...)
	}
	slices.Sort(got)
	return got
}

// checkSecret requires that no file of the folder contains the text.
func checkSecret(t *testing.T, dir, secret string) {
	t.Helper()
	files := 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		files++
		assert.False(t, bytes.Contains(raw, []byte(secret)), "%s has the secret", path)
		return err
	}))
	assert.NotZero(t, files)
}

// pid returns the process ID in a pid file.
func (p *pm2) pid(file string) int {
	p.t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.home, "pids", file))
	require.NoError(p.t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	require.NoError(p.t, err)
	return pid
}

func hostName(t *testing.T) string {
	t.Helper()
	name, err := os.Hostname()
	require.NoError(t, err)
	return name
}
