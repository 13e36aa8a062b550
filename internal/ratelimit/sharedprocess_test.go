// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ratelimit

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/ratelimit/redistest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	gatewayEnv    = "RATELIMIT_SHARED_GATEWAY" // address rate
	sharedSeconds = "SHARED_LIMIT_SECONDS"     // how long the test with four processes takes
	perRequest    = 100                        // few enough requests for a busy machine
)

// TestShared_IsOneOfFourGateways sends as fast as it may if the environment asks
// for it, from the first line of its input to the end of it, and prints how much
// passed.
func TestShared_IsOneOfFourGateways(t *testing.T) {
	order := strings.Fields(os.Getenv(gatewayEnv))
	if len(order) != 2 {
		return // run by go test, not by the test below
	}
	rate, err := strconv.ParseInt(order[1], 10, 64)
	require.NoError(t, err)
	s := startSharing(t, order[0], rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: rate}), func(c *sharingSettings) { c.timeout = time.Minute })
	fmt.Println("ready")
	input := bufio.NewReader(os.Stdin)
	_, err = input.ReadString('\n')
	require.NoError(t, err)
	var ended atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, input)
		ended.Store(true)
	}()
	accepted := 0
	for !ended.Load() {
		if _, over := s.send(tenant.Logs, perRequest); over.Limit == None {
			accepted += perRequest
		} else {
			time.Sleep(time.Millisecond) // as a client that is rejected pauses
		}
	}
	require.False(t, s.shared.failed.Load())
	fmt.Printf("accepted %d\n", accepted)
}

// sharingProcess is a gateway in a process of its own.
type sharingProcess struct {
	t     *testing.T
	cmd   *exec.Cmd
	input io.WriteCloser
	lines *bufio.Scanner
}

func startSharingProcess(t *testing.T, redisAddr string, rate int) *sharingProcess {
	t.Helper()
	p := &sharingProcess{t: t, cmd: exec.Command(os.Args[0], "-test.run=^TestShared_IsOneOfFourGateways$")}
	p.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", gatewayEnv, redisAddr, rate))
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.input, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	p.lines = bufio.NewScanner(out)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.read("ready")
	return p
}

// read returns the next line that begins with prefix, without it.
func (p *sharingProcess) read(prefix string) string {
	p.t.Helper()
	for p.lines.Scan() {
		if rest, ok := strings.CutPrefix(p.lines.Text(), prefix); ok {
			return strings.TrimSpace(rest)
		}
	}
	require.Fail(p.t, "the process did not say "+prefix)
	return ""
}

// TestShared_FourProcessesKeepOneRate measures for two seconds, or as long as the
// environment says; docs/benchmarks.md has the result of 60.
func TestShared_FourProcessesKeepOneRate(t *testing.T) {
	r := redistest.Start(t)
	const rate, gateways = 10_000, 4
	seconds, tolerance := 2, 0.10
	if text := os.Getenv(sharedSeconds); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		seconds, tolerance = n, 0.02
	}
	var processes []*sharingProcess
	for range gateways {
		processes = append(processes, startSharingProcess(t, r.Addr, rate))
	}
	// What is allowed is of the time that all are at it, however long a busy machine
	// takes to begin and to end.
	began := time.Now()
	for _, p := range processes {
		_, err := io.WriteString(p.input, "go\n")
		require.NoError(t, err)
	}
	allBegan := time.Now()
	time.Sleep(time.Duration(seconds) * time.Second) // the rate is measured over this time
	ending := time.Now()
	for _, p := range processes {
		require.NoError(t, p.input.Close())
	}
	accepted := 0
	for _, p := range processes {
		n, err := strconv.Atoi(p.read("accepted"))
		require.NoError(t, err)
		accepted += n
	}
	ended := time.Now()
	for _, p := range processes {
		require.NoError(t, p.cmd.Wait())
	}
	burst := rate // of a second
	least, most := rate*ending.Sub(allBegan).Seconds()+float64(burst), rate*ended.Sub(began).Seconds()+float64(burst)
	t.Logf("4 processes, %d s: accepted %d records, the rate allows %.0f and a burst of %d: %+.2f %% of what is allowed",
		seconds, accepted, least-float64(burst), burst, 100*(float64(accepted)/least-1))
	assert.GreaterOrEqual(t, float64(accepted), least*(1-tolerance))
	assert.LessOrEqual(t, float64(accepted), most*(1+tolerance))
}
