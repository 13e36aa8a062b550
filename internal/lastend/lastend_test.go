// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lastend

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("LASTEND_TEST_DIR"); dir != "" {
		child(dir, os.Getenv("LASTEND_TEST_END"))
	}
	goleak.VerifyTestMain(m)
}

// child is a process that ends in the way that its environment names.
func child(dir, how string) {
	soon := time.Hour
	if os.Getenv("LASTEND_TEST_OLD") != "" {
		soon = time.Millisecond
	}
	r, _, err := open(dir, "x", fakeSystem(dir), soon)
	if err != nil {
		panic(err)
	}
	if os.Getenv("LASTEND_TEST_OLD") != "" {
		for r.aged() == stateStarted {
			time.Sleep(time.Millisecond) // this process has no test to wait with
		}
	}
	switch how {
	case "clean":
		if err := r.Close(); err != nil {
			panic(err)
		}
	case "overflow":
		debug.SetMaxStack(1 << 20)
		println(overflow(0))
	case "panic":
		go func() { panic("gone") }()
		select {}
	case "memory":
		b, err := os.ReadFile(filepath.Join(dir, "vmstat"))
		if err != nil {
			panic(err)
		}
		n, _ := strconv.Atoi(string(b[len("oom_kill ") : len(b)-1]))
		setKills(dir, n+1)
		kill()
	case "boot":
		_ = os.WriteFile(filepath.Join(dir, "boot"), []byte("second"), 0o600)
		setKills(dir, 9)
		kill()
	case "kill":
		kill()
	}
	os.Exit(0)
}

func (r *Recorder) aged() state {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.record.State
}

func kill() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		_ = self.Kill()
	}
	select {}
}

func overflow(n int) int {
	if n < 0 {
		return 0
	}
	return overflow(n+1) + 1
}

func setKills(dir string, n int) {
	_ = os.WriteFile(filepath.Join(dir, "vmstat"), []byte("oom_kill "+strconv.Itoa(n)+"\n"), 0o600)
}

func fakeSystem(dir string) system {
	return system{vmstat: filepath.Join(dir, "vmstat"), bootID: filepath.Join(dir, "boot")}
}

// Each case is a row of processes, one after the other, and what the next finds.
func TestOpen_ReportsHowThePreviousProcessEnded(t *testing.T) {
	for name, c := range map[string]struct {
		ends []string // with "old " before it: after a while
		want End
	}{
		"none":                         {nil, End{Kind: None}},
		"shut down":                    {[]string{"clean"}, End{Kind: Clean}},
		"killed":                       {[]string{"kill", "kill", "kill", "kill"}, End{Kind: Killed}},
		"stack overflow":               {[]string{"overflow"}, End{Kind: Fault, Faults: 1, Words: "fatal error of the Go runtime, such as a stack overflow"}},
		"panic":                        {[]string{"panic"}, End{Kind: Fault, Faults: 1, Words: "panic: gone"}},
		"memory":                       {[]string{"memory", "memory", "memory"}, End{Kind: Memory, Faults: 3}},
		"another boot":                 {[]string{"boot"}, End{Kind: Killed}},
		"a kill does not end the row":  {[]string{"memory", "kill", "panic"}, End{Kind: Fault, Faults: 2, Words: "panic: gone"}},
		"a shutdown ends the row":      {[]string{"memory", "memory", "clean", "memory"}, End{Kind: Memory, Faults: 1}},
		"a long life ends the row":     {[]string{"memory", "memory", "old kill"}, End{Kind: Killed}},
		"a fault after a long life":    {[]string{"memory", "memory", "old panic"}, End{Kind: Fault, Words: "panic: gone"}},
		"a kill after others' memory":  {[]string{"memory", "old clean", "kill"}, End{Kind: Killed}},
		"the words are read only once": {[]string{"panic", "kill"}, End{Kind: Killed, Faults: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			setKills(dir, 3)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "boot"), []byte("first"), 0o600))
			for _, how := range c.ends {
				cmd := exec.CommandContext(t.Context(), os.Args[0])
				cmd.Env = append(os.Environ(), "LASTEND_TEST_DIR="+dir, "LASTEND_TEST_END="+how)
				if len(how) > 4 && how[:4] == "old " {
					cmd.Env = append(cmd.Env, "LASTEND_TEST_END="+how[4:], "LASTEND_TEST_OLD=1")
				}
				_ = cmd.Run() // most of them fail
			}
			r, end, err := open(dir, "x", fakeSystem(dir), time.Hour)
			require.NoError(t, err)
			assert.Equal(t, c.want, end)
			require.NoError(t, r.Forgive())
			require.NoError(t, r.Close())
		})
	}
}

func TestOpen_IgnoresADamagedRecord(t *testing.T) {
	dir := t.TempDir()
	for _, content := range []string{"", "{}", string(make([]byte, recordSize)), `{"state":"started","faults":9}`} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "x.run"), []byte(content), 0o600))
		r, end, err := open(dir, "x", fakeSystem(dir), time.Hour)
		require.NoError(t, err)
		assert.Equal(t, End{Kind: None}, end)
		require.NoError(t, r.Close())
	}
}

func TestSystem_OnThisMachine(t *testing.T) {
	boot, n := linux().kills()
	if _, err := os.Stat("/proc/vmstat"); err == nil {
		assert.NotEmpty(t, boot)
		assert.GreaterOrEqual(t, n, int64(0))
	} else {
		assert.EqualValues(t, -1, n)
	}
}
