// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rpc

import (
	"encoding/json"
	"strconv"
)

const (
	// maxDepth bounds the nesting of values.
	maxDepth = 128
	// maxText bounds the texts that are kept. No key or value that is read is longer.
	maxText = 1 << 10
)

// scanner parses JSON and keeps only the requested values. It is as strict as encoding/json.
type scanner struct {
	src   source
	depth int
	text  [maxText]byte
}

// space skips white space and returns the next byte.
func (s *scanner) space() (byte, error) {
	for {
		c, err := s.src.peek()
		if err != nil || !blank(c) {
			return c, err
		}
		s.src.i++
		s.src.remaining--
	}
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// end returns an error if anything but white space follows.
func (s *scanner) end() error {
	for s.src.remaining > 0 {
		c, err := s.src.next()
		if err != nil {
			return err
		}
		if !blank(c) {
			return malformed("text follows its JSON")
		}
	}
	return nil
}

// take reads the byte c.
func (s *scanner) take(c byte) error {
	got, err := s.space()
	if err != nil {
		return err
	}
	if got != c {
		return malformed("it is no valid JSON, or other JSON")
	}
	_, err = s.src.next()
	return err
}

// object reads an object. It calls field for each key, which must read the value; key is valid
// until then.
func (s *scanner) object(field func(key []byte) error) error {
	return s.members('{', '}', func() error {
		key, err := s.str()
		if err != nil {
			return err
		}
		if err := s.take(':'); err != nil {
			return err
		}
		return field(key)
	})
}

// array reads an array. element must read one of its values.
func (s *scanner) array(element func() error) error { return s.members('[', ']', element) }

func (s *scanner) members(open, shut byte, member func() error) error {
	if s.depth++; s.depth > maxDepth {
		return malformed("it is nested too deep")
	}
	defer func() { s.depth-- }()
	if err := s.take(open); err != nil {
		return err
	}
	if c, err := s.space(); err != nil || c == shut {
		if err == nil {
			_, err = s.src.next()
		}
		return err
	}
	for {
		if err := member(); err != nil {
			return err
		}
		c, err := s.space()
		if err != nil {
			return err
		}
		if c != ',' {
			return s.take(shut)
		}
		if _, err := s.src.next(); err != nil {
			return err
		}
	}
}

// skip reads a value of any type and discards it.
func (s *scanner) skip() error {
	c, err := s.space()
	if err != nil {
		return err
	}
	switch c {
	case '{':
		return s.object(func([]byte) error { return s.skip() })
	case '[':
		return s.array(s.skip)
	case '"':
		_, err := s.raw()
		return err
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	_, err = s.number()
	return err
}

func (s *scanner) word(word string) error {
	for i := range len(word) {
		c, err := s.src.next()
		if err != nil {
			return err
		}
		if c != word[i] {
			return malformed("it is no valid JSON")
		}
	}
	return nil
}

// str reads a text. It returns nil for a text longer than maxText.
func (s *scanner) str() ([]byte, error) {
	raw, err := s.raw()
	if err != nil || raw == nil {
		return nil, err
	}
	for _, c := range raw {
		if c == '\\' || c >= 0x80 {
			var text string
			// The error of the parser would contain the text.
			if json.Unmarshal(raw, &text) != nil {
				return nil, malformed("it is no valid JSON")
			}
			return []byte(text), nil
		}
	}
	return raw[1 : len(raw)-1], nil
}

// raw reads a text as it is written, with its quotes. It returns nil for a text longer than
// maxText.
func (s *scanner) raw() ([]byte, error) {
	if err := s.take('"'); err != nil {
		return nil, err
	}
	b := append(s.text[:0], '"')
	for {
		c, err := s.src.next()
		if err != nil {
			return nil, err
		}
		b = bounded(b, c)
		switch {
		case c == '"':
			if len(b) == maxText {
				return nil, nil
			}
			return b, nil
		case c < 0x20:
			return nil, malformed("it is no valid JSON")
		case c == '\\':
			if b, err = s.escape(b); err != nil {
				return nil, err
			}
		}
	}
}

// bounded appends c unless b is full.
func bounded(b []byte, c byte) []byte {
	if len(b) < maxText {
		b = append(b, c)
	}
	return b
}

// escape reads what follows a backslash.
func (s *scanner) escape(b []byte) ([]byte, error) {
	c, err := s.src.next()
	if err != nil {
		return b, err
	}
	b = bounded(b, c)
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return b, nil
	case 'u':
		for range 4 {
			if c, err = s.src.next(); err != nil {
				return b, err
			}
			if !digit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return b, malformed("it is no valid JSON")
			}
			b = bounded(b, c)
		}
		return b, nil
	}
	return b, malformed("it is no valid JSON")
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// number reads a number. It returns 0 for one out of the range of a double or longer than
// maxText.
func (s *scanner) number() (float64, error) {
	b := s.text[:0]
	var c byte
	var err error
	take := func() {
		b = bounded(b, c)
		_, err = s.src.next()
		if err == nil {
			c, err = s.src.peek()
		}
	}
	digits := func() error {
		if err != nil || !digit(c) {
			return s.broken(err)
		}
		for err == nil && digit(c) {
			take()
		}
		return err
	}
	if c, err = s.src.peek(); err == nil && c == '-' {
		take()
	}
	if err == nil && c == '0' {
		take()
	} else if err := digits(); err != nil {
		return 0, err
	}
	if err == nil && c == '.' {
		take()
		if err := digits(); err != nil {
			return 0, err
		}
	}
	if err == nil && c|0x20 == 'e' {
		take()
		if err == nil && (c == '+' || c == '-') {
			take()
		}
		if err := digits(); err != nil {
			return 0, err
		}
	}
	if err != nil {
		return 0, err
	}
	if len(b) == maxText {
		return 0, nil
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return 0, nil //nolint:nilerr // out of range
	}
	return f, nil
}

func (*scanner) broken(err error) error {
	if err != nil {
		return err
	}
	return malformed("it is no valid JSON")
}
