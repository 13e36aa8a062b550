// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"bufio"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newLabelParser() *labelParser {
	return &labelParser{texts: &arena{reserve: new(ledger).reserve}, labels: pairs{most: MaxLabels}}
}

func TestLabels(t *testing.T) {
	for set, want := range map[string][]pair{
		`{}`:                         nil,
		` { } `:                      nil,
		`{a="b"}`:                    {{"a", "b"}},
		`{a="b",}`:                   {{"a", "b"}},
		"{ a = \"b\" ,\n_c1=`d\\`}":  {{"a", "b"}, {"_c1", `d\`}},
		`{a='b"',c="d'"}`:            {{"a", `b"`}, {"c", "d'"}},
		`{a="\"\\\n\x41\u00e9\101"}`: {{"a", "\"\\\nAéA"}},
		`{a="",b="c"}`:               {{"b", "c"}},
		`{"a.b"="c"}`:                {{"a.b", "c"}},
		`{a="{b=\"c\"}"}`:            {{"a", `{b="c"}`}},
		"{a=\"\xff\"}":               {{"a", "\uFFFD"}},
	} {
		p := newLabelParser()
		require.NoError(t, p.parse([]byte(set)), set)
		assert.Equal(t, want, p.labels.list, set)
		assert.Zero(t, p.repaired, set)
	}
}

// winston-loki does not escape values, and has any key of an object for a name.
func TestLabels_NotEscaped(t *testing.T) {
	for set, want := range map[string][]pair{
		`{level="info",msg="say "hi" now",app="x"}`: {{"level", "info"}, {"msg", `say "hi" now`}, {"app", "x"}},
		`{level="info",msg="ends with ""}`:          {{"level", "info"}, {"msg", `ends with "`}},
		`{path="C:\Users\x"}`:                       {{"path", `C:\Users\x`}},
		`{a="b","c","d=e"}`:                         {{"a", `b","c","d=e`}},
		`{level="info",content-type="text/html"}`:   {{"level", "info"}, {"content-type", "text/html"}},
		"{a=\"two\nlines\"}":                        {{"a", "two\nlines"}},
	} {
		p := newLabelParser()
		require.NoError(t, p.parse([]byte(set)), set)
		assert.Equal(t, want, p.labels.list, set)
		assert.Equal(t, 1, p.repaired, set)
	}
}

func TestLabels_Malformed(t *testing.T) {
	for set, want := range map[string]error{
		``: errBrace, `{`: errBrace, `a="b"`: errBrace, `x{a="b"}`: errBrace, `{a="b"}x`: errBrace,
		`{a}`: errEquals, `{a=}`: errQuote, `{a=b}`: errQuote, `{a="b}`: errQuote, `{="b"}`: errName, `{""="b"}`: errName, `{,}`: errName,
		`{a='\q'}`: errLabelEscape, `{a='b';c='d'}`: errSeparator, `{a=~"b"}`: errQuote,
	} {
		err := newLabelParser().parse([]byte(set))
		require.ErrorIs(t, err, want, set)
		assert.True(t, strings.HasPrefix(err.Error(), "Error parsing labels '"+set+"' with error: "), err)
	}
	err := newLabelParser().parse([]byte(`{` + strings.Repeat("x", 1000)))
	assert.Less(t, len(err.Error()), 400)
}

// Sets that are made to be slow are not.
func TestLabels_TakeLinearTime(t *testing.T) {
	for name, unit := range map[string]string{
		"escaped":      `a="\n",`,
		"quotes":       `",`,
		"names":        `",a`,
		"blanks":       `"   `,
		"equals":       `a=`,
		"empty labels": `a="",`,
		"labels":       `a="b",`,
		"backslashes":  `\\`,
	} {
		for _, begin := range []string{`{`, `{a="`, `{a='`} {
			began := time.Now()
			_ = newLabelParser().parse([]byte(begin + strings.Repeat(unit, 4<<20/len(unit)) + `}`))
			assert.Less(t, time.Since(began), 5*time.Second, name+" "+begin)
		}
	}
}

// The sets of this file, and what Prometheus' own parser makes of them, are written by
// testbed/benchdoors.
func TestLabels_EqualPrometheus(t *testing.T) {
	f, err := os.Open("testdata/prometheus-labels.jsonl")
	require.NoError(t, err)
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		var row struct {
			Set    string
			Labels map[string]string
			Fails  bool
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &row))
		p := newLabelParser()
		err := p.strict([]byte(row.Set))
		if row.Fails {
			assert.Error(t, err, row.Set)
			continue
		}
		require.NoError(t, err, row.Set)
		got, want := map[string]string{}, map[string]string{}
		maps.Copy(want, row.Labels)
		for _, l := range p.labels.list {
			got[l.name] = l.value
		}
		assert.Equal(t, want, got, row.Set)
	}
	assert.Greater(t, n, 20)
}

