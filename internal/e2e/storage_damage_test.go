// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The files of the shipped agent whose content must survive damage.
const (
	checkpointFile = "receiver_pm2_"
	queueFile      = "exporter_tenant_routing__lanes_11" // of tenant-a
)

// storageDamages are kinds of damage that a power failure, a disk or a person may cause to
// a file of file_storage.
func storageDamages() map[string]func([]byte) []byte {
	page := os.Getpagesize()
	random := func(b []byte, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	damages := map[string]func([]byte) []byte{
		"zeros":                 func(b []byte) []byte { clear(b); return b },
		"text":                  func(b []byte) []byte { return bytes.Repeat([]byte("garbage\n"), len(b)/8) },
		"no bytes":              func([]byte) []byte { return nil },
		"a hundred bytes":       func(b []byte) []byte { return b[:100] },
		"the first half":        func(b []byte) []byte { return b[:len(b)/2/page*page] },
		"the heads alone":       func(b []byte) []byte { return b[:2*page] },
		"one head flipped":      func(b []byte) []byte { b[page+20] ^= 0xff; return b },
		"both heads flipped":    func(b []byte) []byte { b[20] ^= 0xff; b[page+20] ^= 0xff; return b },
		"pages of zeros":        func(b []byte) []byte { clear(b[2*page:]); return b },
		"pages of random bytes": func(b []byte) []byte { random(b[2*page:], 1); return b },
	}
	for seed := range uint64(3) {
		damages[fmt.Sprintf("every other page of random bytes %d", seed)] = func(b []byte) []byte {
			for at := (2 + int(seed%2)) * page; at+page <= len(b); at += 2 * page {
				random(b[at:at+page], seed)
			}
			return b
		}
		damages[fmt.Sprintf("heads of pages of random bytes %d", seed)] = func(b []byte) []byte {
			for at := 2 * page; at+page <= len(b); at += page {
				random(b[at:at+32], seed+uint64(at))
			}
			return b
		}
	}
	return damages
}

// heldBack runs an agent without a backend until its queue contains the lines and the
// checkpoint is past them, kills it, and returns its files.
func (e *edge) heldBack(last int) map[string][]byte {
	e.t.Helper()
	e.write(last)
	c := e.start(addresses(e.t, 1)[0])
	require.Eventually(e.t, func() bool {
		return e.metric("otelcol_exporter_tenant_routing_queued_records") >= float64(last) && e.metric("otelcol_receiver_pm2_lines") >= float64(last)
	}, 30*time.Second, 20*time.Millisecond)
	path := filepath.Join(e.state, checkpointFile)
	require.Eventually(e.t, func() bool { // the checkpoint that was saved last has the offset
		raw, err := os.ReadFile(path)
		return err == nil && bytes.Contains(raw, fmt.Appendf(nil, `"offset":%d`, len(edgeLines(1, last))))
	}, 30*time.Second, 20*time.Millisecond)
	require.NoError(e.t, c.Kill())
	files := map[string][]byte{}
	for _, name := range []string{checkpointFile, queueFile} {
		raw, err := os.ReadFile(filepath.Join(e.state, name))
		require.NoError(e.t, err)
		files[name] = raw
	}
	return files
}

// put makes the state folder contain just these files.
func (e *edge) put(files map[string][]byte) {
	e.t.Helper()
	require.NoError(e.t, os.RemoveAll(e.state))
	require.NoError(e.t, os.Mkdir(e.state, 0o700))
	for name, raw := range files {
		require.NoError(e.t, os.WriteFile(filepath.Join(e.state, name), raw, 0o600))
	}
}

// TestStorageDamage damages the files of a killed agent in many ways. The agent must
// restart immediately and by itself, report what it set aside, read PM2's file again, and
// lose only queued data that was in the damaged file.
func TestStorageDamage(t *testing.T) {
	t.Parallel()
	const before, after = 500, 510
	e := newEdge(t)
	whole := e.heldBack(before)
	targets := map[string][]string{"both": {checkpointFile, queueFile}, "checkpoints": {checkpointFile}, "queue": {queueFile}}
	damages := storageDamages()
	for _, name := range slices.Sorted(maps.Keys(damages)) {
		for _, target := range slices.Sorted(maps.Keys(targets)) {
			if target != "both" && name != "text" && name != "pages of random bytes" {
				continue // the rest is the same in each file
			}
			t.Run(name+", "+target, func(t *testing.T) {
				e := &edge{t: t, home: e.home, state: e.state, log: e.log, sink: newSink(t)}
				files := map[string][]byte{}
				for file, raw := range whole {
					files[file] = bytes.Clone(raw)
					if slices.Contains(targets[target], file) {
						files[file] = damages[name](files[file])
					}
				}
				e.put(files)
				e.write(before)
				c := e.start(e.sink.http)
				e.appendLines(before+1, after)
				e.await(before+1, after)
				if target != "queue" { // the lines are read again, unless they are in the queue
					e.await(1, before)
				}
				aside, err := filepath.Glob(filepath.Join(e.state, "*.damaged"))
				require.NoError(t, err)
				assert.Len(t, aside, strings.Count(c.Output(), "was set aside"))
				if len(aside) > 0 {
					assert.InDelta(t, len(aside), e.metric("otelcol_extension_storage_check_damaged_files"), 0)
				}
				switch {
				case name == "one head flipped" || name == "no bytes":
					assert.Empty(t, aside)
				case strings.HasPrefix(name, "every other page") || name == "the first half":
					// The damage may affect only free pages. Then the file is intact.
					assert.LessOrEqual(t, len(aside), len(targets[target]))
				default:
					assert.Len(t, aside, len(targets[target]))
				}
				require.NoError(t, c.Kill()) // and the file that it created is intact
				c = e.start(e.sink.http)
				assert.NotContains(t, c.Output(), "was set aside")
				require.NoError(t, c.Kill())
			})
		}
	}
}
