// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/pm2corpus"
)

// oracle reads a line as encoding/json does. It returns nil for what is no object.
func oracle(line []byte) map[string]any {
	if object := oracleOf(line); object != nil {
		return object
	}
	return oracleOf(trailing.ReplaceAll(line, []byte("$1$2")))
}

// trailing are commas behind last elements, and strings, in which there are none.
var trailing = regexp.MustCompile(`("(?:[^"\\]|\\.)*")|,(\s*[}\]])`)

func oracleOf(line []byte) map[string]any {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	var object map[string]any
	if decoder.Decode(&object) != nil || len(bytes.TrimSpace(line[decoder.InputOffset():])) > 0 {
		return nil
	}
	return object
}

// asRaw turns a value of encoding/json into what pdata gives back for it.
func asRaw(v any) any {
	switch v := v.(type) {
	case json.Number:
		text := v.String()
		if !strings.ContainsAny(text, ".eE") {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				return n
			}
			return text
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(f, 0) {
			return f
		}
		return text
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = asRaw(x)
		}
		return out
	case []any:
		out := []any{}
		for _, x := range v {
			out = append(out, asRaw(x))
		}
		return out
	}
	return v
}

// walk reads a line as the parser does, special fields aside.
func walk(line []byte) (attrs, special map[string]any, ok bool) {
	p := New(Settings{JSON: true, Location: time.UTC})
	m := pcommon.NewMap()
	p.w.reset(line, slab.New(slab.Usage{}))
	if !p.w.top(m) {
		canonical, readable := canonicalize(line)
		if !readable {
			return nil, nil, false
		}
		m.Clear()
		p.w.reset(canonical, slab.New(slab.Usage{}))
		if !p.w.top(m) {
			return nil, nil, false
		}
	}
	special = map[string]any{}
	for i := range p.w.found[:p.w.many] {
		v := pcommon.NewValueEmpty()
		p.w.i = p.w.found[i].from
		if !p.w.value(v, 0, 1) {
			return nil, nil, false
		}
		special[string(p.w.found[i].name)] = v.AsRaw()
	}
	return m.AsRaw(), special, true
}

// deep says whether v is deeper or wider than is kept.
func deep(v any, depth int) bool {
	if depth > maxDepth-2 {
		return true
	}
	switch v := v.(type) {
	case map[string]any:
		if len(v) > maxFields {
			return true
		}
		for _, x := range v {
			if deep(x, depth+1) {
				return true
			}
		}
	case []any:
		for _, x := range v {
			if deep(x, depth+1) {
				return true
			}
		}
	}
	return false
}

// agree checks that a line is read as encoding/json reads it.
func agree(t testing.TB, line []byte) {
	want := oracle(line)
	attrs, special, ok := walk(line)
	if ok != (want != nil) {
		t.Fatalf("%q: read %t, encoding/json %t", line, ok, want != nil)
	}
	if !ok || len(want) > maxFields || deep(want, 0) || len(line) > maxValues || want["@fields"] != nil {
		return
	}
	got := map[string]any{}
	for k, v := range attrs {
		got[k] = v
	}
	for k, v := range special {
		if _, has := got[k]; has {
			t.Fatalf("%q: %s is twice", line, k)
		}
		got[k] = v
	}
	if expected := asRaw(want); !reflect.DeepEqual(expected, any(got)) {
		t.Fatalf("%q:\n got %#v\nwant %#v", line, got, expected)
	}
}

func corpusLines(t testing.TB) (all [][]byte) {
	files, err := pm2corpus.Files("../../../../testdata/pm2")
	require.NoError(t, err)
	for _, file := range files {
		expected, err := pm2corpus.Load(file)
		require.NoError(t, err)
		for _, e := range expected {
			all = append(all, []byte(e.Line))
		}
	}
	data, err := os.ReadFile(filepath.Join("testdata", "lines.jsonl"))
	require.NoError(t, err)
	return append(all, bytes.Split(bytes.TrimSpace(data), []byte("\n"))...)
}

func TestWalker_AgreesWithEncodingJSONOnTheCorpus(t *testing.T) {
	for _, line := range corpusLines(t) {
		agree(t, line)
	}
}

