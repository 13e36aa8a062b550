// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package audit

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

// tamper modifies the files of a log. earlier contains older versions of it.
type tamper struct {
	rnd                         *rand.Rand
	entries, hashes, checkpoint []byte
	earlier                     []tamperVersion
}

type tamperVersion struct{ entries, hashes, checkpoint []byte }

func (m *tamper) lines() [][]byte {
	return bytes.SplitAfter(bytes.TrimSuffix(m.entries, []byte("\n")), []byte("\n"))
}

func (m *tamper) setLines(lines [][]byte) {
	var out []byte
	for _, l := range lines {
		out = append(append(out, bytes.TrimSuffix(l, []byte("\n"))...), '\n')
	}
	m.entries = out
}

// rehash recomputes the stored hashes from the entries, as a careful attacker
// without the key does.
func (m *tamper) rehash() {
	var hashes hashList
	m.hashes = nil
	for n, l := range m.lines() {
		added, err := tlog.StoredHashes(int64(n), bytes.TrimSuffix(l, []byte("\n")), hashes)
		if err != nil {
			return
		}
		hashes = append(hashes, added...)
	}
	for _, h := range hashes {
		m.hashes = append(m.hashes, h[:]...)
	}
}

func (m *tamper) file() *[]byte {
	return []*[]byte{&m.entries, &m.hashes, &m.checkpoint}[m.rnd.IntN(3)]
}

var tampers = map[string]func(m *tamper){
	"flip bits": func(m *tamper) {
		f := m.file()
		*f = bytes.Clone(*f)
		(*f)[m.rnd.IntN(len(*f))] ^= byte(1 + m.rnd.IntN(255))
	},
	"drop bytes": func(m *tamper) {
		f := m.file()
		at := m.rnd.IntN(len(*f))
		*f = slices.Delete(bytes.Clone(*f), at, min(len(*f), at+1+m.rnd.IntN(50)))
	},
	"add bytes": func(m *tamper) {
		f := m.file()
		extra := []byte("\n\r {}=A—0")[:1+m.rnd.IntN(8)]
		*f = slices.Insert(bytes.Clone(*f), m.rnd.IntN(len(*f)+1), extra...)
	},
	"truncate": func(m *tamper) {
		f := m.file()
		*f = (*f)[:m.rnd.IntN(len(*f))]
	},
	"drop an entry": func(m *tamper) {
		lines := m.lines()
		n := m.rnd.IntN(len(lines))
		m.setLines(slices.Delete(lines, n, n+1))
	},
	"drop the last entries and their hashes": func(m *tamper) {
		lines := m.lines()
		m.setLines(lines[:1+m.rnd.IntN(len(lines)-1)])
		m.rehash()
	},
	"move an entry": func(m *tamper) {
		lines := m.lines()
		a, b := m.rnd.IntN(len(lines)), m.rnd.IntN(len(lines))
		lines[a], lines[b] = lines[b], lines[a]
		m.setLines(lines)
		m.rehash()
	},
	"repeat an entry": func(m *tamper) {
		lines := m.lines()
		m.setLines(append(lines, lines[m.rnd.IntN(len(lines))]))
		m.rehash()
	},
	"edit an entry and its hashes": func(m *tamper) {
		lines := m.lines()
		n := m.rnd.IntN(len(lines))
		lines[n] = bytes.Replace(lines[n], []byte("alice"), []byte("mallory"), 1)
		m.setLines(lines)
		m.rehash()
	},
	"restore an older checkpoint": func(m *tamper) { m.checkpoint = m.older().checkpoint },
	"restore the whole log": func(m *tamper) {
		v := m.older()
		m.entries, m.hashes, m.checkpoint = v.entries, v.hashes, v.checkpoint
	},
	"restore the entries": func(m *tamper) { m.entries = m.older().entries },
	"remove a file":       func(m *tamper) { *m.file() = nil },
	"remove the log":      func(m *tamper) { m.entries, m.hashes, m.checkpoint = nil, nil, nil },
}

func (m *tamper) older() tamperVersion { return m.earlier[m.rnd.IntN(len(m.earlier))] }

// Every modification of a log that is made without its key is detected.
func TestVerify_DetectsEachOf10000Mutations(t *testing.T) {
	f := newFixtureIn(t, memoryDir(t))
	var earlier []tamperVersion
	version := func() tamperVersion {
		files := f.files()
		return tamperVersion{files[f.dir.entriesFile()], files[f.dir.hashesFile()], files[f.dir.checkpointFile()]}
	}
	for n := range 7 { // a tree of three complete subtrees
		f.add(fmt.Sprintf("t%d", n))
		earlier = append(earlier, version())
	}
	f.requireIntact()
	intact := earlier[len(earlier)-1]
	anchors := f.anchors()
	rnd := rand.New(rand.NewPCG(1, 2))
	names := []string{}
	for name := range tampers {
		names = append(names, name)
	}
	slices.Sort(names)
	last := f.files()
	put := func(path string, data []byte) {
		if old, there := last[path]; there && data != nil && bytes.Equal(old, data) {
			return
		}
		last[path] = data
		if data == nil {
			require.NoError(t, os.RemoveAll(path))
			return
		}
		require.NoError(t, os.WriteFile(path, data, 0o600))
	}
	done := make(map[string]int)
	for total := 0; total < 10_000; {
		m := &tamper{rnd, intact.entries, intact.hashes, intact.checkpoint, earlier[:len(earlier)-1]}
		var did []string
		for range 1 + rnd.IntN(2) {
			if len(m.entries) == 0 || len(m.hashes) == 0 || len(m.checkpoint) == 0 || len(m.lines()) < 2 {
				break
			}
			name := names[rnd.IntN(len(names))]
			tampers[name](m)
			did = append(did, name)
		}
		if bytes.Equal(m.entries, intact.entries) && bytes.Equal(m.hashes, intact.hashes) && bytes.Equal(m.checkpoint, intact.checkpoint) {
			continue // no change, such as two equal entries swapped
		}
		put(f.dir.entriesFile(), m.entries)
		put(f.dir.hashesFile(), m.hashes)
		put(f.dir.checkpointFile(), m.checkpoint)
		r, err := Verify(t.Context(), f.dir, anchors, nil)
		require.NoError(t, err)
		require.NotEmpty(t, r.Faults, "mutation %d, %v, was not detected", total, did)
		total++
		for _, name := range did {
			done[name]++
		}
	}
	for _, name := range names {
		assert.Greater(t, done[name], 100, name)
	}
	put(f.dir.entriesFile(), intact.entries)
	put(f.dir.hashesFile(), intact.hashes)
	put(f.dir.checkpointFile(), intact.checkpoint)
	f.requireIntact()
}

