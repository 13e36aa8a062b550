// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package ansi removes the escape sequences of terminals, such as colors, from text.
package ansi

import "bytes"

// Escape begins every sequence.
const Escape = 0x1b

// Strip returns b without colors and other escape sequences of terminals. It
// returns b itself if there are none, and writes to nothing else.
func Strip(b []byte, buffer func(n int) []byte) []byte {
	at := bytes.IndexByte(b, Escape)
	if at < 0 {
		return b
	}
	out := append(buffer(len(b)), b[:at]...)
	return Append(out, b[at:], len(b))
}

// Append appends b without escape sequences to dst until dst is limit long.
func Append(dst, b []byte, limit int) []byte {
	for len(b) > 0 && len(dst) < limit {
		if b[0] != Escape {
			n := bytes.IndexByte(b, Escape)
			if n < 0 {
				n = len(b)
			}
			n = min(n, limit-len(dst))
			dst = append(dst, b[:n]...)
			b = b[n:]
			continue
		}
		b = b[sequence(b):]
	}
	return dst
}

// maxSequence bounds an escape sequence. A longer one is text.
const maxSequence = 256

// sequence returns the length of the escape sequence at the beginning of b.
func sequence(b []byte) int {
	if len(b) < 2 {
		return 1
	}
	limit := min(len(b), maxSequence)
	switch b[1] {
	case '[': // up to a letter
		for i := 2; i < limit; i++ {
			if b[i] >= 0x40 && b[i] <= 0x7e {
				return i + 1
			}
			if b[i] < 0x20 || b[i] > 0x7e { // incomplete
				return i
			}
		}
		return limit
	case ']', 'P', '_', '^', 'X': // up to BEL or ESC \
		for i := 2; i < limit; i++ {
			if b[i] == 7 {
				return i + 1
			}
			if b[i] == Escape && i+1 < len(b) && b[i+1] == '\\' {
				return i + 2
			}
		}
		return 2
	case '(', ')', '*', '+', '#', '%', ' ':
		return min(3, len(b))
	}
	if b[1] >= 0x30 && b[1] <= 0x7e {
		return 2
	}
	return 1
}
