// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package segmented

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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
)

// tamperings modify the files of a log without its key. earlier contains older
// versions of the files.
var tamperings = map[string]func(t *testing.T, rnd *rand.Rand, g *gatewayLog, files map[string][]byte, earlier []map[string][]byte){
	"flip bits": func(_ *testing.T, rnd *rand.Rand, g *gatewayLog, files map[string][]byte, _ []map[string][]byte) {
		name := pick(rnd, g.segmentFiles(files))
		data := bytes.Clone(files[name])
		data[rnd.IntN(len(data))] ^= byte(1 + rnd.IntN(255))
		files[name] = data
	},
	"truncate": func(_ *testing.T, rnd *rand.Rand, g *gatewayLog, files map[string][]byte, _ []map[string][]byte) {
		name := pick(rnd, g.segmentFiles(files))
		files[name] = files[name][:rnd.IntN(len(files[name]))]
	},
	"remove a file": func(_ *testing.T, rnd *rand.Rand, g *gatewayLog, files map[string][]byte, _ []map[string][]byte) {
		delete(files, pick(rnd, g.segmentFiles(files)))
	},
	"remove a segment": func(_ *testing.T, rnd *rand.Rand, g *gatewayLog, files map[string][]byte, _ []map[string][]byte) {
		dir := filepath.Dir(pick(rnd, g.segmentFiles(files)))
		maps.DeleteFunc(files, func(name string, _ []byte) bool { return filepath.Dir(name) == dir })
	},
	"exchange two segments": func(_ *testing.T, rnd *rand.Rand, g *gatewayLog, files map[string][]byte, _ []map[string][]byte) {
		a, b := filepath.Dir(pick(rnd, g.segmentFiles(files))), filepath.Dir(pick(rnd, g.segmentFiles(files)))
		for _, name := range []string{"entries.jsonl", "hashes", "checkpoint"} {
			files[filepath.Join(a, name)], files[filepath.Join(b, name)] = files[filepath.Join(b, name)], files[filepath.Join(a, name)]
		}
	},
	"drop an entry and its hashes": func(t *testing.T, rnd *rand.Rand, g *gatewayLog, files map[string][]byte, _ []map[string][]byte) {
		dir := filepath.Dir(pick(rnd, g.segmentFiles(files)))
		entries := files[filepath.Join(dir, "entries.jsonl")]
		if lines := slices.Collect(bytes.Lines(entries)); len(lines) > 1 {
			n := rnd.IntN(len(lines))
			entries = bytes.Join(slices.Delete(lines, n, n+1), nil)
			files[filepath.Join(dir, "entries.jsonl")], files[filepath.Join(dir, "hashes")] = entries, rehash(t, entries)
		}
	},
	"restore a segment": func(_ *testing.T, rnd *rand.Rand, g *gatewayLog, files map[string][]byte, earlier []map[string][]byte) {
		old := earlier[rnd.IntN(len(earlier))]
		dir := filepath.Dir(pick(rnd, g.segmentFiles(old)))
		maps.DeleteFunc(files, func(name string, _ []byte) bool { return filepath.Dir(name) == dir })
		for name, data := range old {
			if filepath.Dir(name) == dir {
				files[name] = data
			}
		}
	},
	"restore the whole log": func(_ *testing.T, rnd *rand.Rand, g *gatewayLog, files map[string][]byte, earlier []map[string][]byte) {
		old := earlier[rnd.IntN(len(earlier))]
		maps.DeleteFunc(files, func(name string, _ []byte) bool { return g.isSegmentFile(name) })
		for _, name := range g.segmentFiles(old) {
			files[name] = old[name]
		}
	},
}

func pick(rnd *rand.Rand, names []string) string { return names[rnd.IntN(len(names))] }

func (g *gatewayLog) isSegmentFile(name string) bool {
	return strings.HasPrefix(name, g.set.Directory+"/0")
}

