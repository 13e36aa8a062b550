// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package lookalike finds keys of attributes that become the same label in Prometheus, Mimir
// and Loki. They replace each run of characters other than letters, digits and underscores by
// one underscore, so there business.id is business_id.
package lookalike

import (
	"errors"
	"strings"
)

var (
	errForm = errors.New(`must begin with a letter, end with a letter or digit, and have no more than one other character in a row; letters are A-Z and a-z`)
	errKey  = errors.New(`must not begin with "key" and a character other than a letter or digit: keys that begin with such a character or a digit get this prefix in Prometheus`)
)

// Check returns an error if [Is] does not find all keys that become the same label as want. The
// error ends a sentence that begins with what want is.
func Check(want string) error {
	between := true // the previous character is neither a letter nor a digit
	for i := range len(want) {
		c := want[i]
		other := !alphanumeric(c)
		if other && between || c > '~' || i == 0 && '0' <= c && c <= '9' {
			return errForm
		}
		between = other
	}
	if between {
		return errForm
	}
	if rest, ok := strings.CutPrefix(want, "key"); ok && rest != "" && !alphanumeric(rest[0]) {
		return errKey
	}
	return nil
}

// Is reports whether key is want, or becomes the same label as want. It finds all such keys if
// [Check] accepts want.
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
