package otlpwire

import (
	"encoding/binary"
	"math/bits"
)

// text consumes a string, whose opening quote is the next byte, and returns its
// content without the quotes and whether that has escapes.
func (w *jsonWalker) text() (content []byte, escaped bool, err *Error) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	data, start := w.data, w.pos+1
	for i := start; ; {
		// Eight bytes at a time, up to one that is a quote, a backslash or a
		// control character.
		for i+8 <= len(data) {
			v := binary.LittleEndian.Uint64(data[i:])
			quote, slash := v^ones*'"', v^ones*'\\'
			found := ((v-ones*0x20)&^v | (quote-ones)&^quote | (slash-ones)&^slash) & highs
			if found != 0 {
				i += bits.TrailingZeros64(found) / 8
				break
			}
			i += 8
		}
		if i >= len(data) {
			w.pos = i
			return nil, false, w.syntax()
		}
		switch c := data[i]; {
		case c == '"':
			w.pos = i + 1
			return data[start:i], escaped, nil
		case c == '\\':
			escaped = true
			n := escapeLength(data[i:])
			if n == 0 {
				w.pos = i
				return nil, false, w.syntax()
			}
			i += n
		case c < ' ':
			w.pos = i
			return nil, false, w.syntax()
		default:
			i++
		}
	}
}

// escapeLength returns the length of the escape that text begins with, or 0 if
// it is none.
func escapeLength(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(text) >= 6 && isHex(text[2]) && isHex(text[3]) && isHex(text[4]) && isHex(text[5]) {
			return 6
		}
	}
	return 0
}

// escape returns the character that the escape at the beginning of text, which
// is valid, encodes, and its length. Surrogates are returned as such; no key
// contains any.
func escape(text []byte) (char, n int) {
	switch c := text[1]; c {
	case 'u':
		for _, h := range text[2:6] {
			char = char<<4 | hexDigit(h)
		}
		return char, 6
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	default:
		return int(c), 2
	}
}

// unescape returns the first bytes of a string with escapes. Characters beyond
// ASCII become a byte that is in no name.
func (w *jsonWalker) unescape(text []byte) []byte {
	n := 0
	for i := 0; i < len(text) && n < len(w.scratch); n++ {
		c, width := int(text[i]), 1
		if c == '\\' {
			c, width = escape(text[i:])
		}
		w.scratch[n] = byte(min(c, 0x80))
		i += width
	}
	return w.scratch[:n]
}

// copied returns what pdata allocates to copy a string. It appends strings with
// escapes byte by byte.
func (w *jsonWalker) copied(text []byte, escaped bool) int64 {
	if !escaped {
		return copySize(len(text))
	}
	n := int64(len(text))
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			i++
			continue
		}
		c, width := escape(text[i:])
		i += width
		switch {
		case c < 0x80:
			n -= int64(width) - 1
		case c < 0x800:
			n -= int64(width) - 2
		default:
			n -= int64(width) - 3
		}
	}
	return grownBytes(n, 8) + blockSize(n)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func hexDigit(c byte) int {
	if c <= '9' {
		return int(c - '0')
	}
	return int(c|0x20-'a') + 10
}

// isBase64 reports whether the content of a string, escapes included, is base64,
// and whether it is plain: of the alphabet and padding that pdata reads.
func isBase64(text []byte) (plain, ok bool) {
	digits, padding := 0, 0
	plain = true
	for i := 0; i < len(text); {
		c, width := base64Char(text[i:])
		i += width
		switch {
		case isStandard(c) && padding == 0:
			digits++
		case (c == '-' || c == '_') && padding == 0:
			digits++
			plain = false
		case c == '=':
			padding++
		case c == '\r' || c == '\n': // Go ignores them, and so does protobuf's decoder
		default:
			return false, false
		}
		plain = plain && width == 1
	}
	if padding == 0 {
		return plain && digits%4 == 0, digits%4 != 1
	}
	return plain, padding <= 2 && (digits+padding)%4 == 0
}

// base64Char returns the first character of text and its length with its escape.
func base64Char(text []byte) (char byte, width int) {
	if text[0] != '\\' {
		return text[0], 1
	}
	c, width := escape(text)
	return byte(min(c, 0x80)), width
}

func isStandard(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '+' || c == '/'
}
