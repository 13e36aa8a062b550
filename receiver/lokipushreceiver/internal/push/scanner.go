// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep the values of a request may be nested.
const maxDepth = 64

// scanner reads JSON from the beginning to the end. It accepts what encoding/json accepts.
type scanner struct {
	data []byte
	at   int
}

// peek returns the next byte that is no space, without consuming it, or 0 at the end.
func (s *scanner) peek() byte {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// take consumes c, or returns an error if something else is next.
func (s *scanner) take(c byte, otherwise error) error {
	switch s.peek() {
	case c:
		s.at++
		return nil
	case 0:
		if s.at >= len(s.data) {
			return errEnd
		}
	}
	return otherwise
}

// more returns whether an object or an array that ends with end has another member, and
// consumes what is before it. first says that none has been read.
func (s *scanner) more(end byte, first bool) (bool, error) {
	switch c := s.peek(); {
	case c == end:
		s.at++
		return false, nil
	case first && c != 0:
		return true, nil
	case c == ',':
		s.at++
		if c := s.peek(); c == end {
			return false, errSyntax
		}
		return true, nil
	}
	if s.at >= len(s.data) {
		return false, errEnd
	}
	return false, errSyntax
}

// key reads the key of a member of an object and the colon behind it.
func (s *scanner) key() (str, error) {
	if err := s.take('"', errSyntax); err != nil {
		return str{}, err
	}
	k, err := s.str()
	if err != nil {
		return str{}, err
	}
	return k, s.take(':', errSyntax)
}

// str is a string as it is in the data, without its quotes.
type str struct {
	raw     []byte
	escaped bool // has escape sequences
	wide    bool // has bytes other than ASCII
}

// is reports whether the string is a text of ASCII.
func (k str) is(text string) bool {
	if !k.escaped {
		return string(k.raw) == text
	}
	const longestEscape = len(`\u0041`)
	if len(k.raw) > longestEscape*len(text) {
		return false
	}
	return string(unescape(make([]byte, 0, len(k.raw)), k.raw)) == text
}

// str reads a string behind its first quote.
func (s *scanner) str() (str, error) {
	out := str{}
	from := s.at
	for {
		s.at = special(s.data, s.at)
		if s.at >= len(s.data) {
			return out, errEnd
		}
		switch c := s.data[s.at]; {
		case c == '"':
			out.raw = s.data[from:s.at]
			s.at++
			return out, nil
		case c == '\\':
			out.escaped = true
			if err := s.escape(); err != nil {
				return out, err
			}
		case c < ' ':
			return out, errControl
		default:
			out.wide = true
			for s.at < len(s.data) && s.data[s.at] >= utf8.RuneSelf {
				s.at++
			}
		}
	}
}

// escape consumes an escape sequence.
func (s *scanner) escape() error {
	if s.at+1 >= len(s.data) {
		return errEnd
	}
	switch s.data[s.at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at += 2
		return nil
	case 'u':
		if s.at+6 > len(s.data) {
			return errEnd
		}
		if _, ok := hex4(s.data[s.at+2:]); !ok {
			return errEscape
		}
		s.at += 6
		return nil
	}
	return errEscape
}

// special returns where the first byte at or after at is that means something else than
// itself in a string: a quote, a backslash, a control character, or one that is not ASCII.
func special(data []byte, at int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; at+8 <= len(data); at += 8 {
		v := binary.LittleEndian.Uint64(data[at:])
		quote, slash := v^ones*'"', v^ones*'\\'
		// A byte of v, quote or slash that is below ' ' or 0 sets its highest bit.
		if ((v-ones*' ')|(quote-ones)|(slash-ones)|v)&highs != 0 {
			break
		}
	}
	for at < len(data) && data[at] >= ' ' && data[at] < utf8.RuneSelf && data[at] != '"' && data[at] != '\\' {
		at++
	}
	return at
}

// hex4 decodes four hexadecimal digits.
func hex4(text []byte) (rune, bool) {
	if len(text) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range text[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape appends a string whose escape sequences are valid. Halves of surrogate pairs
// and bytes that are not valid UTF-8 become U+FFFD.
func unescape(out, raw []byte) []byte {
	for i := 0; i < len(raw); {
		if end := special(raw, i); end > i {
			out = append(out, raw[i:end]...)
			i = end
			continue
		}
		if raw[i] != '\\' {
			r, n := utf8.DecodeRune(raw[i:])
			out = utf8.AppendRune(out, r)
			i += n
			continue
		}
		c := raw[i+1]
		i += 2
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, _ := hex4(raw[i:])
			i += 4
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if i+6 <= len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
					low, _ = hex4(raw[i+2:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
			continue
		}
		out = append(out, c)
	}
	return out
}

// skip consumes a value and returns it as it is in the data.
func (s *scanner) skip() ([]byte, error) {
	s.peek()
	from := s.at
	err := s.value(0)
	return s.data[from:s.at], err
}

func (s *scanner) value(depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	switch c := s.peek(); {
	case c == '"':
		s.at++
		_, err := s.str()
		return err
	case c == '{':
		s.at++
		return s.members('}', depth)
	case c == '[':
		s.at++
		return s.members(']', depth)
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	case c == '-' || c-'0' <= 9:
		return s.number()
	}
	if s.at >= len(s.data) {
		return errEnd
	}
	return errSyntax
}

// members consumes the members of an object or an array.
func (s *scanner) members(end byte, depth int) error {
	for first := true; ; first = false {
		more, err := s.more(end, first)
		if !more || err != nil {
			return err
		}
		if end == '}' {
			if _, err := s.key(); err != nil {
				return err
			}
		}
		if err := s.value(depth + 1); err != nil {
			return err
		}
	}
}

func (s *scanner) literal(text string) error {
	if len(s.data)-s.at < len(text) {
		return errEnd
	}
	if string(s.data[s.at:s.at+len(text)]) != text {
		return errSyntax
	}
	s.at += len(text)
	return nil
}

func (s *scanner) number() error {
	digits := func() bool {
		from := s.at
		for s.at < len(s.data) && s.data[s.at]-'0' <= 9 {
			s.at++
		}
		return s.at > from
	}
	is := func(c byte) bool { return s.at < len(s.data) && s.data[s.at] == c }
	if is('-') {
		s.at++
	}
	if is('0') {
		s.at++
	} else if !digits() {
		return errNumber
	}
	if is('.') {
		s.at++
		if !digits() {
			return errNumber
		}
	}
	if is('e') || is('E') {
		s.at++
		if is('+') || is('-') {
			s.at++
		}
		if !digits() {
			return errNumber
		}
	}
	return nil
}
