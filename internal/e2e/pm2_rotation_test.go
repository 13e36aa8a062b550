// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/pm2rotation"
)

// shippedPoll is the poll interval of the shipped agent.
const shippedPoll = 100 * time.Millisecond

// numberedLines returns how often each numbered line has arrived, by its name.
func (e *edge) numberedLines() map[string]int {
	got := map[string]int{}
	e.each(func(original, _ string) {
		if name := pm2rotation.Name(original); name != "" {
			got[name]++
		}
	})
	return got
}

// result waits until the agent has sent all lines of the run, then watches for
// duplicates, and returns the comparison. The agent decides for some seconds whether a
// new file is a copy of one that it has read.
func (e *edge) result(account *pm2rotation.Account, emitted int, look time.Duration) pm2rotation.Result {
	e.t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	compare := func() pm2rotation.Result { return account.Compare(e.numberedLines(), emitted, look) }
	for end := time.Now().Add(30 * time.Second); !compare().OK() && time.Now().Before(end); <-tick.C {
	}
	for end := time.Now().Add(3 * time.Second); compare().OK() && time.Now().Before(end); <-tick.C {
	}
	return compare()
}

// TestPM2RotationReplay replays both recorded runs of a log folder under pm2-logrotate to
// the built agent, at E2E_ROTATION_SPEED (10) times the original speed. Every line that was
// in a file for longer than a poll, or is in a file or a copy, arrives exactly once.
func TestPM2RotationReplay(t *testing.T) {
	speed := fromEnv(t, "E2E_ROTATION_SPEED", 10)
	for _, trace := range []string{"A", "B"} {
		t.Run("trace "+trace+" at "+strconv.Itoa(speed)+"x", func(t *testing.T) {
			folder := filepath.Join(root, "testdata", "pm2", "rotation")
			ops, err := pm2rotation.Load(filepath.Join(folder, "trace-"+trace+".jsonl.gz"))
			require.NoError(t, err)
			var emitted map[string]int
			raw, err := os.ReadFile(filepath.Join(folder, "emitted-"+trace+".json"))
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(raw, &emitted))
			lines := 0
			for _, n := range emitted {
				lines += n
			}
			e := newEdge(t)
			e.sink = newSink(t)
			c := e.start(e.sink.http)
			stall := pm2rotation.WatchStalls()
			r := pm2rotation.NewReplay(filepath.Dir(e.log), float64(speed))
			require.NoError(t, r.Run(t.Context(), ops))
			look := shippedPoll + 100*time.Millisecond + 2*stall()
			res := e.result(&r.Account, lines, look)
			t.Logf("%s; a look is %v; %v truncations, %v rotations, %v copies with something new", res, look,
				e.metric("otelcol_receiver_pm2_truncations"), e.metric("otelcol_receiver_pm2_rotations"), e.metric("otelcol_receiver_pm2_recovered_copies"))
			assert.True(t, res.OK(), res.String())
			assert.Greater(t, res.Received, 10_000)
			c.stop()
		})
	}
}
