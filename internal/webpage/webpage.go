// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package webpage extracts plain text from the web pages that proxies send in place of an
// answer, so that logs and health show no HTML.
package webpage

import (
	"bytes"
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxInput bounds how many bytes of a page are looked at. The title is near the beginning.
const maxInput = 16 << 10

// Is reports whether body is a web page, by its content type or its first bytes.
func Is(body []byte, contentType string) bool {
	switch mediaType, _, _ := mime.ParseMediaType(contentType); mediaType {
	case "text/html", "application/xhtml+xml":
		return true
	}
	start := bytes.ToLower(bytes.TrimLeftFunc(bytes.TrimPrefix(body[:min(len(body), 256)], []byte("\ufeff")), unicode.IsSpace))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// Text returns the title of a page, or else the text in it, on one line and at most limit
// bytes. It is empty if the page has neither.
func Text(body []byte, limit int) string {
	var title, text builder
	title.limit, text.limit = limit, limit
	tokens := html.NewTokenizer(bytes.NewReader(body[:min(len(body), maxInput)]))
	tokens.SetMaxBuf(maxInput)
	into := &text
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			if title.Len() > 0 {
				return title.String()
			}
			return text.String()
		case html.TextToken:
			if into != nil {
				into.add(tokens.Text())
			}
		case html.SelfClosingTagToken, html.CommentToken:
			title.space, text.space = true, true
		case html.StartTagToken:
			title.space, text.space = true, true
			name, _ := tokens.TagName()
			switch atom.Lookup(name) {
			case atom.Title:
				into = &title
			case atom.Script, atom.Style, atom.Noscript, atom.Template:
				into = nil
			}
		case html.EndTagToken:
			title.space, text.space = true, true
			switch name, _ := tokens.TagName(); atom.Lookup(name) {
			case atom.Title, atom.Script, atom.Style, atom.Noscript, atom.Template:
				into = &text
			}
		}
	}
}

// builder builds one line of text.
type builder struct {
	strings.Builder
	limit int
	space bool // white space was left out
}

func (b *builder) add(text []byte) {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			b.space = true
			continue
		}
		if b.space && b.Len() > 0 && b.Len() < b.limit {
			b.WriteByte(' ')
		}
		b.space = false
		if b.Len()+utf8.RuneLen(r) > b.limit {
			b.limit = b.Len() // nothing more
			return
		}
		b.WriteRune(r)
	}
}
