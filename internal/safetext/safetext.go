// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package safetext makes text from elsewhere safe for a log and a terminal.
//
// Backends, callers, files and registries choose texts that end in a log line or
// on a terminal. Control characters and invisible characters can forge
// lines, colors and reading order: C0 and C1 control characters, escape
// sequences, bidirectional overrides, line and paragraph separators, zero-width
// and other invisible characters, and bytes that are no UTF-8.
//
// [Clean] is for one value. [Logger] and [Writer] are for whole components and
// programs: nothing that passes through them has such characters.
package safetext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Safe reports whether r can be shown unchanged.
func Safe(r rune) bool {
	if r < utf8.RuneSelf {
		return ' ' <= r && r != 0x7f
	}
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Clean returns text on one line with a space in place of whatever is not safe.
func Clean(text string) string { return clean(text, func(rune) bool { return false }) }

// Lines is like [Clean] but keeps line feeds and tabs.
func Lines(text string) string {
	return clean(text, func(r rune) bool { return r == '\n' || r == '\t' })
}

func clean(text string, keep func(rune) bool) string {
	if isPlain(text) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteByte(' ')
		case Safe(r) || keep(r):
			b.WriteString(text[i : i+size])
		default:
			b.WriteByte(' ')
		}
		i += size
	}
	return b.String()
}

// isPlain reports whether text is of printable ASCII alone, as nearly all is.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
