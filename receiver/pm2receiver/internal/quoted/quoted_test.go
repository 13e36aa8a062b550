// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package quoted

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

func TestUnquote(t *testing.T) {
	for in, want := range map[string]string{
		`"`:                              "",
		`plain"`:                         "plain",
		`a longer run of plain bytes"`:   "a longer run of plain bytes",
		`\"\\\/\b\f\n\r\t"`:              "\"\\/\b\f\n\r\t",
		`caf\u00e9 \ud83d\ude00 \u0000"`: "café 😀 \x00",
		`Zoë 李小龍 and seven more bytes"`:  "Zoë 李小龍 and seven more bytes",
		"\x7f is no control character\"": "\x7f is no control character",
	} {
		got, rest, ok := Unquote([]byte(in+" rest"), arena.New(1))
		require.True(t, ok, in)
		assert.Equal(t, want, string(got))
		assert.Equal(t, " rest", string(rest))
	}
}

func TestUnquote_RejectsOtherStrings(t *testing.T) {
	for _, in := range []string{"", "open", `\`, `\q"`, `\u12g4"`, `\u12"`, `\ud800"`, `\ud800\u0041"`, `\udc00"`, "tab\there\"", "\xff\"", "\xe2\x82\""} {
		_, _, ok := Unquote([]byte(in), arena.New(8))
		assert.False(t, ok, "%q", in)
	}
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{"", "2026-11-21T02:08:36.912Z", "1234567\\", "12345678\x1f", "\x80234567890", "orders-api\x7f", "12345 \\"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		want := true
		for _, c := range s {
			want = want && c >= 0x20 && c < 0x80 && c != '\\'
		}
		if Plain(s) != want {
			t.Fatalf("Plain(%q) = %t", s, !want)
		}
	})
}

func FuzzUnquote_AgreesWithEncodingJSON(f *testing.F) {
	for _, s := range []string{`plain`, `\"level\":30,\"msg\":\"李\"`, `\ud83d\ude00`, `\ud800`, "\xff", `1234567\n890`, `\u0022"tail`, `a\",\"b\":\"c\",`, `\":\`, `\\`, `\n\`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		in = append(in, '"')
		before := string(in)
		got, rest, ok := Unquote(in, arena.New(0))
		if string(in) != before {
			t.Fatal("the input was changed")
		}
		end, escaped := End(in)
		if ok != (end >= 0 && unquotable(in[:end])) {
			t.Fatalf("Unquote(%q) = %t, End = %d", in, ok, end)
		}
		if end >= 0 && utf8.Valid(in[:end]) && Valid(in[:end]) != ok {
			t.Fatalf("Valid(%q) = %t", in[:end], !ok)
		}
		if !ok {
			return
		}
		if len(rest) != len(in)-end-1 || !escaped && string(got) != string(in[:end]) {
			t.Fatalf("Unquote(%q) left %q, End = %d, %t", in, rest, end, escaped)
		}
		var want string
		if err := json.Unmarshal(append([]byte{'"'}, in[:end+1]...), &want); err != nil || want != string(got) {
			t.Fatalf("Unquote(%q) = %q, encoding/json has %q, %v", in, got, want, err)
		}
	})
}

// unquotable reports whether encoding/json reads the string without repairing it.
func unquotable(s []byte) bool {
	var out string
	if json.Unmarshal(append(append([]byte{'"'}, s...), '"'), &out) != nil || !utf8.Valid(s) {
		return false
	}
	again, err := json.Marshal(out)
	if err != nil {
		return false
	}
	// Only the repair of half a surrogate pair adds a U+FFFD.
	return count(again, "\uFFFD") <= count(s, "\uFFFD")+count(s, `\ufffd`)
}

func count(b []byte, what string) (n int) {
	s := string(b)
	for i := 0; i+len(what) <= len(s); i++ {
		if what[0] == '\\' {
			if lower(s[i:i+len(what)]) == what {
				n++
			}
		} else if s[i:i+len(what)] == what {
			n++
		}
	}
	return n
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'F' {
			b[i] = c + 32
		}
	}
	return string(b)
}

func BenchmarkUnquote_Pino(b *testing.B) {
	line := []byte(`{\"level\":30,\"time\":1795226915324,\"pid\":43,\"hostname\":\"web-01\",\"service\":\"orders-api\",\"reqId\":\"req-1000\",\"trace_id\":\"a1f06f297967a6038be6e6a606291de9\",\"span_id\":\"ec69282dd974bfb3\",\"trace_flags\":\"01\",\"req\":{\"method\":\"POST\",\"url\":\"/orders?page=0\",\"headers\":{\"user-agent\":\"curl/8.1\",\"accept\":\"*/*\"}},\"msg\":\"request received\"}\n"`)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	a := arena.New(1 << 20)
	for n := 0; b.Loop(); n++ {
		if n%1000 == 0 {
			a = arena.New(1 << 20)
		}
		if _, _, ok := Unquote(line, a); !ok {
			b.Fatal()
		}
	}
}