// segmentFiles returns the paths of the segment files that are not empty.
func (g *gatewayLog) segmentFiles(files map[string][]byte) []string {
	var names []string
	for name, data := range files {
		if g.isSegmentFile(name) && len(data) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// replace replaces the files in last with files.
func (g *gatewayLog) replace(last, files map[string][]byte) {
	g.t.Helper()
	for name := range last {
		if _, ok := files[name]; !ok {
			require.NoError(g.t, os.Remove(name))
			_ = os.Remove(filepath.Dir(name)) // if it is empty
		}
	}
	for name, data := range files {
		if old, ok := last[name]; ok && bytes.Equal(old, data) {
			continue
		}
		require.NoError(g.t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(g.t, os.WriteFile(name, data, 0o600))
	}
}

// Every modification of a log that is made without its key is detected, except in
// pruned segments, which prove nothing.
func TestVerify_DetectsEveryModification(t *testing.T) {
	g := newGatewayLogIn(t, memoryDir(t))
	var earlier []map[string][]byte
	for n := range 60 {
		g.add(numbered(n, n+1)...)
		earlier = append(earlier, g.snapshot())
	}
	r := g.requireIntact()
	require.Greater(t, r.Last-r.First, int64(3))
	require.Greater(t, r.First, int64(1))
	intact := earlier[len(earlier)-1]
	relevant := func(files map[string][]byte) map[string]string {
		out := make(map[string]string)
		for _, name := range g.segmentFiles(files) {
			var number int64
			_, err := fmt.Sscanf(filepath.Base(filepath.Dir(name)), "%d", &number)
			require.NoError(t, err)
			if number >= r.First {
				out[name] = string(files[name])
			}
		}
		return out
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	last := intact
	for _, name := range slices.Sorted(maps.Keys(tamperings)) {
		for done := 0; done < 50; {
			files := maps.Clone(intact)
			tamperings[name](t, rnd, g, files, earlier[:len(earlier)-1])
			if maps.Equal(relevant(files), relevant(intact)) {
				continue
			}
			g.replace(last, files)
			last = files
			report, err := Verify(t.Context(), g.set.Directory, g.anchors())
			require.NoError(t, err)
			require.NotEmpty(t, report.Faults, "mutation %d, %s, was not detected", done, name)
			done++
		}
	}
	g.restore(intact)
	g.requireIntact()
}

// Data after the checkpoint is not an entry. It is not listed, and Verify warns
// about it.
func TestVerify_WarnsAboutUnsignedData(t *testing.T) {
	g := newGatewayLog(t)
	g.add("a")
	files := g.snapshot()
	entries := filepath.Join(segmentPath(g.set.Directory, 1), "entries.jsonl")
	forged, err := rejected("forged").Encode()
	require.NoError(t, err)
	files[entries] = append(bytes.Clone(files[entries]), append(forged, '\n')...)
	g.restore(files)
	assert.Contains(t, strings.Join(g.requireIntact().Warnings, "\n"), "segment 1 contains more than its checkpoint covers")
	assert.Equal(t, []string{"a"}, g.sources())
}

func TestCheck(t *testing.T) {
	g := newGatewayLog(t)
	g.add(numbered(0, 1)...)
	require.NoError(t, Check(g.set.Directory))
	require.NoError(t, os.RemoveAll(segmentPath(g.set.Directory, 1)))
	require.NoError(t, Check(g.set.Directory), "Verify reports the missing segments")
	require.NoError(t, Check(t.TempDir()))
	require.NoError(t, Check(g.set.Directory+".gone"))
	require.ErrorContains(t, Check(g.set.KeyFile), "not a directory")
	require.ErrorContains(t, Check(filepath.Dir(g.set.Directory)), "is not the audit log of a gateway")
}

func TestVerify_MissingLog(t *testing.T) {
	g := newGatewayLog(t)
	g.add("a")
	anchors := g.anchors()
	g.restore(nil)
	r, err := Verify(t.Context(), g.set.Directory, anchors)
	require.NoError(t, err)
	assert.Equal(t, audit.Faults{"the log is missing; the last known checkpoint of its segment 1 covers 2 entries"}, r.Faults)
	_, err = Verify(t.Context(), g.set.Directory, audit.Anchors{Public: "nonsense"})
	require.ErrorContains(t, err, "not a public key")
}

func TestVerify_RejectsAnotherKey(t *testing.T) {
	g := newGatewayLog(t)
	g.add("a")
	anchors := g.anchors()
	key, err := audit.CreateKey(filepath.Join(t.TempDir(), "key"))
	require.NoError(t, err)
	anchors.Public = key.Public()
	r, err := Verify(t.Context(), g.set.Directory, anchors)
	require.NoError(t, err)
	assert.Contains(t, strings.Join(r.Faults, "\n"), "not signed with the key of this log")
}

// FuzzVerify checks that the newest segment is intact if and only if its files
// start with what was signed, and that Verify warns about what follows.
func FuzzVerify(f *testing.F) {
	set := gatewaySettings(f.TempDir())
	s, err := Open(f.Context(), set)
	require.NoError(f, err)
	require.NoError(f, s.Append(f.Context(), rejected("192.0.2.1"), rejected("192.0.2.2")))
	require.NoError(f, s.Close())
	segment := openSegment(set.Directory, 1)
	read := func(path string) []byte {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		return data
	}
	entries, hashes, note := read(filepath.Join(segment.Path(), "entries.jsonl")), read(filepath.Join(segment.Path(), "hashes")), read(filepath.Join(segment.Path(), "checkpoint"))
	key, err := audit.ReadKey(set.KeyFile)
	require.NoError(f, err)
	f.Add(entries, hashes, note)
	f.Add(append(bytes.Clone(entries), "x"...), append(bytes.Clone(hashes), 0), note)
	f.Add(entries[:len(entries)-1], hashes, note)
	f.Add(bytes.Replace(entries, []byte(`"seq":1`), []byte(`"seq":2`), 1), hashes, note)
	f.Add(entries, hashes[32:], note)
	f.Add(entries, hashes, bytes.Replace(note, []byte("\n3\n"), []byte("\n2\n"), 1))
	f.Add([]byte{}, []byte{}, []byte("otelcol-tenant.audit/x/1\n9223372036854775807\nAA==\n"))
	f.Fuzz(func(t *testing.T, e, h, n []byte) {
		path := t.TempDir()
		copied := openSegment(path, 1)
		require.NoError(t, os.Mkdir(copied.Path(), 0o700))
		for name, data := range map[string][]byte{filepath.Join(copied.Path(), "entries.jsonl"): e, filepath.Join(copied.Path(), "hashes"): h, filepath.Join(copied.Path(), "checkpoint"): n} {
			require.NoError(t, os.WriteFile(name, data, 0o600))
		}
		r, err := Verify(t.Context(), path, audit.Anchors{Public: key.Public()})
		require.NoError(t, err)
		intact := bytes.Equal(n, note) && bytes.HasPrefix(e, entries) && bytes.HasPrefix(h, hashes)
		require.Equal(t, intact, len(r.Faults) == 0, "%v", r.Faults)
		require.Equal(t, intact && (len(e) > len(entries) || len(h) > len(hashes)), len(r.Warnings) > 0 && intact, "%v", r.Warnings)
	})
}
