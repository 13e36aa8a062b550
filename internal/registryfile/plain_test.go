// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// copyTree takes a tree out of the parser's reused nodes.
func copyTree(n *node) node {
	out := node{kind: n.kind, line: n.line, value: n.value}
	for _, c := range n.content {
		child := copyTree(c)
		out.content = append(out.content, &child)
	}
	return out
}

var plainSeeds = []string{
	"- id: a\n",
	"  - id: tenant-1 # note\n    name: 'Ä'\n\n    # c\n    keys:\n      - {id: k1, scopes: [logs, traces], at: 2026-01-01T00:00:00Z}\n      - id: k2\n        x: []\n",
	"- id: a\n  keys:\n  - x: {}\n  - y\n  vars: {a: \"b c\", d: 'e', f: host:4317}\n",
	"- id: null\n  name: ~\n  a: b c #d\n  e: f#g\n  h: i]j\n",
	"- a: b\n c: d\n", "- a: b\n  c\n", "- a: b\n    c\n", "- a:b\n", "- a: {b:c}\n", "- a: [b: c]\n", "- a: [b,c , d]\n",
	"- - a\n  - b\n", "- a: 'it''s'\n", "- a: \"x\\ny\"\n", "- a: |\n    x\n", "-\n  a: b\n", "- a:\n- b\n", "- a: {b: }\n",
	"- a: b\n\n\n# foot\n", "- <<: x\n", "- a: b:\n", "- a: {b: http://x:1/y, c: 1:2}\n", "- a: [,]\n", "- a: [x,]\n", "- a: {b: c,}\n", "- 1: 2\n",
}

func TestPlainParser_ParsesFilesOfTenantctl(t *testing.T) {
	var p plainParser
	for _, text := range []string{plainSeeds[0], "  - id: a\n    routes: {logs: [x, y]}\n    keys:\n      - {id: k1, sha256: 00ff, scopes: [logs], created_at: 2026-01-01T00:00:00Z}\n"} {
		_, ok := p.parse(text)
		assert.True(t, ok, text)
	}
}

// checkPlain holds the plain parser to the library on text.
func checkPlain(t *testing.T, p *plainParser, text string) {
	got, ok := p.parse(text)
	if !ok {
		return
	}
	want, err := parseDocument([]byte(text))
	require.NoError(t, err, "%q", text)
	require.NotNil(t, want, "%q", text)
	require.Equal(t, copyTree(want), copyTree(got), "%q", text)
}

func TestPlainParser_AgreesWithTheLibrary(t *testing.T) {
	var p plainParser
	for _, text := range plainSeeds {
		checkPlain(t, &p, text)
	}
}

func FuzzPlain(f *testing.F) {
	for _, text := range plainSeeds {
		f.Add(text)
	}
	var p plainParser
	f.Fuzz(func(t *testing.T, text string) { checkPlain(t, &p, text) })
}

// FuzzSplit holds the reading entry by entry to the reading of the whole file.
func FuzzSplit(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(f, err)
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(data)
	}
	for _, text := range plainSeeds {
		f.Add([]byte("tenants:\n" + text))
	}
	f.Add([]byte("tenants:\n  - id: \"a\n  - id: b\"\n  - id: c\n"))
	f.Add([]byte("tenants:\n  - {id: a,\n  - id: b}\n"))
	f.Add([]byte("tenants:\n- id: a\n- id: b\n---\ntenants: []\n"))
	f.Add([]byte("--- # x\ntenants:\n- &a id: a\n- *a\nfoo: bar\n"))
	f.Add([]byte("tenants:\n- id: a\r- id: b\n# x\rfoo: bar\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, ok := Split(data)
		if !ok {
			return
		}
		require.Equal(t, data, bytes.Join(append([][]byte{l.Head}, texts(l)...), nil))
		got, _, ok := NewParser().decodeEntries(l)
		if !ok {
			return
		}
		want, faults := decodeWhole(data)
		require.Empty(t, faults, "%q", data)
		require.Len(t, got, len(want), "%q", data)
		for i := range want {
			require.Equal(t, want[i].tenant, got[i].tenant, "%q", data)
			require.Equal(t, want[i].line, got[i].line, "%q", data)
			require.Equal(t, want[i].keyLines, got[i].keyLines, "%q", data)
		}
	})
}

func texts(l Layout) [][]byte {
	var out [][]byte
	for _, e := range l.Entries {
		out = append(out, e.Text)
	}
	return out
}