// labelOracle reads sets with a regular expression and strconv.
type labelOracle struct{ set, one *regexp.Regexp }

func newLabelOracle() labelOracle {
	const (
		ws    = "[ \t\r\n]*"
		name  = `(?:[a-zA-Z_][a-zA-Z0-9_]*|"(?:[^"\\\n]|\\[^\n])*")`
		value = "(?:" + `"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'` + "|`[^`]*`)"
		one   = "(" + name + ")" + ws + "=" + ws + "(" + value + ")"
	)
	return labelOracle{
		set: regexp.MustCompile("^" + ws + `\{` + ws + "(?:" + one + ws + "(?:," + ws + one + ws + ")*,?" + ws + `)?\}` + ws + "$"),
		one: regexp.MustCompile("^[ \t\r\n,]*" + one),
	}
}

var errOracle = errors.New("not a set")

func (o labelOracle) parse(set string) (pairs, error) {
	out := pairs{most: MaxLabels}
	if !o.set.MatchString(set) {
		return out, errOracle
	}
	rest := strings.Trim(set, " \t\r\n")[1:]
	for {
		m := o.one.FindStringSubmatchIndex(rest)
		if m == nil {
			return out, nil
		}
		name, value := rest[m[2]:m[3]], rest[m[4]:m[5]]
		rest = rest[m[1]:]
		var err error
		if name[0] == '"' {
			if name, err = unquote(name); err != nil || name == "" {
				return out, errOracle
			}
		}
		if value, err = unquote(value); err != nil {
			return out, errOracle
		}
		out.add(valid(name), valid(value))
	}
}

func unquote(text string) (string, error) {
	quote := text[0]
	if quote == '`' {
		return text[1 : len(text)-1], nil // strconv removes carriage returns
	}
	var out []byte
	for rest := text[1 : len(text)-1]; rest != ""; {
		if rest[0] != '\\' {
			r, size := utf8.DecodeRuneInString(rest) // a byte that is not valid is replaced before escapes are joined with it
			out = utf8.AppendRune(out, r)
			rest = rest[size:]
			continue
		}
		r, multibyte, tail, err := strconv.UnquoteChar(rest, quote)
		if err != nil {
			return "", err
		}
		rest = tail
		if multibyte {
			out = append(out, string(r)...)
		} else {
			out = append(out, byte(r))
		}
	}
	return string(out), nil
}

// valid replaces each byte that is not valid UTF-8.
func valid(text string) string { return string([]rune(text)) }

func FuzzLabels(f *testing.F) {
	for _, set := range []string{`{}`, `{a="b"}`, `{a="b",c='d',e=` + "`f`" + `,}`, `{a="\x41\"",b="c"}`, `{a="x"y",b="c"}`, `{"a b"="c"}`, "{a=\"\xff\"}", `{a="\uD800"}`} {
		f.Add(set)
	}
	oracle := newLabelOracle()
	f.Fuzz(func(t *testing.T, set string) {
		p := newLabelParser()
		err := p.strict([]byte(set))
		want, wantErr := oracle.parse(set)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, the oracle: %v", set, err, wantErr)
		}
		if err == nil {
			assert.Equal(t, want.list, p.labels.list)
			assert.Equal(t, want.dropped, p.labels.dropped)
		}
		// Either parser may fail, and neither yields a text that is not valid.
		p = newLabelParser()
		if err := p.parse([]byte(set)); err == nil {
			for _, l := range p.labels.list {
				if l.name != valid(l.name) || l.value != valid(l.value) || l.name == "" || l.value == "" {
					t.Fatalf("%q: %q", set, l)
				}
			}
		} else if wantErr == nil {
			t.Fatalf("%q: %v", set, err)
		}
	})
}
