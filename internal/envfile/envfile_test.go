// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package envfile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse_ReadsValuesAsSystemdDoes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"A=b", "b"},
		{"  A=b  ", "b"},
		{"A =b", "b"},
		{"A=", ""},
		{"A= b c ", "b c"},
		{"A='b c '", "b c "},
		{`A="b c "`, "b c "},
		{`A="b\"c\\d\$e\xf"`, `b"c\d$e\xf`},
		{`A='b\c'`, `b\c`},
		{`A=b\ c`, `b c`},
		{`A=b'c'`, `b'c'`},
		{`A='b'c`, `bc`},
		{`A=b#c`, `b#c`},
		{"A=b\\\nc", "bc"},
		{"A=a=b", "a=b"},
		{"\ufeffA=b\r\n", "b"},
		{"# A=x\n; A=y\n\nA=b", "b"},
		{"A=x\nA=b", "b"},
	} {
		all, err := Parse(c.text)
		require.NoError(t, err, c.text)
		got, ok := all.Get("A")
		assert.True(t, ok, c.text)
		assert.Equal(t, c.want, got, c.text)
	}
}

func TestParse_NamesTheLineAndNoValue(t *testing.T) {
	for text, want := range map[string]string{
		"A=b\nsecret":            "line 2 is no assignment NAME=value",
		"export A=secret":        "line 1 begins with export, which is for a shell: remove the word",
		"1A=secret":              "line 1 does not begin with the name of a variable",
		"A='secret":              "line 1: the value of A has a quote that is not closed",
		"A=secret\x00":           "line 1: the value of A has a NUL character",
		strings.Repeat("x", 2e6): "has 2000000 bytes, which is more than the limit of 1048576",
	} {
		_, err := Parse(text)
		require.Error(t, err, want)
		assert.Equal(t, want, err.Error())
		assert.NotContains(t, err.Error(), "secret")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("plain")
	f.Add(`a'b"c\d$e`)
	f.Add(" leading and trailing ")
	f.Fuzz(func(t *testing.T, value string) {
		_, _ = Parse(value)
		if strings.ContainsAny(value, "\x00\r\n") {
			return
		}
		all, err := Parse(Variables{{"A", value}, {"B", "c"}}.String())
		require.NoError(t, err)
		assert.Equal(t, Variables{{"A", value}, {"B", "c"}}, all)
	})
}

func TestVariables(t *testing.T) {
	v := Variables{{"A", "1"}, {"B", "2"}, {"A", "3"}}
	assert.Equal(t, Variables{{"A", "4"}, {"B", "2"}}, v.Set("A", "4"))
	assert.Equal(t, Variables{{"A", "1"}, {"B", "2"}, {"A", "3"}, {"C", "4"}}, v.Set("C", "4"))
	assert.Equal(t, Variables{{"B", "2"}}, v.Without("A"))
	assert.Equal(t, map[string]string{"A": "3", "B": "2"}, v.Map())
	_, ok := v.Get("C")
	assert.False(t, ok)
}
