// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

// escapeLength returns the length of the escape at the start of text, or 0 if it is not
// valid.
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

// escape returns the character of the valid escape at the start of text, and the length of
// the escape. It returns surrogates unchanged, because no key contains one.
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

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func hexDigit(c byte) int {
	if c <= '9' {
		return int(c - '0')
	}
	return int(c|0x20-'a') + 10
}

// isBase64 reports whether the content of a string, with its escapes, is base64, and
// whether it is plain: in the alphabet and with the padding that pdata reads.
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
		case c == '\r' || c == '\n': // Go and the decoder of protobuf ignore them
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

// base64Char returns the first character of text, and its length including an escape.
func base64Char(text []byte) (char byte, width int) {
	if text[0] != '\\' {
		return text[0], 1
	}
	c, width := escape(text)
	return byte(min(c, 0x80)), width
}

// isStandard reports whether c is in the standard base64 alphabet.
func isStandard(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '+' || c == '/'
}
