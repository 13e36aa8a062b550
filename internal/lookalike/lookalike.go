// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package lookalike finds keys of attributes that become the same label in Prometheus, Mimir
// and Loki. They replace each run of characters other than letters, digits and underscores by
// one underscore, so there business.id is business_id.
package lookalike

// Is reports whether key is want, or becomes the same label as want.
func Is[T ~string | ~[]byte](key T, want string) bool {
	// Nearly every other key ends here.
	if len(key) < len(want) || len(want) == 0 || key[0] != want[0] || key[len(key)-1] != want[len(want)-1] {
		return len(key)+len(want) == 0
	}
	i := 0
	for j := 0; j < len(want); {
		if i == len(key) {
			return false
		}
		var c, d byte
		c, i = labelByte(key, i)
		d, j = labelByte(want, j)
		if c != d {
			return false
		}
	}
	return i == len(key)
}

// labelByte returns the byte of s at i as a label has it, and where the next one begins.
func labelByte[T ~string | ~[]byte](s T, i int) (c byte, next int) {
	if alphanumeric(s[i]) {
		return s[i], i + 1
	}
	for i < len(s) && !alphanumeric(s[i]) {
		i++ // the bytes of a longer character are none of them letters or digits
	}
	return '_', i
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
