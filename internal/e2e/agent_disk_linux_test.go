// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bigLines returns lines that do not compress.
func bigLines(first, last int) string {
	var b strings.Builder
	for i := first; i <= last; i++ {
		fmt.Fprintf(&b, "line %04d ", i)
		for range 40 {
			fmt.Fprintf(&b, "%016x", rand.Uint64())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestAgentDelivery_FullDisk fills the agent's disk with data that the gateway does not
// accept, kills the agent, and then lets the gateway accept data. Each line arrives:
// acknowledged data is in the queue, and the rest is still in PM2's file.
func TestAgentDelivery_FullDisk(t *testing.T) {
	e := newEdge(t)
	e.sink = newSink(t)
	smallDisk(t, e.state, "8m")
	away := addresses(t, 1)[0]
	text := bigLines(1, 12_000) // 8 MB
	require.NoError(t, os.WriteFile(e.log, []byte(text), 0o600))
	c := e.start(away, quickly()...)
	const full = "Storage does not take data because the disk is full"
	require.Eventually(t, func() bool { return strings.Contains(c.Output(), full) }, 2*time.Minute, 20*time.Millisecond)
	assert.Contains(t, c.Output(), "A destination cannot be reached")
	assert.Contains(t, c.Output(), away)
	require.NoError(t, c.Kill())
	c = e.start(away, quickly()...)
	require.Eventually(t, func() bool { return strings.Contains(c.Output(), full) }, 2*time.Minute, 20*time.Millisecond)
	require.NoError(t, c.Kill())

	e.start(e.sink.http, quickly()...)
	// Lines whose offset was not saved when the agent was killed are read again. They have
	// the same uid, which arrived checks.
	require.Eventually(t, func() bool { return e.sink.logs.LogRecordCount() >= 12_000 && len(e.arrived()) >= 12_000 }, 3*time.Minute, 200*time.Millisecond)
	got := e.arrived()
	for i := 1; i <= 12_000; i++ {
		assert.Positive(t, got[i], "line %d", i)
	}
	assert.Len(t, got, 12_000)
	assert.Zero(t, e.metric("otelcol_exporter_tenant_routing_dropped_records"))
	assert.Zero(t, e.metric("otelcol_exporter_tenant_routing_dead_lettered_records"))
}
