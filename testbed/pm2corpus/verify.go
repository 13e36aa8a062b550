// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2corpus

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Whole returns an empty text if the lines are all that the bytes contain, in order, so that PM2
// lost nothing. If a record of PM2 ended in the middle of a character, the line must be exactly
// what remains of it.
func Whole(truth []byte, lines []Written) error {
	want := physical(truth)
	for i, w := range want {
		if i == len(lines) {
			return fmt.Errorf("%d lines were written and %d are there: %s is missing", len(want), len(lines), quote(string(w)))
		}
		if !cutAs(w, lines[i].segments()) {
			return fmt.Errorf("line %d was written as %s and is there as %s", i, quote(string(w)), quote(lines[i].Text))
		}
	}
	if len(lines) > len(want) {
		return fmt.Errorf("%d lines were written and %d are there: %s is too many", len(want), len(lines), quote(lines[len(want)].Text))
	}
	return nil
}

// Part reports whether the lines are some of those that the bytes contain, in order, and returns
// the other ones, which PM2 lost.
func Part(truth []byte, lines []Written) (lost []string, err error) {
	want := physical(truth)
	for i, l := range lines {
		at := slices.IndexFunc(want, func(w []byte) bool { return cutAs(w, l.segments()) })
		if at < 0 {
			return nil, fmt.Errorf("line %d, %s, was not written, or not then", i, quote(l.Text))
		}
		for _, w := range want[:at] {
			lost = append(lost, string(w))
		}
		want = want[at+1:]
	}
	for _, w := range want {
		lost = append(lost, string(w))
	}
	return lost, nil
}

// segments cuts the line where records of PM2 ended.
func (w *Written) segments() []string {
	var segments []string
	from := 0
	for _, to := range w.Borders {
		segments = append(segments, w.Text[from:to])
		from = to
	}
	return append(segments, w.Text[from:])
}

const replacement = "\uFFFD"

// cutAs reports whether the segments result if the bytes are cut somewhere and each part is
// decoded separately, as PM2 does with what it reads.
func cutAs(b []byte, segments []string) bool {
	first := segments[0]
	if len(segments) == 1 {
		return DecodeUTF8(b) == first
	}
	for p, left := 0, first; ; {
		// The cut is at p, or in the character that begins there.
		if left == "" || left == replacement {
			for k := p; k <= min(p+3, len(b)); k++ {
				if DecodeUTF8(b[p:k]) == left && cutAs(b[k:], segments[1:]) {
					return true
				}
			}
		}
		if p == len(b) {
			return false
		}
		text, n := decodeOne(b[p:])
		after, ok := strings.CutPrefix(left, text)
		if !ok {
			return false
		}
		p, left = p+n, after
	}
}

// DecodeUTF8 decodes as Node.js does, after the WHATWG encoding standard: each
// longest part of a character that could have become one is one U+FFFD.
func DecodeUTF8(b []byte) string {
	var out bytes.Buffer
	for len(b) > 0 {
		text, n := decodeOne(b)
		out.WriteString(text)
		b = b[n:]
	}
	return out.String()
}

// decodeOne decodes the first character and returns how many bytes it took.
func decodeOne(b []byte) (string, int) {
	need, low, high := 0, byte(0x80), byte(0xBF)
	switch c := b[0]; {
	case c < 0x80:
		return string(b[:1]), 1
	case c >= 0xC2 && c <= 0xDF:
		need = 1
	case c >= 0xE0 && c <= 0xEF:
		need = 2
		switch c {
		case 0xE0:
			low = 0xA0
		case 0xED:
			high = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		need = 3
		switch c {
		case 0xF0:
			low = 0x90
		case 0xF4:
			high = 0x8F
		}
	default:
		return replacement, 1
	}
	for i := 1; i <= need; i++ {
		if i == len(b) || b[i] < low || b[i] > high {
			return replacement, i
		}
		low, high = 0x80, 0xBF
	}
	return string(b[:need+1]), need + 1
}
