// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// badGauge is a metric that a strict store rejects, of a tenant.
func (c *clock) badGauge(owner string, n int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	c.describe(rm.Resource(), owner)
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("bad_temperature")
	p := m.SetEmptyGauge().DataPoints().AppendEmpty()
	p.SetTimestamp(c.at(n))
	p.SetIntValue(int64(n))
	return md
}

// TestStoreReplay_OfAllSignals delivers three signals of two tenants to a store each, which
// rejects some of it. Once the stores accept it, the dead letters are replayed: each tenant
// has all of its own data and nothing else.
func TestStoreReplay_OfAllSignals(t *testing.T) {
	t.Parallel()
	logs, metrics := newVictoria(t, "victoria-logs"), newVictoria(t, "victoria-metrics", "-search.latencyOffset=0s")
	fronts := []*strict{newStrict(t, logs), newStrict(t, metrics)}
	destinations, traces := "", (*store)(nil)
	if _, err := os.Stat(filepath.Join(root, "_build", "backends", "victoria-traces")); err == nil {
		traces = newVictoria(t, "victoria-traces")
		fronts = append(fronts, newStrict(t, traces))
		destinations = `
      spans: {profile: victoriatraces, otlp_http: {endpoint: "` + fronts[2].url + `"}}`
	} else { // CI has no store for traces
		span := newSink(t)
		destinations = `
      spans: {otlp_http: {endpoint: "http://` + span.http + `", compression: none}}`
	}
	r := newRig(t, `
    destinations:
      lines: {profile: victorialogs, otlp_http: {endpoint: "`+fronts[0].url+`"}}
      points: {profile: victoriametrics, otlp_http: {endpoint: "`+fronts[1].url+`"}}`+destinations+`
    routes: {logs: [lines], metrics: [points], traces: [spans]}`+fastRetry, "acme", "bolt")
	accounts := map[string]string{"acme": "7", "bolt": "8"}
	for owner, account := range accounts {
		r.reg.ctl("tenant", "update", owner, "--var", "account_id="+account)
	}
	g := r.run()
	c := newClock()
	for n := 1; n <= 10; n++ {
		for owner := range accounts {
			r.post(owner, c.logs(owner, n, line(n)))
			r.post(owner, c.metrics(owner, n))
			r.post(owner, c.spans(owner, n, line(n)))
		}
	}
	for owner := range accounts {
		r.post(owner, c.logs(owner, 11, line(11), "bad line of "+owner))
		r.post(owner, c.badGauge(owner, 11))
		if traces != nil {
			r.post(owner, c.spans(owner, 11, line(11), "bad span of "+owner))
		}
	}
	r.drained()
	letters := map[string]map[string][]string{}
	for owner := range accounts {
		letters[owner] = map[string][]string{"lines logs": {"bad line of " + owner}, "points metrics": {"bad_temperature"}}
		if traces != nil {
			letters[owner]["spans traces"] = []string{"bad span of " + owner}
		}
		assert.Equal(t, letters[owner], r.dead(owner))
	}

	for _, front := range fronts {
		front.lenient.Store(true)
	}
	// Letters that were written a moment ago are skipped.
	require.Eventually(t, func() bool {
		out, err := exec.Command(built(t, "tenantctl"), "deadletter", "replay", "--directory", r.letters).CombinedOutput()
		t.Logf("%s", out)
		return err == nil
	}, 30*time.Second, 500*time.Millisecond)
	var left []json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(r.reg.ctl("deadletter", "list", "--directory", r.letters)), &left))
	assert.Empty(t, left)

	names := func(s *store, account, field string) (all []string) {
		for _, row := range s.rows(account) {
			all = append(all, row[field])
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	for owner, account := range accounts {
		want := []string{"bad line of " + owner}
		for n := 1; n <= 11; n++ {
			want = append(want, line(n))
		}
		require.Eventually(t, func() bool { return slices.Equal(want, names(logs, account, "_msg")) }, 30*time.Second, 100*time.Millisecond,
			"%s: %v", owner, names(logs, account, "_msg"))
		require.Eventually(t, func() bool {
			return len(metrics.samples("bad_temperature", owner)) == 1 && len(metrics.samples(temperature, owner)) == 10
		}, 30*time.Second, 100*time.Millisecond, owner)
		if traces != nil {
			want[0] = "bad span of " + owner
			require.Eventually(t, func() bool { return slices.Equal(want, names(traces, account, "name")) }, 30*time.Second, 100*time.Millisecond)
		}
	}
	assert.Empty(t, logs.rows("0"), "the account of requests without one")
	assert.Empty(t, r.total().queued)
	g.stop()
}
