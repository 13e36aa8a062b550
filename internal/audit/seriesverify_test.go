package audit

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
)

// seriesTampers change the files of a series, whose older versions are earlier.
// They do not have the key.
var seriesTampers = map[string]func(rnd *rand.Rand, g *gatewayLog, files map[string][]byte, earlier []map[string][]byte){
	"flip bits": func(rnd *rand.Rand, g *gatewayLog, files map[string][]byte, _ []map[string][]byte) {
		name := pick(rnd, g.partFiles(files))
		data := bytes.Clone(files[name])
		data[rnd.IntN(len(data))] ^= byte(1 + rnd.IntN(255))
		files[name] = data
	},
	"cut off": func(rnd *rand.Rand, g *gatewayLog, files map[string][]byte, _ []map[string][]byte) {
		name := pick(rnd, g.partFiles(files))
		files[name] = files[name][:rnd.IntN(len(files[name]))]
	},
	"remove a file": func(rnd *rand.Rand, g *gatewayLog, files map[string][]byte, _ []map[string][]byte) {
		delete(files, pick(rnd, g.partFiles(files)))
	},
	"remove a part": func(rnd *rand.Rand, g *gatewayLog, files map[string][]byte, _ []map[string][]byte) {
		dir := filepath.Dir(pick(rnd, g.partFiles(files)))
		maps.DeleteFunc(files, func(name string, _ []byte) bool { return filepath.Dir(name) == dir })
	},
	"exchange two parts": func(rnd *rand.Rand, g *gatewayLog, files map[string][]byte, _ []map[string][]byte) {
		a, b := filepath.Dir(pick(rnd, g.partFiles(files))), filepath.Dir(pick(rnd, g.partFiles(files)))
		for _, name := range []string{"entries.jsonl", "hashes", "checkpoint"} {
			files[filepath.Join(a, name)], files[filepath.Join(b, name)] = files[filepath.Join(b, name)], files[filepath.Join(a, name)]
		}
	},
	"drop an entry and its hashes": func(rnd *rand.Rand, g *gatewayLog, files map[string][]byte, _ []map[string][]byte) {
		dir := filepath.Dir(pick(rnd, g.partFiles(files)))
		m := &tamper{rnd: rnd, entries: files[filepath.Join(dir, "entries.jsonl")]}
		if lines := m.lines(); len(lines) > 1 {
			n := rnd.IntN(len(lines))
			m.setLines(slices.Delete(lines, n, n+1))
			m.rehash()
			files[filepath.Join(dir, "entries.jsonl")], files[filepath.Join(dir, "hashes")] = m.entries, m.hashes
		}
	},
	"put back a part": func(rnd *rand.Rand, g *gatewayLog, files map[string][]byte, earlier []map[string][]byte) {
		old := earlier[rnd.IntN(len(earlier))]
		dir := filepath.Dir(pick(rnd, g.partFiles(old)))
		maps.DeleteFunc(files, func(name string, _ []byte) bool { return filepath.Dir(name) == dir })
		for name, data := range old {
			if filepath.Dir(name) == dir {
				files[name] = data
			}
		}
	},
	"put back the whole log": func(rnd *rand.Rand, g *gatewayLog, files map[string][]byte, earlier []map[string][]byte) {
		old := earlier[rnd.IntN(len(earlier))]
		maps.DeleteFunc(files, func(name string, _ []byte) bool { return g.isPart(name) })
		for _, name := range g.partFiles(old) {
			files[name] = old[name]
		}
	},
}

func pick(rnd *rand.Rand, names []string) string { return names[rnd.IntN(len(names))] }

func (g *gatewayLog) isPart(name string) bool {
	return strings.HasPrefix(name, g.set.Path+"/0")
}

