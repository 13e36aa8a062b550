// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2rotation

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func line(i int) string { return fmt.Sprintf("seq=%08d app=a-0", i) }

func TestCompare_DistinguishesLosses(t *testing.T) {
	a := NewAccount()
	a.Written("a-out.log", []byte(line(1)+" x\n"+line(2)+" y\n"))
	a.fates[line(1)].written = a.fates[line(1)].written.Add(-time.Hour)
	a.Gone("a-out.log", "flushed")
	a.Written("a-out.log", []byte(line(3)+"\n"))
	a.Copied([]byte(line(3) + "\n"))
	a.Gone("a-out.log", "rotated")
	a.Written("a-out.log", []byte(line(4)+"\n"+line(5)+"\n"))
	a.Moved("a-out.log", "a-out.log.1")
	a.Gone("a-out.log", "flushed")

	all := map[string]int{line(1): 1, line(3): 1, line(4): 1, line(5): 1}
	res := a.Compare(all, 7, time.Minute)
	assert.True(t, res.OK(), res.String())
	assert.Equal(t, map[string]int{"flushed": 1}, res.Unreadable)
	assert.Equal(t, 2, res.NeverWritten)
	for _, must := range []int{1, 3, 4, 5} { // long in a file, copied, moved
		got := map[string]int{line(1): 1, line(3): 1, line(4): 1, line(5): 1}
		delete(got, line(must))
		assert.Equal(t, []string{line(must)}, a.Compare(got, 7, time.Minute).Missing)
	}
	all[line(4)], all[line(9)] = 2, 1
	res = a.Compare(all, 7, time.Minute)
	assert.Equal(t, []string{line(4)}, res.Repeated)
	assert.Equal(t, []string{line(9)}, res.Unknown)
	assert.Equal(t, 1, res.NeverWritten)
	assert.False(t, res.OK())

	a.Copied([]byte(line(6) + "\n")) // which nobody saw in its original
	assert.Equal(t, []string{line(6)}, a.Compare(map[string]int{line(1): 1, line(3): 1, line(4): 1, line(5): 1}, 7, time.Minute).Missing)
}

// At the end of a replay the files hold what the account says.
func TestReplay_LeavesWhatItAccountsFor(t *testing.T) {
	for _, trace := range []string{"A", "B"} {
		ops, err := Load(filepath.Join("..", "..", "testdata", "pm2", "rotation", "trace-"+trace+".jsonl.gz"))
		require.NoError(t, err)
		dir := t.TempDir()
		r := NewReplay(dir, 1e6)
		require.NoError(t, r.Run(context.Background(), ops))
		names, err := filepath.Glob(filepath.Join(dir, "*-out*.log*"))
		require.NoError(t, err)
		onDisk := map[string]int{}
		for _, name := range names {
			if filepath.Ext(name) == ".gz" {
				continue // the account has opened them
			}
			data, err := os.ReadFile(name)
			require.NoError(t, err)
			for _, n := range Names(data) {
				onDisk[n]++
			}
		}
		present := 0
		for name, f := range r.fates {
			if f.gone.IsZero() {
				present++
				assert.Equal(t, 1, onDisk[name], name)
			}
		}
		assert.Positive(t, present)
		assert.Greater(t, len(r.fates), 10_000)
	}
}
