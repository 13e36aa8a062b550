// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/attack"
)

// TestAttacks_AgentIsKilledMeanwhile kills the shipped agent at random moments while local
// programs attack it, an application sends, another one writes to PM2's log, and the
// gateway stops and restarts. Each start succeeds, and everything that was acknowledged or
// written is delivered.
func TestAttacks_AgentIsKilledMeanwhile(t *testing.T) {
	kills := fromEnv(t, "E2E_CRASH_KILLS", 5)
	e := newEdge(t)
	b := newPlace(t, false)
	set := e.settings(strings.TrimPrefix(b.url, "http://") + "/agent/tenant-a")
	set.Args = append(set.Args, "--config",
		"yaml:exporters::tenant_routing: {destinations: {gateway: {otlp_http: {compression: gzip}}}, "+
			"retry: {initial_interval: 50ms, max_interval: 200ms}, circuit_breaker: {open: 200ms}}")
	run := func() *collector { return start(t, set.Env, set.Args...) }
	c := run()
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	target := attack.Target{HTTP: set.Env["OTLP_HTTP_ENDPOINT"], GRPC: set.Env["OTLP_GRPC_ENDPOINT"]}
	kinds := attack.All(attack.Size{Levels: 1_100_000, Elements: 2_000_000, Bomb: 300 << 20, Connections: 20, Stall: time.Second})
	for range 2 {
		work.Go(func() {
			for ctx.Err() == nil {
				one, done := context.WithTimeout(ctx, 20*time.Second)
				_, _ = kinds[rand.IntN(len(kinds))].Run(one, target) // the agent is sometimes down
				done()
				pause(ctx, time.Millisecond)
			}
		})
	}
	work.Go(func() {
		for ; ctx.Err() == nil; pause(ctx, 300*time.Millisecond) {
			b.mu.Lock()
			b.busy = !b.busy
			b.mu.Unlock()
		}
	})
	l := newCrashLoad(t, target.GRPC, target.HTTP, []string{"tenant-a"}, []string{""})
	last := 0
	for range kills {
		before := l.count()
		require.Eventually(t, func() bool { return l.count() > before+20 }, 30*time.Second, time.Millisecond, "the application is not served")
		e.appendLines(last+1, last+50)
		last += 50
		pause(t.Context(), time.Duration(rand.IntN(1500))*time.Millisecond)
		select {
		case <-c.Done():
			require.Fail(t, "the agent has ended by itself", c.Tail(4000))
		default:
		}
		require.NoError(t, c.Kill())
		assert.NotContains(t, c.Output(), "was set aside")
		c = run()
	}
	cancel()
	work.Wait()
	l.stop()
	b.mu.Lock()
	b.busy = false
	b.mu.Unlock()
	expected := l.result()
	acknowledged := len(expected)
	for line := range strings.Lines(edgeLines(1, last)) {
		expected[strings.TrimSuffix(line, "\n")] = true
	}
	require.Eventually(t, func() bool { return lacks(expected, "agent", b) == 0 }, time.Minute, 50*time.Millisecond,
		"what was acknowledged or written is not delivered")
	t.Logf("%d kills, %d records acknowledged, %d lines written", kills, acknowledged, last)
	c.stop()
	assert.NotContains(t, c.Output(), "panic")
}
