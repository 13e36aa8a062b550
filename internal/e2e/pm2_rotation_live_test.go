// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/pm2rotation"
)

// witness reads the log files of a live PM2 every few milliseconds, so it knows for almost
// every line how long it was in its file.
type witness struct {
	pm2rotation.Account

	dir   string
	files map[string]*witnessed
	stop  chan struct{}
	ended chan error
}

type witnessed struct {
	file   *os.File
	name   string
	offset int64
	half   []byte // of a line
}

// newWitness returns a witness of the numbered lines in dir, which reads until end is
// called.
func newWitness(dir string) *witness {
	w := &witness{Account: pm2rotation.NewAccount(), dir: dir, files: map[string]*witnessed{}, stop: make(chan struct{}), ended: make(chan error, 1)}
	go func() {
		defer func() {
			for _, f := range w.files {
				_ = f.file.Close()
			}
		}()
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-w.stop:
				w.ended <- nil
				return
			case <-tick.C:
			}
			if err := w.look(); err != nil {
				w.ended <- err
				return
			}
		}
	}()
	return w
}

func (w *witness) end(t *testing.T) {
	t.Helper()
	close(w.stop)
	require.NoError(t, <-w.ended)
}

// look reads new lines. It continues to read a renamed file, because PM2 still writes to
// it.
func (w *witness) look() error {
	for _, name := range []string{"numbered-out.log", "pair-out.log"} {
		at, err := os.Stat(filepath.Join(w.dir, name))
		if err != nil {
			continue
		}
		if f := w.files[name]; f != nil {
			own, err := f.file.Stat()
			if err != nil {
				return err
			}
			if os.SameFile(own, at) {
				continue
			}
			f.name = name + ".1"
			w.Moved(name, f.name)
			w.files[f.name] = f
			delete(w.files, name)
		}
		file, err := os.Open(filepath.Join(w.dir, name))
		if err != nil {
			continue
		}
		w.files[name] = &witnessed{file: file, name: name}
	}
	for _, f := range w.files {
		if err := w.read(f); err != nil {
			return err
		}
	}
	return nil
}

func (w *witness) read(f *witnessed) error {
	at, err := f.file.Stat()
	if err != nil {
		return err
	}
	if at.Size() < f.offset {
		w.Gone(f.name, "truncated")
		f.offset, f.half = 0, nil
	}
	b := make([]byte, at.Size()-f.offset)
	n, err := f.file.ReadAt(b, f.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	f.offset += int64(n)
	b = append(f.half, b[:n]...)
	whole := strings.LastIndexByte(string(b), '\n') + 1
	w.Written(f.name, b[:whole])
	f.half = b[whole:]
	return nil
}

// copies records the content of rotated copies.
func (w *witness) copies(t *testing.T) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(w.dir, "*__*"))
	require.NoError(t, err)
	for _, name := range names {
		f, err := os.Open(name)
		require.NoError(t, err)
		r := io.Reader(f)
		if strings.HasSuffix(name, ".gz") {
			r, err = gzip.NewReader(f)
			require.NoError(t, err, name)
		}
		data, err := io.ReadAll(r)
		require.NoError(t, err, name)
		require.NoError(t, f.Close())
		w.Copied(data)
	}
}

// emittedLines returns how many lines the applications report as written.
func emittedLines(t *testing.T, truth string) (total int) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(truth, "numbered-*.jsonl"))
	require.NoError(t, err)
	require.Len(t, names, 3)
	for _, name := range names {
		raw, err := os.ReadFile(name)
		require.NoError(t, err)
		lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
		var last struct{ To int }
		require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
		total += last.To
	}
	return total
}

// TestPM2RotationLive runs a real PM2 whose applications write numbered lines, and a real
// pm2-logrotate that may rotate every second, with pm2 flush, reloadLogs, a rename and a
// restart. Every line that was in a file for longer than a poll, or is in a file or a copy,
// arrives at the built agent exactly once.
func TestPM2RotationLive(t *testing.T) {
	for name, module := range map[string]string{"plain": "pm2-logrotate", "gz": "pm2-logrotate-gz"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPM2(t)
			e := newEdge(t)
			e.home = p.home
			e.sink = newSink(t)
			logs := filepath.Join(p.home, "logs")
			require.NoError(t, os.MkdirAll(logs, 0o700))
			c := e.start(e.sink.http)
			stall := pm2rotation.WatchStalls()
			w := newWitness(logs)

			rotations := func() int {
				copied, err := filepath.Glob(filepath.Join(logs, "numbered-out__*"))
				require.NoError(t, err)
				return len(copied)
			}
			await := func(n int) {
				t.Helper()
				require.Eventually(t, func() bool { return rotations() >= n }, 60*time.Second, 20*time.Millisecond, "pm2-logrotate does not rotate")
			}
			for key, value := range map[string]string{"max_size": "20K", "workerInterval": "1", "retain": "1000", "compress": map[string]string{"plain": "false", "gz": "true"}[name]} {
				p.run("set", "pm2-logrotate:"+key, value)
			}
			p.with(map[string]string{"RATE": "300"}).run("start", "../numbered.js", "--name", "numbered", "--log-type", "json")
			p.with(map[string]string{"RATE": "60"}).run("start", "../numbered.js", "--name", "pair", "--log-type", "json", "-i", "2", "--merge-logs")
			p.in("../node_modules/"+module).run("install", ".")
			await(2)
			p.run("flush", "numbered")
			await(3)
			p.run("reloadLogs")
			await(4)
			renamed := filepath.Join(logs, "numbered-out.log.1")
			require.NoError(t, os.Rename(filepath.Join(logs, "numbered-out.log"), renamed))
			before, err := os.Stat(renamed)
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				now, err := os.Stat(renamed)
				return err == nil && now.Size() > before.Size()
			}, 60*time.Second, 20*time.Millisecond, "PM2 does not write to the renamed file")
			p.run("reloadLogs")
			await(5)
			p.run("restart", "numbered")
			await(6)
			p.run("stop", "numbered")
			p.run("stop", "pair")
			p.kill()
			w.end(t)
			w.copies(t)

			look := shippedPoll + 100*time.Millisecond + 3*stall()
			res := e.result(&w.Account, emittedLines(t, p.truth), look)
			t.Logf("%s; a look is %v; %d copies; %v truncations, %v rotations, %v copies with something new", res, look, rotations(),
				e.metric("otelcol_receiver_pm2_truncations"), e.metric("otelcol_receiver_pm2_rotations"), e.metric("otelcol_receiver_pm2_recovered_copies"))
			res.Unknown = nil // lines that the agent saw and the witness did not
			assert.True(t, res.OK(), res.String())
			c.stop()
		})
	}
}
