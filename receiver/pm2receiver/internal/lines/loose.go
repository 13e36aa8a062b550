// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"bytes"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timeparse"
)

// maxLoose is longer than a date that is read loosely.
const maxLoose = maxPrefix + 8

// loosely reads a date with separators that dates do not have elsewhere, such as
// 2026-10-05_09-17-42, 2026/10/05-09:17, 20261005091742118, 2026-10-05 09:17:42 118 and
// 09:17:42 05.10.2026. Only a date that was learned is read so. It returns 0 if it is none.
func loosely(text []byte, loc *time.Location) int64 {
	if len(text) > maxPrefix {
		return 0
	}
	var space [maxLoose]byte
	if out := usual(space[:0], text); len(out) > 0 {
		if p, ok := timeparse.Parse(out, loc); ok && p.Len == len(out) {
			return p.Nanos
		}
	}
	// The time of day first.
	clock, day, two := bytes.Cut(text, []byte(" "))
	if !two || bytes.IndexByte(clock, ':') < 0 {
		return 0
	}
	out := append(append(append(space[:0], day...), ' '), clock...)
	if p, ok := timeparse.Parse(out, loc); ok && p.Len == len(out) {
		return p.Nanos
	}
	return 0
}

// usual appends a date with the usual separators to dst. It returns nil if there is no
// time of day behind the date.
func usual(dst, text []byte) []byte {
	i := digitsAt(text, 0)
	switch {
	case i == len("20060102150405000") && i == len(text):
		dst = append(append(dst, text[:8]...), ' ')
		for at := 8; at < 14; at += 2 {
			if at > 8 {
				dst = append(dst, ':')
			}
			dst = append(dst, text[at:at+2]...)
		}
		return append(append(dst, '.'), text[14:]...)
	case i == 8:
	case i == 4 || i == 1 || i == 2:
		for range 2 {
			n := 0
			if i < len(text) && (text[i] == '-' || text[i] == '/' || text[i] == '.') {
				n = digitsAt(text, i+1)
			}
			if n == 0 || n > 4 {
				return nil
			}
			i += 1 + n
		}
	default:
		return nil
	}
	dst = append(append(dst, text[:i]...), ' ')
	for i < len(text) && (text[i] == '-' || text[i] == '_' || text[i] == 'T' || text[i] == ' ' || text[i] == ',' || text[i] == '@') {
		i++
	}
	parts := 0
	for ; parts < 3 && digitsAt(text, i) == 2; parts++ {
		if parts > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, text[i:i+2]...)
		i += 2
		if parts < 2 && i+1 < len(text) && (text[i] == ':' || text[i] == '-' || text[i] == '.' || text[i] == 'h' || text[i] == 'm') && text[i+1]-'0' <= 9 {
			i++
		}
	}
	if parts < 2 {
		return nil
	}
	if i < len(text) && text[i] == 's' {
		i++
	}
	if n := digitsAt(text, i+1); i < len(text) && n >= 1 && n <= 9 && parts == 3 && (text[i] == ' ' || text[i] == '.' || text[i] == ',' || text[i] == ':' || text[i] == '-' || text[i] == '_') {
		dst = append(append(dst, '.'), text[i+1:i+1+n]...)
		i += 1 + n
	}
	return append(dst, text[i:]...)
}

// digitsAt counts the digits of text at i.
func digitsAt(text []byte, i int) int {
	n := 0
	for i+n < len(text) && text[i+n]-'0' <= 9 {
		n++
	}
	return n
}
