// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package quoted reads JSON strings eight bytes at a time.
package quoted

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special returns a word whose high bits mark the bytes of w that end a plain
// run: quote, backslash and control characters. A byte after a marked one may be
// marked wrongly, so only the first mark counts.
func special(w uint64) uint64 {
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & highs
}

// End finds the closing quote of a JSON string whose opening quote has been read.
// It returns its index, or -1 if there is none or a control character precedes it, and
// whether the string has escapes.
func End(b []byte) (end int, escaped bool) {
	i := 0
	for {
		for i+8 <= len(b) {
			mask := special(binary.LittleEndian.Uint64(b[i:]))
			if mask == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(mask) >> 3
			break
		}
		if i >= len(b) {
			return -1, escaped
		}
		switch c := b[i]; {
		case c == '"':
			return i, escaped
		case c == '\\':
			escaped = true
			i += 2
		case c < 0x20:
			return -1, escaped
		default:
			i++
		}
	}
}

// Unquote decodes a JSON string whose opening quote has been read. It returns the string
// and what follows its closing quote. It reports false for what encoding/json rejects, and
// also for strings that encoding/json repairs: those that are not valid UTF-8 or have half
// a surrogate pair.
func Unquote(b []byte, a *arena.Arena) (s, rest []byte, ok bool) {
	// Decoding never makes a string longer, and the closing quote is in b.
	dst := a.Reserve(len(b))
	dst = dst[:cap(dst)]
	n, i := 0, 0
	var beyond uint64 // high bits of bytes beyond ASCII
	for {
		if i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			binary.LittleEndian.PutUint64(dst[n:], w)
			beyond |= w
			mask := special(w)
			if mask == 0 {
				i += 8
				n += 8
				continue
			}
			run := bits.TrailingZeros64(mask) >> 3
			i += run
			n += run
		} else if i >= len(b) {
			return nil, b, false
		}
		c := b[i]
		if c == '\\' && i+1 < len(b) {
			if plain := escapes[b[i+1]]; plain != 0 {
				dst[n] = plain
				i += 2
				n++
				// In JSON in a string `\":\"` and `\",\"` are frequent.
				if i+3 <= len(b) && (b[i] == ':' || b[i] == ',') && b[i+1] == '\\' && b[i+2] == '"' {
					dst[n], dst[n+1] = b[i], '"'
					i += 3
					n += 2
				}
				continue
			}
			r, size := unicodeEscape(b[i:])
			if size == 0 {
				return nil, b, false
			}
			i += size
			n += utf8.EncodeRune(dst[n:n+utf8.UTFMax], r)
			continue
		}
		if c == '"' {
			s = dst[:n]
			if beyond&highs != 0 && !utf8.Valid(s) {
				return nil, b, false
			}
			return a.Keep(s), b[i+1:], true
		}
		if c < 0x20 || c == '\\' {
			return nil, b, false
		}
		// One of the last seven bytes.
		beyond |= uint64(c)
		dst[n] = c
		n++
		i++
	}
}

// Plain reports whether a text consists of ASCII characters without control characters and
// backslashes.
func Plain(s []byte) bool {
	for len(s) >= 8 {
		w := binary.LittleEndian.Uint64(s)
		slash := w ^ ones*'\\'
		if ((slash-ones)&^slash|(w-ones*0x20)|w)&highs != 0 {
			return false
		}
		s = s[8:]
	}
	for _, c := range s {
		if c < 0x20 || c >= 0x80 || c == '\\' {
			return false
		}
	}
	return true
}

// Valid reports whether Unquote can decode a string that [End] has found and that is valid
// UTF-8. It does not decode it.
func Valid(s []byte) bool {
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			return true
		}
		if s = s[i:]; len(s) < 2 {
			return false
		}
		size := 2
		if escapes[s[1]] == 0 {
			if _, size = unicodeEscape(s); size == 0 {
				return false
			}
		}
		s = s[size:]
	}
}

var escapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// unicodeEscape decodes \uXXXX, or a pair of them, and returns 0 for the size of
// anything else and for half a pair.
func unicodeEscape(b []byte) (rune, int) {
	r, ok := hex4(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	low, ok := hex4(b[6:])
	if !ok {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
