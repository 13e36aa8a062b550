// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package validtext reports whether text is UTF-8. Nearly every text of telemetry is ASCII and
// short, for which a few words are compared in place of each byte.
package validtext

import "unicode/utf8"

// String reports whether s is UTF-8.
func String(s string) bool { return ascii(s) || utf8.ValidString(s) }

// Bytes reports whether b is UTF-8.
func Bytes(b []byte) bool { return ascii(b) || utf8.Valid(b) }

// ASCII reports whether all bytes of b are below 0x80.
func ASCII(b []byte) bool { return ascii(b) }

func ascii[T ~string | ~[]byte](s T) bool {
	const highs = 0x8080808080808080
	n := len(s)
	switch {
	case n >= 8:
		seen, i := word(s, n-8), 0
		for ; i+32 <= n; i += 32 {
			seen |= word(s, i) | word(s, i+8) | word(s, i+16) | word(s, i+24)
		}
		for ; i+8 <= n; i += 8 {
			seen |= word(s, i)
		}
		return seen&highs == 0
	case n >= 4:
		return (half(s, 0)|half(s, n-4))&(highs>>32) == 0
	case n == 0:
		return true
	}
	return (s[0]|s[n/2]|s[n-1])&0x80 == 0
}

// word returns the eight bytes of s from i on.
func word[T ~string | ~[]byte](s T, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// half returns the four bytes of s from i on.
func half[T ~string | ~[]byte](s T, i int) uint32 {
	s = s[i : i+4]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}
