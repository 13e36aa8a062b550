// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sendingQueue returns the arguments of an agent that delivers through upstream's exporter.
func sendingQueue() []string {
	return []string{"--config", filepath.Join("testdata", "agent", "sending-queue.yaml")}
}

// TestCrashLoop ends an agent with upstream's sending queue three times soon after its
// start. If the runtime wrote a crash report each time, as it does when a queued request
// overflows the stack, the queues are set aside and the agent delivers new data. If it
// wrote none, the agent was killed from outside.
func TestCrashLoop(t *testing.T) {
	for name, words := range map[string]string{"by its own fault": "panic: poison\n", "killed": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t)
			e.sink = newSink(t)
			for range 3 {
				c := e.start(e.sink.http, sendingQueue()...)
				require.NoError(t, c.Kill())
				if words != "" {
					require.NoError(t, os.WriteFile(filepath.Join(e.state, "last_run.crash"), []byte(words), 0o600))
				}
			}
			c := e.start(e.sink.http, sendingQueue()...)
			e.appendLines(1, 10)
			e.await(1, 10)
			aside, err := filepath.Glob(filepath.Join(e.state, "*.poison"))
			require.NoError(t, err)
			if words == "" {
				assert.Empty(t, aside)
				return
			}
			require.Len(t, aside, 3, "one of each signal")
			for _, path := range aside {
				assert.True(t, strings.HasPrefix(filepath.Base(path), "exporter_otlp_http_"), path)
			}
			assert.Contains(t, c.Output(), "a queue was set aside")
			assert.EqualValues(t, 3, e.metric("otelcol_extension_storage_check_poisoned_files"))
		})
	}
}
