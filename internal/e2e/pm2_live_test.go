// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/pm2corpus"
)

// liveApp is the expectation for an application of ecosystem.config.js.
type liveApp struct {
	last  string // text in its last write
	times int    // how many of its processes or restarts write that text
	kept  kept
}

// kept describes how much of an application's output PM2 keeps.
type kept int

const (
	whole   kept = iota // every byte, except characters that PM2 splits between two reads
	crashed             // not all: PM2 loses output in progress when a process dies
	broken              // lines written in parts are broken up, and parts are lost
)

var liveApps = map[string]liveApp{
	"orders":      {last: `batch finished`, times: 1},
	"billing":     {last: `INV-1089`, times: 1},
	"catalog":     {last: `"hits":237`, times: 1},
	"legacy":      {last: `trace here`, times: 1},
	"legacy-text": {last: `trace here`, times: 1},
	"legacy-time": {last: `trace here`, times: 1, kept: broken},
	"burst":       {last: `burst finished`, times: 1},
	"burst-c":     {last: `burst finished`, times: 1},
	"weird":       {last: `unterminated tail`, times: 1},
	"duo":         {last: `trace here`, times: 2},
	"crashy":      {last: `has recovered`, times: 1, kept: crashed}, // crashes twice before
	"crashy-c":    {last: `has recovered`, times: 1, kept: crashed},
	"orders-all":  {last: `batch finished`, times: 1},
	"web":         {last: ` up`, times: 3, kept: crashed}, // two instances, one of them restarted after its crash
}

// TestPM2Live runs a real PM2 with a live agent that follows the files while they are
// written. The tenant's archive contains exactly what PM2 put into its files. Except for
// the output that PM2 is known to lose, the files contain exactly what the applications
// recorded.
func TestPM2Live(t *testing.T) {
	t.Parallel()
	p := newPM2(t)
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "shop")
	g := startGateway(t, reg, inOrder()...)
	a := startAgent(t, g, reg, "shop", p.home, exact()...)

	p.run("start", "ecosystem.config.js")
	visitWeb(t, p)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		outputs, err := pm2corpus.ReadTruth(p.truth)
		require.NoError(t, err)
		for name, app := range liveApps {
			assert.GreaterOrEqual(c, writes(outputs, name, app.last), app.times, "%s has not finished", name)
		}
	}, 120*time.Second, 100*time.Millisecond)
	var outputs []pm2corpus.Output
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		var err error
		outputs, err = pm2corpus.ReadTruth(p.truth) // again, in case of a late line of the web server's access log
		require.NoError(t, err)
		for _, o := range outputs {
			assert.NoError(c, checkOutput(p, o), "process %d of %s, %s", o.ProcessID, o.App, o.Stream)
		}
	}, 30*time.Second, 200*time.Millisecond, "PM2's files do not have what was written")
	checkCrashes(t, outputs)
	p.kill()
	checkStacks(t, p, outputs)

	want, total := map[string][]pm2corpus.Expected{}, 0
	names, err := filepath.Glob(filepath.Join(p.home, "logs", "*.log"))
	require.NoError(t, err)
	for _, name := range names {
		want[filepath.Base(name)] = pm2corpus.Expect(read(t, name), textFile(name))
		if repeats(names, name) {
			want[filepath.Base(name)] = nil
		}
		total += len(want[filepath.Base(name)])
	}
	got := newArrivals(t, g, "shop")
	got.await(want, 20*time.Second)
	a.stop()
	g.stop()
	got.poll()
	for file := range got.lines {
		assert.Contains(t, want, file)
	}
	for _, file := range slices.Sorted(maps.Keys(want)) {
		r := pm2corpus.Compare(want[file], withoutFields(got.lines[file]))
		assert.True(t, r.OK(), "%s: %s", file, r.String())
	}
	t.Logf("%d lines in %d files, %d arrived", total, len(want), got.total)
}

// checkCrashes requires that both crashing applications crashed twice.
func checkCrashes(t *testing.T, outputs []pm2corpus.Output) {
	t.Helper()
	for _, name := range []string{"crashy", "crashy-c"} {
		assert.Equal(t, 2, writes(outputs, name, `reading 'length'`), "crashes of %s", name)
		assert.Equal(t, 3, writes(outputs, name, "crashy up"), "runs of %s", name)
	}
}

// visitWeb makes the web application write in all ways, and crash.
func visitWeb(t *testing.T, p *pm2) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.NoError(c, p.visit("/hello?first"))
		outputs, err := pm2corpus.ReadTruth(p.truth)
		require.NoError(t, err)
		assert.GreaterOrEqual(c, writes(outputs, "web", " up"), 2)
	}, 120*time.Second, 50*time.Millisecond)
	for range 4 {
		for _, path := range []string{"/hello?a=ü", "/multi", "/partial", "/buf", "/boom", "/big"} {
			require.NoError(t, p.visit(path), path)
		}
	}
	require.NoError(t, p.visit("/reject"))
	require.NoError(t, p.visit("/die"))
}

