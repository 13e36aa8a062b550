// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package segmented

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writerEnv is the directory in which the test binary writes a log as a gateway
// does.
const writerEnv = "AUDIT_TEST_WRITER"

// TestWriterProcess is the process that TestLog_SurvivesKills kills. It prints each
// number once the entry is on disk.
func TestWriterProcess(t *testing.T) {
	dir := os.Getenv(writerEnv)
	if dir == "" {
		return // only TestLog_SurvivesKills runs it
	}
	set := gatewaySettings(dir)
	set.MaxBytes = 1 << 20
	s, err := Open(t.Context(), set)
	require.NoError(t, err)
	for n := 0; ; n++ {
		require.NoError(t, s.Append(t.Context(), rejected(fmt.Sprint(n)), rejected("others")))
		fmt.Printf("written %d\n", n)
	}
}

// After a kill, the log contains every acknowledged entry and is intact, also
// before a writer repairs it.
func TestLog_SurvivesKills(t *testing.T) {
	g := newGatewayLog(t)
	g.set.MaxBytes = 1 << 20
	self, err := os.Executable()
	require.NoError(t, err)
	acknowledged := 0
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 15 {
		cmd := exec.Command(self, "-test.run", "^TestWriterProcess$")
		cmd.Env = append(os.Environ(), writerEnv+"="+g.set.Directory[:len(g.set.Directory)-len("/log")])
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for range 1 + rnd.IntN(20) {
			require.True(t, lines.Scan(), "the writer ended on its own")
			acknowledged++
		}
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() {
			acknowledged++ // printed before the kill
		}
		require.Error(t, cmd.Wait())
		g.requireIntact()
		require.GreaterOrEqual(t, len(g.sources()), 2*acknowledged)
	}
	g.add("last")
	r := g.requireIntact()
	assert.Empty(t, r.Warnings)
	assert.Equal(t, int64(1), r.Last, "no segment was damaged")
}