func TestWalker_TakesAnyNestingAndWidth(t *testing.T) {
	for _, n := range []int{1, maxDepth - 1, maxDepth + 1, 9000, 200000} {
		nested := []byte(`{"level":"info","msg":"deep","d":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`)
		rec := parse(string(nested), true)
		if n > 10000 { // encoding/json gives up on these
			assert.Equal(t, string(nested), rec.Body().Str())
			continue
		}
		assert.Equal(t, "deep", rec.Body().Str(), n)
		_, has := rec.Attributes().Get("d")
		assert.True(t, has)
	}
	var wide strings.Builder
	wide.WriteString(`{"level":"warn","msg":"wide"`)
	for i := range maxFields + 1 {
		wide.WriteString(`,"k` + strconv.Itoa(i) + `":` + strconv.Itoa(i))
	}
	wide.WriteString("}")
	rec := parse(wide.String(), true)
	assert.Equal(t, plog.SeverityNumberWarn, rec.SeverityNumber())
	assert.Equal(t, wide.String(), rec.Body().Str(), "nothing may be lost")
	cut, _ := rec.Attributes().Get(AttributeCut)
	assert.True(t, cut.Bool())
}

// A map is searched for every field that is put into it: without a bound one line of a
// megabyte costs ten seconds.
func TestWalker_KeepsWideObjectsWholeInTheBody(t *testing.T) {
	fields := func(value string) string {
		var b strings.Builder
		for i := range 60000 {
			b.WriteString(`,"k` + strconv.Itoa(i) + `":` + value)
		}
		return b.String()[1:]
	}
	for name, line := range map[string]string{
		"strings":   `{"level":"warn","msg":"wide","d":{` + fields(`""`) + `}}`,
		"numbers":   `{"level":"warn","msg":"wide","d":{` + fields(`1`) + `}}`,
		"objects":   `{"level":"warn","msg":"wide","d":{` + fields(`{}`) + `}}`,
		"exception": `{"level":"warn","msg":"wide","err":{"type":"E","message":"m","stack":"E: m\n    at x",` + fields(`""`) + `}}`,
		"special":   `{"level":"warn","msg":"wide","time":{` + fields(`""`) + `}}`,
		"array":     `{"level":"warn","msg":"wide","d":[0` + strings.Repeat(",1", 100000) + `]}`,
		"in array":  `{"level":"warn","msg":"wide","d":[{` + fields(`""`) + `}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			rec := parse(line, true)
			assert.Less(t, time.Since(began), 15*time.Second, "no work that grows with the square")
			assert.Equal(t, plog.SeverityNumberWarn, rec.SeverityNumber())
			assert.Equal(t, line, rec.Body().Str(), "nothing may be lost")
			cut, _ := rec.Attributes().Get(AttributeCut)
			assert.True(t, cut.Bool())
			assert.Less(t, values(rec.Attributes().AsRaw()), 2*maxValues)
		})
	}
}

func values(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			n += values(x)
		}
	case []any:
		for _, x := range v {
			n += values(x)
		}
	}
	return n + 1
}

func FuzzParser_AgreesWithEncodingJSON(f *testing.F) {
	for i, line := range corpusLines(f) {
		if i%29 == 0 && len(line) < 2048 || i > 7000 && len(line) < 2048 {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		line = []byte(strings.ToValidUTF8(string(line), "\uFFFD")) // what the parser is promised
		if whole, ok := object(line); ok {
			agree(t, whole)
		}
		before := string(line)
		rec := parseBytes(line, true)
		if before != string(line) {
			t.Fatal("the line was changed")
		}
		if !utf8.ValidString(rec.Body().AsString()) || !utf8.ValidString(rec.SeverityText()) {
			t.Fatalf("%q: %q %q", line, rec.Body().AsString(), rec.SeverityText())
		}
		for k, v := range rec.Attributes().All() {
			if !utf8.ValidString(k) || !utf8.ValidString(v.AsString()) {
				t.Fatalf("%q: attribute %q %q", line, k, v.AsString())
			}
		}
	})
}