// writes counts the write calls of all processes of the application that contain text.
func writes(outputs []pm2corpus.Output, app, text string) int {
	n := 0
	for _, o := range outputs {
		if o.App != app {
			continue
		}
		for _, call := range slices.Concat(o.Calls, o.Raw) {
			if bytes.Contains(call, []byte(text)) {
				n++
			}
		}
	}
	return n
}

// checkOutput compares what one process wrote to one stream with PM2's file.
func checkOutput(p *pm2, o pm2corpus.Output) error {
	name, err := logFile(p, o)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	lines := linesOf(name, raw)
	if !textFile(name) {
		lines = slices.DeleteFunc(lines, func(w pm2corpus.Written) bool {
			return w.ProcessID == nil || *w.ProcessID != o.ProcessID || w.Stream != o.Stream
		})
	}
	switch liveApps[o.App].kept {
	case whole:
		return pm2corpus.Whole(o.Bytes(), lines)
	case crashed:
		_, err := pm2corpus.Part(o.Bytes(), lines)
		return err
	}
	return checkBroken(o, lines)
}

// checkBroken compares the lines that were written in one call each. PM2 breaks the others
// up and loses what it read before their last newline: some parts of each such line exist,
// alone or together.
func checkBroken(o pm2corpus.Output, lines []pm2corpus.Written) error {
	var once []byte
	var parts []string
	broken := map[string]bool{}
	for _, call := range o.Calls {
		text, ended := strings.CutSuffix(string(call), "\n")
		if len(parts) == 0 && ended {
			once = append(once, call...)
			continue
		}
		parts = append(parts, text)
		if !ended {
			continue
		}
		for from := range parts {
			for to := from + 1; to <= len(parts); to++ {
				broken[strings.Join(parts[from:to], "")] = true
			}
		}
		parts = nil
	}
	lines = slices.DeleteFunc(slices.Clone(lines), func(w pm2corpus.Written) bool { return broken[w.Text] })
	return pm2corpus.Whole(once, lines)
}

// checkStacks requires that the text outside PM2's records is what crashing processes of
// cluster mode left there, each line as often as it was written, except for PM2's own
// messages.
func checkStacks(t *testing.T, p *pm2, outputs []pm2corpus.Output) {
	t.Helper()
	written := map[string]int{"You have triggered an unhandledRejection, you may have forgotten to catch a Promise rejection:": 1}
	for _, o := range outputs {
		for _, raw := range o.Raw {
			for line := range strings.Lines(string(raw)) {
				written[strings.TrimSuffix(line, "\n")]++
			}
		}
	}
	names, err := filepath.Glob(filepath.Join(p.home, "logs", "*.log"))
	require.NoError(t, err)
	stacks := 0
	for _, name := range names {
		for _, line := range read(t, name) {
			if textFile(name) || line.ProcessID != nil {
				continue
			}
			written[line.Text]--
			assert.GreaterOrEqual(t, written[line.Text], 0, "%s has a line that nobody wrote so often: %s", filepath.Base(name), line.Text)
			stacks++
		}
	}
	assert.NotZero(t, stacks, "no crash left its stack outside PM2's records")
}

// logFile returns the file that PM2 writes the stream to.
func logFile(p *pm2, o pm2corpus.Output) (string, error) {
	kind := map[string]string{"stdout": "out", "stderr": "error"}[o.Stream]
	for _, name := range []string{fmt.Sprintf("%s-%s.log", o.App, kind), fmt.Sprintf("%s-%s-%d.log", o.App, kind, o.ProcessID)} {
		path := filepath.Join(p.home, "logs", name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s of process %d of %s has no file", o.Stream, o.ProcessID, o.App)
}

// textFile reports whether the application runs without log_type json.
func textFile(path string) bool {
	return pm2corpus.IsText(filepath.Base(path))
}

func read(t *testing.T, path string) []pm2corpus.Written {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return linesOf(path, raw)
}

func linesOf(path string, raw []byte) []pm2corpus.Written {
	if !textFile(path) {
		return pm2corpus.Reassemble(raw)
	}
	lines := pm2corpus.TextLines(raw, strings.Contains(filepath.Base(path), "-time-"))
	for i := range lines {
		lines[i].Stream = "stdout"
		if strings.Contains(filepath.Base(path), "-error") {
			lines[i].Stream = "stderr"
		}
	}
	return lines
}

// withoutFields removes what this test does not compare: TestPM2Corpus checks PM2's time
// and the logger's fields.
func withoutFields(lines []pm2corpus.Line) []pm2corpus.Line {
	for i := range lines {
		lines[i].Fields = nil
	}
	return lines
}