func TestVerify_ComparesWithKeptCheckpoints(t *testing.T) {
	f := newFixture(t)
	f.add("a")
	f.add("b")
	old := f.files()
	f.add("c")
	kept, err := os.ReadFile(f.dir.checkpointFile())
	require.NoError(t, err)
	anchors := f.anchors()
	anchors.Kept = []Kept{{"old", old[f.dir.checkpointFile()]}, {"kept", kept}}
	r, err := Verify(t.Context(), f.dir, anchors, nil)
	require.NoError(t, err)
	assert.Empty(t, r.Faults)

	for path, data := range old { // restore the log and its last known checkpoint
		require.NoError(t, os.WriteFile(path, data, 0o600))
	}
	require.NoError(t, os.WriteFile(anchors.LastKnown, old[f.dir.checkpointFile()], 0o600))
	f.requireIntact()
	r, err = Verify(t.Context(), f.dir, anchors, nil)
	require.NoError(t, err)
	assert.Equal(t, Faults{"the log has 2 entries, but an earlier checkpoint covers 3: entry 2 is missing"}, r.Faults)

	anchors.Kept = []Kept{{"old.json", []byte("nonsense")}}
	_, err = Verify(t.Context(), f.dir, anchors, nil)
	require.ErrorIs(t, err, errCheckpoint)
	require.ErrorContains(t, err, "old.json: ")
}

func TestVerify_NamesTheModifiedEntry(t *testing.T) {
	f := newFixture(t)
	for n := range 5 {
		f.add(fmt.Sprintf("t%d", n))
	}
	entries := f.files()[f.dir.entriesFile()]
	require.NoError(t, os.WriteFile(f.dir.entriesFile(), bytes.Replace(entries, []byte(`"tenant":"t3"`), []byte(`"tenant":"t9"`), 1), 0o600))
	r, _ := f.verify()
	assert.Contains(t, r.Faults, "entry 3 is not what was written")
	assert.Contains(t, r.Faults, "the entries are not those of the checkpoint")
}

func TestVerify_RejectsAnotherKey(t *testing.T) {
	f, other := newFixture(t), newFixture(t)
	f.add("a")
	other.add("a")
	r, err := Verify(t.Context(), f.dir, other.anchors(), nil)
	require.NoError(t, err)
	assert.Contains(t, r.Faults, "the checkpoint is not signed with the key of this log")
	_, err = openNote([]byte("x"), "nonsense")
	require.ErrorContains(t, err, "not a public key")
}

// Faults name the range of missing entries.
func TestVerify_NamesMissingEntries(t *testing.T) {
	f := newFixtureIn(t, memoryDir(t))
	for n := range 7 {
		f.add(fmt.Sprintf("t%d", n))
	}
	intact := f.files()
	lines := bytes.SplitAfter(intact[f.dir.entriesFile()], []byte("\n"))[:7]
	for name, test := range map[string]struct {
		keep []int
		want []string
	}{
		"one":          {[]int{0, 1, 2, 4, 5, 6}, []string{"entry 3 is missing, before the entry of "}},
		"the first":    {[]int{2, 3, 4, 5, 6}, []string{"entries 0 to 1 are missing, before the entry of "}},
		"two gaps":     {[]int{0, 2, 3, 5, 6}, []string{"entry 1 is missing", "entry 4 is missing"}},
		"the last":     {[]int{0, 1, 2, 3}, []string{"there are 4 entries, but the checkpoint covers 7: entries 4 to 6 are missing"}},
		"gap and last": {[]int{0, 1, 4}, []string{"entries 2 to 3 are missing", "entries 5 to 6 are missing"}},
		"all":          {nil, []string{"there are 0 entries, but the checkpoint covers 7: entries 0 to 6 are missing"}},
	} {
		var data []byte
		for _, n := range test.keep {
			data = append(data, lines[n]...)
		}
		require.NoError(t, os.WriteFile(f.dir.entriesFile(), data, 0o600))
		r, _ := f.verify()
		faults := strings.Join(r.Faults, "\n")
		for _, want := range test.want {
			assert.Contains(t, faults, want, name)
		}
		assert.NotContains(t, faults, "is not what was written", name)
	}
	for path := range intact {
		require.NoError(t, os.Remove(path))
	}
	r, _ := f.verify()
	assert.Equal(t, Faults{"the log is missing; its last known checkpoint covers 7 entries: entries 0 to 6 are missing"}, r.Faults)
}