// partFiles returns the names of the files of parts that are not empty.
func (g *gatewayLog) partFiles(files map[string][]byte) []string {
	var names []string
	for name, data := range files {
		if g.isPart(name) && len(data) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// replace makes files all that there is where last was.
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

// Whatever somebody does to a series without its key is found, but for parts
// that have made room: they prove nothing any more.
func TestVerifySeries_FindsEveryMutation(t *testing.T) {
	g := newGatewayLogIn(t, memoryDir(t))
	var earlier []map[string][]byte
	for n := range 60 {
		g.add(numbered(n, n+1)...)
		earlier = append(earlier, g.snapshot())
	}
	r := g.whole()
	require.Greater(t, r.Last-r.First, int64(3))
	require.Greater(t, r.First, int64(1))
	whole := earlier[len(earlier)-1]
	relevant := func(files map[string][]byte) map[string]string {
		out := make(map[string]string)
		for _, name := range g.partFiles(files) {
			var part int64
			_, err := fmt.Sscanf(filepath.Base(filepath.Dir(name)), "%d", &part)
			require.NoError(t, err)
			if part >= r.First {
				out[name] = string(files[name])
			}
		}
		return out
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	last := whole
	for _, name := range slices.Sorted(maps.Keys(seriesTampers)) {
		for done := 0; done < 50; {
			files := maps.Clone(whole)
			seriesTampers[name](rnd, g, files, earlier[:len(earlier)-1])
			if maps.Equal(relevant(files), relevant(whole)) {
				continue
			}
			g.replace(last, files)
			last = files
			report, err := VerifySeries(t.Context(), g.set.Path, g.proof())
			require.NoError(t, err)
			require.NotEmpty(t, report.Faults, "mutation %d, %s, was not found", done, name)
			done++
		}
	}
	g.restore(whole)
	g.whole()
}

// What stands after the checkpoint is no entry: it is not shown, and told.
func TestVerifySeries_TellsWhatIsNotSigned(t *testing.T) {
	g := newGatewayLog(t)
	g.add("a")
	files := g.snapshot()
	entries := filepath.Join(partPath(g.set.Path, 1), "entries.jsonl")
	forged, err := refusal("forged").encode()
	require.NoError(t, err)
	files[entries] = append(bytes.Clone(files[entries]), append(forged, '\n')...)
	g.restore(files)
	assert.Contains(t, strings.Join(g.whole().Warnings, "\n"), "part 1 has more than its checkpoint is of")
	assert.Equal(t, []string{"a"}, g.sources())
}

func TestCheckSeries(t *testing.T) {
	g := newGatewayLog(t)
	g.add(numbered(0, 1)...)
	require.NoError(t, CheckSeries(g.set.Path))
	require.NoError(t, os.RemoveAll(partPath(g.set.Path, 1)))
	require.NoError(t, CheckSeries(g.set.Path), "its parts were removed, which is to be told")
	require.NoError(t, CheckSeries(t.TempDir()))
	require.NoError(t, CheckSeries(g.set.Path+".gone"))
	require.ErrorContains(t, CheckSeries(g.set.Key), "not a directory")
	require.ErrorContains(t, CheckSeries(filepath.Dir(g.set.Path)), "is not the audit log of a gateway")
}

func TestVerifySeries_OfNothing(t *testing.T) {
	g := newGatewayLog(t)
	g.add("a")
	proof := g.proof()
	g.restore(nil)
	r, err := VerifySeries(t.Context(), g.set.Path, proof)
	require.NoError(t, err)
	assert.Equal(t, []string{"the log is gone; its part 1 had 2 entries when seen before"}, r.Faults)
	_, err = VerifySeries(t.Context(), g.set.Path, Proof{Public: "nonsense"})
	require.ErrorContains(t, err, "not a public key")
}

func TestVerifySeries_OfTheLogOfARegistry(t *testing.T) {
	g, f := newGatewayLog(t), newFixture(t)
	f.add("a")
	g.add("a")
	proof := g.proof()
	key, err := ReadKey(f.recorder.Key)
	require.NoError(t, err)
	proof.Public = key.Public()
	r, err := VerifySeries(t.Context(), g.set.Path, proof)
	require.NoError(t, err)
	assert.Contains(t, strings.Join(r.Faults, "\n"), "not signed with the key of this log")
}

// FuzzVerifySeries knows one thing: the newest part is whole if and only if its
// files begin with what was signed; what follows is told.
func FuzzVerifySeries(f *testing.F) {
	set := gatewaySettings(f.TempDir())
	s, err := OpenSeries(f.Context(), set)
	require.NoError(f, err)
	require.NoError(f, s.Append(f.Context(), refusal("192.0.2.1"), refusal("192.0.2.2")))
	require.NoError(f, s.Close())
	part := NewDir(partPath(set.Path, 1))
	read := func(path string) []byte {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		return data
	}
	entries, hashes, note := read(part.entries()), read(part.hashes()), read(part.checkpoint())
	key, err := ReadKey(set.Key)
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
		copied := NewDir(partPath(path, 1))
		require.NoError(t, os.Mkdir(copied.path, 0o700))
		for name, data := range map[string][]byte{copied.entries(): e, copied.hashes(): h, copied.checkpoint(): n} {
			require.NoError(t, os.WriteFile(name, data, 0o600))
		}
		r, err := VerifySeries(t.Context(), path, Proof{Public: key.Public()})
		require.NoError(t, err)
		whole := bytes.Equal(n, note) && bytes.HasPrefix(e, entries) && bytes.HasPrefix(h, hashes)
		require.Equal(t, whole, len(r.Faults) == 0, "%v", r.Faults)
		require.Equal(t, whole && (len(e) > len(entries) || len(h) > len(hashes)), len(r.Warnings) > 0 && whole, "%v", r.Warnings)
	})
}
