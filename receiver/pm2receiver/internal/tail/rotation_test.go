package tail

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// operation is one system call of PM2, pm2-logrotate or an operator.
type operation struct {
	T    float64 `json:"t"` // milliseconds
	Op   string  `json:"op"`
	F    string  `json:"f"`
	Mode string  `json:"mode"`
	Size int64   `json:"size"`
	To   string  `json:"to"`
	D    string  `json:"d"`
	B64  string  `json:"b64"`
}

// fate is what became of a line that was written.
type fate struct {
	written, gone time.Time // in and from a file that is followed
	copied        bool
}

// replay plays a recorded run of a log folder and keeps account of every line.
type replay struct {
	t       *testing.T
	dir     string
	speed   float64
	handles map[string]*os.File
	appends map[string]bool
	alias   map[string]string // of a renamed file, until its name is opened again
	live    map[string][]string
	fates   map[string]*fate
	packed  map[string]*bytes.Buffer
}

var lineName = regexp.MustCompile(`seq=\d{8} app=[a-z]+-\d+`)

func loadTrace(t *testing.T, name string) (ops []operation) {
	f, err := os.Open(filepath.Join("../../../../testdata/pm2/rotation", name))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	decoder := json.NewDecoder(z)
	for {
		var op operation
		err := decoder.Decode(&op)
		if err == io.EOF {
			return ops
		}
		require.NoError(t, err)
		ops = append(ops, op)
	}
}

func (r *replay) run(ops []operation) {
	start := time.Now()
	for i := range ops {
		if wait := time.Duration(ops[i].T/r.speed*float64(time.Millisecond)) - time.Since(start); wait > 0 {
			time.Sleep(wait)
		}
		r.apply(&ops[i])
	}
	for name, packed := range r.packed {
		z, err := gzip.NewReader(packed)
		require.NoError(r.t, err, name)
		text, err := io.ReadAll(z)
		require.NoError(r.t, err, name)
		r.copied(text)
	}
}

func (r *replay) apply(op *operation) {
	path := filepath.Join(r.dir, op.F)
	switch op.Op {
	case "open":
		delete(r.alias, op.F)
		if r.handles[op.F] != nil && op.Mode == "trunc" && r.appends[op.F] { // pm2 flush
			require.NoError(r.t, os.Truncate(path, 0))
			r.destroyed(op.F)
			return
		}
		flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
		if op.Mode == "trunc" {
			flags |= os.O_TRUNC
		}
		r.open(op.F, path, flags)
		r.appends[op.F] = op.Mode == "append"
	case "write":
		if r.handles[op.F] == nil {
			r.open(op.F, path, os.O_WRONLY|os.O_CREATE|os.O_APPEND)
		}
		data := []byte(op.D)
		if op.B64 != "" {
			var err error
			data, err = base64.StdEncoding.DecodeString(op.B64)
			require.NoError(r.t, err)
		}
		_, err := r.handles[op.F].Write(data)
		require.NoError(r.t, err)
		r.written(op.F, data)
	case "truncate":
		require.NoError(r.t, os.Truncate(path, op.Size))
		r.destroyed(op.F)
	case "rename":
		require.NoError(r.t, os.Rename(path, filepath.Join(r.dir, op.To)))
		r.live[op.To], r.live[op.F] = r.live[op.F], nil
		r.alias[op.F] = op.To
	case "unlink":
		require.NoError(r.t, os.Remove(path))
	}
}

func (r *replay) open(name, path string, flags int) {
	f, err := os.OpenFile(path, flags, 0o644)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = f.Close() })
	r.handles[name] = f
}

func (r *replay) written(name string, data []byte) {
	switch {
	case strings.HasSuffix(name, ".gz"):
		if r.packed[name] == nil {
			r.packed[name] = new(bytes.Buffer)
		}
		r.packed[name].Write(data)
		return
	case strings.Contains(name, "__"):
		r.copied(data)
		return
	}
	if to := r.alias[name]; to != "" {
		name = to
	}
	for _, line := range lineName.FindAllString(string(data), -1) {
		r.fates[line] = &fate{written: time.Now()}
		r.live[name] = append(r.live[name], line)
	}
}

func (r *replay) copied(data []byte) {
	for _, line := range lineName.FindAllString(string(data), -1) {
		if f := r.fates[line]; f != nil {
			f.copied = true
		}
	}
}

func (r *replay) destroyed(name string) {
	for _, line := range r.live[name] {
		r.fates[line].gone = time.Now()
	}
	r.live[name] = nil
}

// watchStalls returns a function that stops watching and tells the longest time for
// which a goroutine that wanted to run every millisecond did not.
func watchStalls(t *testing.T) func() time.Duration {
	t.Helper()
	quit, longest := make(chan struct{}), make(chan time.Duration, 1)
	go func() {
		var worst time.Duration
		for last := time.Now(); ; {
			select {
			case <-quit:
				longest <- worst
				return
			case <-time.After(time.Millisecond):
			}
			now := time.Now()
			worst = max(worst, now.Sub(last)-time.Millisecond)
			last = now
		}
	}()
	return func() time.Duration {
		close(quit)
		return <-longest
	}
}

// Every line that stood in a file for longer than a poll, or stands in one or in a
// copy, arrives once.
func TestRotation_LosesOnlyWhatNoReaderCouldHaveHad(t *testing.T) {
	for _, trace := range []string{"trace-A.jsonl.gz", "trace-B.jsonl.gz"} {
		t.Run(trace, func(t *testing.T) {
			h := newHome(t)
			h.start()
			r := &replay{
				t: t, dir: h.dir, speed: 10, handles: map[string]*os.File{}, appends: map[string]bool{}, alias: map[string]string{},
				live: map[string][]string{}, fates: map[string]*fate{}, packed: map[string]*bytes.Buffer{},
			}
			ops := loadTrace(t, trace)
			stall := watchStalls(t)
			r.run(ops)
			time.Sleep(300 * time.Millisecond)
			h.advance(2 * time.Minute)
			time.Sleep(300 * time.Millisecond)

			got := map[string]int{}
			for _, line := range h.got() {
				if name := lineName.FindString(line); name != "" {
					got[name]++
				}
			}
			// A poll, and what the machine needed to get round to it: other tests run
			// beside this one.
			oneLook := 40*time.Millisecond + 2*stall()
			var missing, repeated []string
			lost := 0
			for line, f := range r.fates {
				if got[line] > 1 {
					repeated = append(repeated, line)
				}
				if got[line] > 0 {
					continue
				}
				lost++
				if f.gone.IsZero() || f.copied || f.gone.Sub(f.written) > oneLook {
					missing = append(missing, line)
				}
			}
			t.Logf("%d lines written, %d never read because they stood for less than %v, %d truncations, %d rotations, %d copies with something new",
				len(r.fates), lost, oneLook, h.meter.truncated.Load(), h.meter.rotated.Load(), h.meter.recovered.Load())
			assert.Empty(t, missing)
			assert.Empty(t, repeated)
			assert.Greater(t, len(got), 10_000)
		})
	}
}
