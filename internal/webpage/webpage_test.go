// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package webpage

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"golang.org/x/net/html"
)

const nginx = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.24.0</center>\r\n</body>\r\n</html>\r\n"

func TestIs(t *testing.T) {
	for _, c := range []struct {
		body, contentType string
		want              bool
	}{
		{nginx, "text/html", true},
		{nginx, "text/plain", true},
		{nginx, "", true},
		{"\ufeff\n <!DOCTYPE HTML>", "", true},
		{"anything", "text/html; charset=utf-8", true},
		{"<?xml version='1.0'?>", "application/xhtml+xml", true},
		{"", "", false},
		{"the queue is full", "text/plain", false},
		{`{"message":"<html>"}`, "application/json", false},
		{"<Error><Code>SlowDown</Code></Error>", "application/xml", false},
	} {
		assert.Equal(t, c.want, Is([]byte(c.body), c.contentType), "%q as %q", c.body, c.contentType)
	}
}

func TestText(t *testing.T) {
	for body, want := range map[string]string{
		nginx: "502 Bad Gateway",
		"<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>": "503 Service Unavailable No server is available to handle this request.",
		"<title>\n Sign\tin &amp; more </title><p>text":                                                                "Sign in & more",
		"<html><head><script>var a = '<b>';</script><style>b{}</style></head><body>Blocked<br>by policy":               "Blocked by policy",
		"<title></title><p>one</p><p>two</p>":                                                                          "one two",
		"<html>":                                                                                                       "",
		"":                                                                                                             "",
		"<title>never closed":                                                                                          "never closed",
		"<p>a\x00\x1b[31mb":                                                                                            "a [31mb",
	} {
		assert.Equal(t, want, Text([]byte(body), 200), body)
	}
	long := Text([]byte("<p>"+strings.Repeat("ä b", 1000)), 50)
	assert.LessOrEqual(t, len(long), 50)
	assert.Greater(t, len(long), 40)
}

// The result is bounded, on one line, and made only of words of the page.
func FuzzText(f *testing.F) {
	for _, seed := range []string{nginx, "<title>a", "<script><title>b</script>", "<!--<title>-->c", "<title>d</title><title>e</title>", "\xff<p>\xff", "&lt;title&gt;", "<textarea><title>x</textarea>"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := Text(body, 100)
		assert.LessOrEqual(t, len(got), 100)
		assert.True(t, utf8.ValidString(got))
		assert.NotContains(t, got, "\n")
		assert.Equal(t, strings.Join(strings.Fields(got), " "), strings.TrimSpace(got))
		unescaped := string([]rune(html.UnescapeString(string(body)))) // invalid bytes as U+FFFD
		unescaped = strings.ReplaceAll(unescaped, "\x00", "\ufffd")
		for _, word := range strings.Fields(got) {
			assert.Contains(t, unescaped, word)
		}
	})
}
