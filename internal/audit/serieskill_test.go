package audit

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

// writerEnv names the folder in which the test binary writes as a gateway does.
const writerEnv = "AUDIT_TEST_WRITER"

// TestSeries_IsTheWriterProcess is the process that the next test kills. It says
// each number once it is on disk.
func TestSeries_IsTheWriterProcess(t *testing.T) {
	dir := os.Getenv(writerEnv)
	if dir == "" {
		return // it is asked for by the next test alone
	}
	set := gatewaySettings(dir)
	set.MaxBytes = 1 << 20
	s, err := OpenSeries(t.Context(), set)
	require.NoError(t, err)
	for n := 0; ; n++ {
		require.NoError(t, s.Append(t.Context(), refusal(fmt.Sprint(n)), refusal("others")))
		fmt.Printf("written %d\n", n)
	}
}

// Whatever was said to be written is there after a kill, and the log is whole,
// also before anybody goes on with it.
func TestSeries_OutlivesKills(t *testing.T) {
	g := newGatewayLog(t)
	g.set.MaxBytes = 1 << 20
	self, err := os.Executable()
	require.NoError(t, err)
	acknowledged := 0
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 15 {
		cmd := exec.Command(self, "-test.run", "^TestSeries_IsTheWriterProcess$")
		cmd.Env = append(os.Environ(), writerEnv+"="+g.set.Path[:len(g.set.Path)-len("/log")])
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for range 1 + rnd.IntN(20) {
			require.True(t, lines.Scan(), "the writer ended by itself")
			acknowledged++
		}
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() {
			acknowledged++ // said before it was killed
		}
		require.Error(t, cmd.Wait())
		g.whole()
		require.GreaterOrEqual(t, len(g.sources()), 2*acknowledged)
	}
	g.add("last")
	r := g.whole()
	assert.Empty(t, r.Warnings)
	assert.Equal(t, int64(1), r.Last, "nothing was damaged")
}
