// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2corpus

import (
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func written(text string, borders ...int) Written {
	return Written{Line: Line{Text: text}, Borders: borders}
}

func TestDecodeUTF8(t *testing.T) {
	for in, want := range map[string]string{ // as Node.js 20 prints Buffer.from(in).toString()
		"":                      "",
		"aé界𝄞":                  "aé界𝄞",
		"bad \xff\xfe \xc3( ":   "bad \uFFFD\uFFFD \uFFFD( ",
		"\xe2\x82 \xf0\x9f\x98": "\uFFFD \uFFFD",
		"\xf0\x9f\x98":          "\uFFFD",
		"\x98\x80":              "\uFFFD\uFFFD",
		"\xed\xa0\x80":          "\uFFFD\uFFFD\uFFFD", // a surrogate
		"\xe0\x80\x80":          "\uFFFD\uFFFD\uFFFD", // too long a form
		"\xf4\x90\x80\x80":      "\uFFFD\uFFFD\uFFFD\uFFFD",
		"\xf5a\xc0\xaf":         "\uFFFDa\uFFFD\uFFFD",
		"\uFEFFx":               "\uFEFFx",
	} {
		assert.Equal(t, want, DecodeUTF8([]byte(in)), "%x", in)
		assert.True(t, utf8.ValidString(DecodeUTF8([]byte(in))))
	}
}

func TestWhole(t *testing.T) {
	truth := []byte("one\n\n界界\nopen")
	for name, c := range map[string]struct {
		lines []Written
		fault string
	}{
		"all":                   {[]Written{written("one"), written(""), written("界界"), written("open")}, ""},
		"cut between":           {[]Written{written("one"), written(""), written("界界", 3), written("open", 1, 2)}, ""},
		"cut in a character":    {[]Written{written("one"), written(""), written("\uFFFD\uFFFD\uFFFD界", 3), written("open")}, ""},
		"cut later in it":       {[]Written{written("one"), written(""), written("\uFFFD\uFFFD界", 3), written("open")}, ""},
		"cut in the second":     {[]Written{written("one"), written(""), written("界\uFFFD\uFFFD", 6), written("open")}, ""},
		"damage but no cut":     {[]Written{written("one"), written(""), written("\uFFFD\uFFFD界"), written("open")}, "line 2 was written as"},
		"damage elsewhere":      {[]Written{written("one"), written(""), written("\uFFFD\uFFFD界", 9), written("open")}, "line 2 was written as"},
		"too much damage":       {[]Written{written("one"), written(""), written("\uFFFD\uFFFD\uFFFD\uFFFD界", 3), written("open")}, "line 2 was written as"},
		"wrong":                 {[]Written{written("one"), written(""), written("界"), written("open")}, "line 2 was written as"},
		"missing at the end":    {[]Written{written("one"), written(""), written("界界")}, `"open" is missing`},
		"missing in the middle": {[]Written{written("one"), written("界界"), written("open")}, "line 1 was written as"},
		"extra":                 {[]Written{written("one"), written(""), written("界界"), written("open"), written("x")}, `"x" is too many`},
	} {
		err := Whole(truth, c.lines)
		if c.fault == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, c.fault, name)
		}
	}
}

func TestPart(t *testing.T) {
	truth := []byte("a\nb\nc\nd\n")
	lost, err := Part(truth, []Written{written("b"), written("c")})
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "d"}, lost)
	lost, err = Part(truth, []Written{written("a"), written("b"), written("c"), written("d")})
	require.NoError(t, err)
	assert.Empty(t, lost)
	for name, lines := range map[string][]Written{
		"never written": {written("x")},
		"twice":         {written("b"), written("b")},
		"in disorder":   {written("c"), written("b")},
	} {
		_, err := Part(truth, lines)
		assert.Error(t, err, name)
	}
}

func TestReassemble(t *testing.T) {
	got := Reassemble([]byte(`{"message":"a\nb","timestamp":"t","type":"out","process_id":1,"app_name":"x"}
{"message":"err\n","timestamp":"t","type":"err","process_id":1,"app_name":"x"}
    at raw (\x)
{"message":"c","timestamp":"t","type":"out","process_id":1,"app_name":"x"}
{"message":"other\n","timestamp":"t","type":"out","process_id":2,"app_name":"x"}
{"message":"d\n\nopen","timestamp":"t","type":"out","process_id":1,"app_name":"x"}
{"message":5,"process_id":1,"app_name":"x"}`))
	one, two := ptr(1), ptr(2)
	assert.Equal(t, []Written{
		{Line: Line{Text: "a", Stream: "stdout", ProcessID: one}, Terminated: true},
		{Line: Line{Text: "err", Stream: "stderr", ProcessID: one}, Terminated: true},
		{Line: Line{Text: `    at raw (\x)`, Stream: "stderr"}, Terminated: true},
		{Line: Line{Text: "other", Stream: "stdout", ProcessID: two}, Terminated: true},
		{Line: Line{Text: "bcd", Stream: "stdout", ProcessID: one}, Borders: []int{1, 2}, Terminated: true},
		{Line: Line{Text: "", Stream: "stdout", ProcessID: one}, Terminated: true},
		{Line: Line{Text: `{"message":5,"process_id":1,"app_name":"x"}`, Stream: "stderr"}, Terminated: true},
		{Line: Line{Text: "open", Stream: "stdout", ProcessID: one}, Borders: []int{}},
	}, got)
}

func TestReadTruth(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("web#1#200#9.jsonl", `{"seq":0,"t":1,"fd":1,"s":"later\n"}`+"\n")
	write("web#1#100#10.jsonl", `{"seq":0,"t":1,"fd":1,"s":"first"}
{"seq":1,"t":1,"fd":2,"b64":"/w==","meta":{"level":"info"}}
{"seq":2,"t":1,"fd":1,"s":" half","fdwrite":true,"async":true}
{"seq":3,"t":1,"fd":2,"s":"stack\n","raw":true}
{"fix":2,"n":3}
{"seq":4,"t":1,"fd":1,"s":"still being wri`)
	write("api#0#300#11.jsonl", `{"seq":0,"t":1,"fd":1,"s":"x"}`+"\n")
	got, err := ReadTruth(dir)
	require.NoError(t, err)
	require.Len(t, got, 4)
	assert.Equal(t, "api", got[0].App)
	assert.Equal(t, "x", string(got[0].Bytes()))
	assert.Equal(t, Output{App: "web", ProcessID: 1, Stream: "stdout", Calls: [][]byte{[]byte("first"), []byte(" ha"), []byte("later\n")}}, got[2])
	assert.Equal(t, Output{App: "web", ProcessID: 1, Stream: "stderr", Calls: [][]byte{{0xff}}, Raw: [][]byte{[]byte("stack\n")}}, got[3])

	write("web#one#1#1.jsonl", "")
	_, err = ReadTruth(dir)
	assert.ErrorContains(t, err, "web#one#1#1.jsonl")
}
