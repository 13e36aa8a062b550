// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package safetext

import (
	"fmt"
	"io"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// Writer returns a writer that passes on what is safe, line feeds and tabs, and
// writes everything else as \uXXXX: in JSON and in quoted YAML that is the same
// text, and in a table it shows what was there. A byte that is not UTF-8 becomes
// U+FFFD. It is not safe for concurrent use.
func Writer(w io.Writer) io.Writer { return &writer{to: w} }

type writer struct {
	to   io.Writer
	rest []byte // of a character that the last Write cut
	buf  []byte
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	data := p
	if len(w.rest) > 0 {
		data = slices.Concat(w.rest, p)
		w.rest = nil
	}
	w.buf = w.buf[:0]
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1 && !utf8.FullRune(data[i:]):
			w.rest = append([]byte(nil), data[i:]...)
			i = len(data)
			continue
		case r == utf8.RuneError && size == 1:
			w.buf = utf8.AppendRune(w.buf, utf8.RuneError)
		case Safe(r) || r == '\n' || r == '\t':
			w.buf = append(w.buf, data[i:i+size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			w.buf = fmt.Appendf(w.buf, `\u%04x\u%04x`, high, low)
		default:
			w.buf = fmt.Appendf(w.buf, `\u%04x`, r)
		}
		i += size
	}
	if _, err := w.to.Write(w.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}
