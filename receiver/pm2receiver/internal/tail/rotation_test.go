// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/pm2rotation"
)

// Every line that was in a file for longer than a poll, or is in one or in a
// copy, arrives once.
func TestRotation_LosesOnlyUnreadableLines(t *testing.T) {
	for _, trace := range []string{"A", "B"} {
		t.Run("trace "+trace, func(t *testing.T) {
			folder := "../../../../testdata/pm2/rotation"
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
			h := newHome(t)
			h.start()
			stall := pm2rotation.WatchStalls()
			r := pm2rotation.NewReplay(h.dir, 10)
			require.NoError(t, r.Run(context.Background(), ops))
			// A poll, and what the machine needed to get round to it: other tests run
			// beside this one.
			look := 40*time.Millisecond + 2*stall()
			account := func() (pm2rotation.Result, int) {
				got := map[string]int{}
				for _, line := range h.got() {
					if name := pm2rotation.Name(line); name != "" {
						got[name]++
					}
				}
				return r.Compare(got, lines, look), len(got)
			}
			for end := time.Now().Add(time.Minute); time.Now().Before(end); h.waitForPolls() {
				if res, _ := account(); res.OK() {
					break
				}
				h.advance(time.Second) // what a copy holds may be read only when nobody doubts it
			}
			h.advance(2 * time.Minute) // no copy is waited for any more
			for range 5 {
				h.waitForPolls()
			}
			res, received := account()
			t.Logf("%s; %d truncations, %d rotations, %d copies with something new",
				res, h.meter.truncated.Load(), h.meter.rotated.Load(), h.meter.recovered.Load())
			assert.True(t, res.OK(), res.String())
			assert.Greater(t, received, 10_000)
		})
	}
}
