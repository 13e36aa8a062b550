// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// maxLenientName is the longest name in a set that is not valid.
const maxLenientName = 1024

// labelParser parses sets of labels such as {app="x", env="y"}.
type labelParser struct {
	texts  *arena
	labels pairs // of the last set

	// repaired counts sets that only the second parser could read.
	repaired int
}

// parse sets labels to those of a set, in their order.
//
// winston-loki does not escape values, so that a quote or a backslash in one breaks the
// set, and it has any text for a name. A set that is not valid is read again: there, a
// quote ends a value only if the set ends or goes on after it, and nothing is escaped.
func (p *labelParser) parse(set []byte) error {
	err := p.strict(set)
	if err == nil || isReserve(err) {
		return err
	}
	lenient := p.lenient(set)
	switch {
	case lenient == nil:
		p.repaired++
		return nil
	case isReserve(lenient):
		return lenient
	}
	return labelsError(set, err)
}

// isReserve reports whether an error is one of [Settings.Reserve].
func isReserve(err error) bool {
	rejected := (*rejection.Error)(nil)
	return errors.As(err, &rejected)
}

// braces returns what is between the braces of a set.
func braces(set []byte) ([]byte, error) {
	set = bytes.Trim(set, " \t\r\n")
	if len(set) < 2 || set[0] != '{' || set[len(set)-1] != '}' {
		return nil, errBrace
	}
	return set[1 : len(set)-1], nil
}

func trimLeft(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\t' || text[0] == '\n' || text[0] == '\r') {
		text = text[1:]
	}
	return text
}

// strict parses a set as Prometheus does.
func (p *labelParser) strict(set []byte) error {
	p.labels.reset()
	rest, err := braces(set)
	if err != nil {
		return err
	}
	for rest = trimLeft(rest); len(rest) > 0; rest = trimLeft(rest) {
		var name, value string
		if name, rest, err = p.strictName(rest); err != nil {
			return err
		}
		rest = trimLeft(rest)
		if len(rest) == 0 || rest[0] != '=' {
			return errEquals
		}
		if value, rest, err = p.quoted(trimLeft(rest[1:])); err != nil {
			return err
		}
		p.labels.add(name, value)
		rest = trimLeft(rest)
		if len(rest) == 0 {
			return nil
		}
		if rest[0] != ',' {
			return errSeparator
		}
		rest = rest[1:]
	}
	return nil
}

// strictName reads a name, which may be in quotes if it has other characters.
func (p *labelParser) strictName(text []byte) (name string, rest []byte, err error) {
	if text[0] == '"' {
		name, rest, err = p.quoted(text)
		if err == nil && name == "" {
			err = errName
		}
		return name, rest, err
	}
	n := 0
	for n < len(text) && (isLetter(text[n]) || n > 0 && text[n]-'0' <= 9) {
		n++
	}
	if n == 0 {
		return "", nil, errName
	}
	name, err = p.texts.text(text[:n])
	return name, text[n:], err
}

func isLetter(c byte) bool { return c|0x20-'a' < 26 || c == '_' }

// quoted reads a value in quotes of one of three kinds.
func (p *labelParser) quoted(text []byte) (value string, rest []byte, err error) {
	if len(text) == 0 {
		return "", nil, errQuote
	}
	quote := text[0]
	if quote == '`' {
		end := bytes.IndexByte(text[1:], '`')
		if end < 0 {
			return "", nil, errQuote
		}
		value, err = p.texts.text(text[1 : 1+end])
		return value, text[end+2:], err
	}
	if quote != '"' && quote != '\'' {
		return "", nil, errQuote
	}
	text = text[1:]
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case quote:
			value, err = p.texts.text(text[:i])
			return value, text[i+1:], err
		case '\n':
			return "", nil, errQuote
		case '\\':
			return p.escaped(text, quote)
		}
	}
	return "", nil, errQuote
}

// escaped reads a value that has escape sequences, which are those of Go.
func (p *labelParser) escaped(text []byte, quote byte) (value string, rest []byte, err error) {
	end := 0
	for end < len(text) && text[end] != quote {
		if text[end] == '\n' {
			return "", nil, errQuote
		}
		if text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(text) {
		return "", nil, errQuote
	}
	if err := p.texts.reserve(2 * int64(end)); err != nil { // for out and left
		return "", nil, err
	}
	out := make([]byte, 0, end)
	for left := string(text[:end]); left != ""; {
		r, multibyte, tail, err := strconv.UnquoteChar(left, quote)
		if err != nil {
			return "", nil, errLabelEscape
		}
		if multibyte {
			out = utf8.AppendRune(out, r)
		} else {
			out = append(out, byte(r))
		}
		left = tail
	}
	value, err = p.texts.text(out)
	return value, text[end+1:], err
}

// lenient parses a set whose values are not escaped.
func (p *labelParser) lenient(set []byte) error {
	p.labels.reset()
	rest, err := braces(set)
	if err != nil {
		return err
	}
	for rest = trimLeft(rest); len(rest) > 0; {
		raw, value, ok := lenientName(rest)
		if !ok {
			return errName
		}
		end, next := lenientEnd(value)
		if end < 0 {
			return errQuote
		}
		name, err := p.texts.text(raw)
		if err != nil {
			return err
		}
		text, err := p.texts.text(value[:end])
		if err != nil {
			return err
		}
		p.labels.add(name, text)
		rest = value[next:]
	}
	return nil
}

// lenientName returns a name and what is behind the quote with which its value begins. It
// looks at no more than the name.
func lenientName(text []byte) (name, value []byte, ok bool) {
	equals := bytes.IndexAny(text[:min(len(text), maxLenientName)], "=\",{}")
	if equals < 0 || text[equals] != '=' {
		return nil, nil, false
	}
	name = bytes.Trim(text[:equals], " \t\r\n")
	value = trimLeft(text[equals+1:])
	if len(name) == 0 || len(value) == 0 || value[0] != '"' {
		return nil, nil, false
	}
	return name, value[1:], true
}

// lenientEnd returns where a value ends and where the next name begins: the value goes on
// behind a quote, unless the set ends there or another label follows.
func lenientEnd(text []byte) (end, next int) {
	for i := 0; i < len(text); i++ {
		if text[i] != '"' {
			continue
		}
		rest := trimLeft(text[i+1:])
		if len(rest) == 0 {
			return i, len(text)
		}
		if rest[0] != ',' {
			continue
		}
		rest = trimLeft(rest[1:])
		if len(rest) == 0 {
			return i, len(text)
		}
		if _, _, ok := lenientName(rest); ok {
			return i, len(text) - len(rest)
		}
	}
	return -1, 0
}
