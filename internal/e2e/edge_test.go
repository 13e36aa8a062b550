// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// edge is the shipped agent with a backend in the test instead of a gateway.
type edge struct {
	t           *testing.T
	home, state string
	log         string // the only log file
	sink        *sink
	metrics     string // port
}

func newEdge(t *testing.T) *edge {
	t.Helper()
	e := &edge{t: t, home: t.TempDir(), state: filepath.Join(t.TempDir(), "state")}
	require.NoError(t, os.Mkdir(filepath.Join(e.home, "logs"), 0o700))
	e.log = filepath.Join(e.home, "logs", "app-out.log")
	return e
}

// settings returns the settings of the agent; it sends to endpoint.
func (e *edge) settings(endpoint string) process.Settings {
	e.t.Helper()
	free := addresses(e.t, 4)
	e.metrics = port(free[3])
	key, _ := apikey.New()
	return process.Settings{
		Path:  built(e.t, "otelcol-tenant"),
		Args:  []string{"--config", filepath.Join(root, "distributions", "agent", "config.yaml"), "--config", "yaml:receivers::pm2::include_log_record_original: true"},
		Ready: "Everything is ready",
		Env: map[string]string{
			"BUSINESS_ID": "tenant-a", "TENANT_KEY": key, "GATEWAY_ENDPOINT": "http://" + endpoint,
			"PM2_HOME": e.home, "STATE_DIR": e.state, "TZ": "UTC", "HEALTH_ENDPOINT": free[2],
			"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "METRICS_PORT": e.metrics,
		},
	}
}

func (e *edge) start(endpoint string, args ...string) *collector {
	e.t.Helper()
	set := e.settings(endpoint)
	return start(e.t, set.Env, append(set.Args, args...)...)
}

func edgeLines(first, last int) string {
	var b strings.Builder
	for i := first; i <= last; i++ {
		fmt.Fprintf(&b, "line %04d %s\n", i, strings.Repeat("x", 200))
	}
	return b.String()
}

// write rewrites the log file in place so that it contains just the lines up to last.
func (e *edge) write(last int) {
	e.t.Helper()
	require.NoError(e.t, os.WriteFile(e.log, []byte(edgeLines(1, last)), 0o600))
}

func (e *edge) appendLines(first, last int) {
	e.t.Helper()
	f, err := os.OpenFile(e.log, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	require.NoError(e.t, err)
	_, err = f.WriteString(edgeLines(first, last))
	require.NoError(e.t, err)
	require.NoError(e.t, f.Close())
}

// each calls f for every record that has arrived, with the original line and its uid.
func (e *edge) each(f func(original, uid string)) {
	for _, ld := range e.sink.logs.AllLogs() {
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, rec := range sl.LogRecords().All() {
					original, _ := rec.Attributes().Get("log.record.original")
					uid, _ := rec.Attributes().Get("log.record.uid")
					f(original.Str(), uid.Str())
				}
			}
		}
	}
}

// arrived returns how often each line has arrived, by its number, and requires that each
// line has one uid.
func (e *edge) arrived() map[int]int {
	e.t.Helper()
	lines, uids := map[int]int{}, map[int]string{}
	e.each(func(original, uid string) {
		var n int
		_, err := fmt.Sscanf(original, "line %d ", &n)
		require.NoError(e.t, err, original)
		if lines[n]++; lines[n] > 1 {
			assert.Equal(e.t, uids[n], uid, "line %d", n)
		}
		uids[n] = uid
	})
	return lines
}

// await waits until the lines from first to last have arrived.
func (e *edge) await(first, last int) {
	e.t.Helper()
	require.Eventually(e.t, func() bool {
		got := e.arrived()
		for i := first; i <= last; i++ {
			if got[i] == 0 {
				return false
			}
		}
		return true
	}, 30*time.Second, 20*time.Millisecond, "lines %d to %d have not arrived", first, last)
}

// metric returns the sum of a metric of the running agent. A unit may follow its name.
func (e *edge) metric(name string) (sum float64) {
	e.t.Helper()
	for line := range strings.Lines(string(get(e.t, "http://127.0.0.1:"+e.metrics+"/metrics"))) {
		line = strings.TrimSpace(line)
		if id := line[:max(0, strings.IndexAny(line, "{ "))]; id != name && !strings.HasPrefix(id, name+"_") {
			continue
		}
		n, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		require.NoError(e.t, err, line)
		sum += n
	}
	return sum
}
