// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package segmented

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
)

// rehash returns the stored hashes of entries, as a careful attacker without the
// key computes them.
func rehash(t *testing.T, entries []byte) []byte {
	t.Helper()
	var out []byte
	n := int64(0)
	for line := range bytes.Lines(entries) {
		hashes, err := tlog.StoredHashes(n, bytes.TrimSuffix(line, []byte("\n")), tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
			read := make([]tlog.Hash, len(indexes))
			for i, index := range indexes {
				copy(read[i][:], out[index*tlog.HashSize:])
			}
			return read, nil
		}))
		require.NoError(t, err)
		for _, h := range hashes {
			out = append(out, h[:]...)
		}
		n++
	}
	return out
}

// forge edits the entries of a segment and recomputes its hashes, as an attacker
// does who has everything except the key.
func forge(t *testing.T, dir *audit.Dir, old, replacement string) {
	t.Helper()
	path := filepath.Join(dir.Path(), "entries.jsonl")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	forged := bytes.Replace(data, []byte(old), []byte(replacement), 1)
	require.NotEqual(t, data, forged)
	require.NoError(t, os.WriteFile(path, forged, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir.Path(), "hashes"), rehash(t, forged), 0o600))
}

// appendTo appends data to a file of a segment.
func appendTo(t *testing.T, dir *audit.Dir, name string, data []byte) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir.Path(), name), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.Write(data)
	require.NoError(t, errors.Join(err, f.Close()))
}

// A running gateway signs only what it wrote itself, keeps the evidence and
// continues in a new segment.
func TestLog_DoesNotSignForeignChanges(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, g *gatewayLog, dir *audit.Dir){
		"an entry and its hashes": func(t *testing.T, _ *gatewayLog, dir *audit.Dir) { forge(t, dir, "10.0.0.1", "10.6.6.6") },
		"an additional entry": func(t *testing.T, _ *gatewayLog, dir *audit.Dir) {
			appendTo(t, dir, "entries.jsonl", []byte("{}\n"))
		},
		"an additional hash": func(t *testing.T, _ *gatewayLog, dir *audit.Dir) {
			appendTo(t, dir, "hashes", make([]byte, 32))
		},
		"no entries": func(t *testing.T, _ *gatewayLog, dir *audit.Dir) {
			require.NoError(t, os.Remove(filepath.Join(dir.Path(), "entries.jsonl")))
		},
		"no hashes": func(t *testing.T, _ *gatewayLog, dir *audit.Dir) {
			require.NoError(t, os.Remove(filepath.Join(dir.Path(), "hashes")))
		},
		"no segment": func(t *testing.T, _ *gatewayLog, dir *audit.Dir) { require.NoError(t, os.RemoveAll(dir.Path())) },
		"no log":     func(t *testing.T, g *gatewayLog, _ *audit.Dir) { require.NoError(t, os.RemoveAll(g.set.Directory)) },
		"no change":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			g := newGatewayLog(t)
			g.set.MaxBytes = 1 << 20
			s := g.open()
			require.NoError(t, s.Append(t.Context(), rejected("10.0.0.1"), rejected("10.0.0.2")))
			if damage == nil {
				require.NoError(t, s.Append(t.Context(), rejected("10.0.0.3")))
				require.NoError(t, s.Close())
				g.requireIntact()
				return
			}
			damage(t, g, openSegment(g.set.Directory, 1))
			evidence := g.snapshot()
			require.ErrorIs(t, s.Append(t.Context(), rejected("10.0.0.3")), audit.ErrDamaged)
			require.NoError(t, s.Close())
			assert.Equal(t, evidence, g.snapshot(), "the evidence is unchanged")
			additional := strings.Contains(name, "additional")
			assert.Equal(t, additional, len(g.verify().Faults) == 0)

			s = g.open()
			damaged := s.Damage() != ""
			assert.NotContains(t, s.Damage(), "accept-restore", "the gateway continues on its own")
			require.NoError(t, s.Append(t.Context(), rejected("10.0.0.3")))
			require.Empty(t, s.Damage())
			require.NoError(t, s.Close())
			sources := g.sources()
			assert.Equal(t, "10.0.0.3", sources[len(sources)-1])
			if additional {
				assert.False(t, damaged, "data after the last checkpoint may come from a crash and is truncated")
				g.requireIntact()
				return
			}
			assert.True(t, damaged)
			assert.NotEmpty(t, g.verify().Faults)
		})
	}
}
