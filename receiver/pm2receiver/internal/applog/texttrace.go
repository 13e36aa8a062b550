// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"

	"go.opentelemetry.io/collector/pdata/plog"
)

// maxTries bounds the search for a key in a line.
const maxTries = 16

var (
	traceLower = []byte("race")
	traceUpper = []byte("RACE")
	spanLower  = []byte("pan")
	spanUpper  = []byte("PAN")
	parent     = []byte("parent")
	flagsKey   = []byte("trace_flags")
	sampledKey = []byte("trace_sampled")
	xray       = []byte("-amzn-")
	exemplar   = []byte("# {")
)

// textTrace finds trace_id=… and what is spelled like it, and the span and flags beside it.
func textTrace(line []byte, rec plog.LogRecord) {
	of, whole, ok := traceInText(line, traceLower, rec)
	if !ok {
		of, whole, ok = traceInText(line, traceUpper, rec)
	}
	if !ok || whole {
		return
	}
	if !spanInText(line, spanLower, of, rec) {
		spanInText(line, spanUpper, of, rec)
	}
	if value, ok := valueBehind(line, flagsKey); ok {
		if flags, ok := traceFlags(value, true); ok {
			rec.SetFlags(flags)
		}
	} else if value, ok := valueBehind(line, sampledKey); ok {
		if sampled, ok := readSampled(value); ok && sampled {
			rec.SetFlags(1)
		}
	}
}

// traceInText sets the trace of the first key that ends in word and an ID. whole is set if
// the value also had the span and the flags.
func traceInText(line, word []byte, rec plog.LogRecord) (of family, whole, ok bool) {
	for from, tries := 0, 0; tries < maxTries; tries++ {
		i := bytes.Index(line[from:], word)
		if i < 0 {
			break
		}
		at := from + i
		from = at + len(word)
		if at == 0 || line[at-1]|0x20 != 't' {
			continue
		}
		rest := line[from:]
		of, begins := keyBegins(line, at-1)
		if !begins {
			if _, isID := idEnds(rest); isID && at > len(xray)+1 && bytes.EqualFold(line[at-1-len(xray):at-1], xray) && setXRay(rest, rec) {
				return familyGeneric, true, true
			}
			continue
		}
		if bytes.HasPrefix(rest, parent) && of != familyDatadog {
			if value := valueOf(rest[len(parent):], false); len(value) > 0 && setParent(rec, value) {
				return of, true, true
			}
			continue
		}
		value := []byte(nil)
		if behind, isID := idEnds(rest); isID {
			value = valueOf(behind, of == familyDatadog)
		} else if value, isID = tokenOf(rest); !isID || len(value) != 32 && !bytes.HasPrefix(value, []byte("projects/")) {
			continue // only a whole ID follows trace=
		}
		if id, _, read := readTraceID(value, of == familyDatadog); read {
			rec.SetTraceID(id)
			return of, false, true
		}
	}
	return familyGeneric, false, false
}

// spanInText sets the span of the first key of a family that ends in word and an ID.
func spanInText(line, word []byte, of family, rec plog.LogRecord) bool {
	for from, tries := 0, 0; tries < maxTries; tries++ {
		i := bytes.Index(line[from:], word)
		if i < 0 {
			break
		}
		at := from + i
		from = at + len(word)
		if at == 0 || line[at-1]|0x20 != 's' {
			continue
		}
		f, begins := keyBegins(line, at-1)
		if !begins || f != of {
			continue
		}
		value := []byte(nil)
		if behind, isID := idEnds(line[from:]); isID {
			value = valueOf(behind, of == familyDatadog)
		} else if value, isID = tokenOf(line[from:]); !isID {
			continue
		}
		if id, _, read := readSpanID(value, of == familyDatadog); read {
			rec.SetSpanID(id)
			return true
		}
	}
	return false
}

// setXRay sets what follows the name of Amazon's header.
func setXRay(rest []byte, rec plog.LogRecord) bool {
	behind, _ := idEnds(rest)
	for len(behind) > 0 && (behind[0] == ':' || behind[0] == '=' || behind[0] == ' ' || behind[0] == '"' || behind[0] == '\'') {
		behind = behind[1:]
	}
	value := behind[:tokenLen(behind, true)]
	h, ok := readHeader(value, kindXRay)
	if ok {
		h.set(rec)
	}
	return ok
}

// valueBehind returns the token after a key.
func valueBehind(line, key []byte) ([]byte, bool) {
	i := bytes.Index(line, key)
	if i < 0 {
		return nil, false
	}
	if _, ok := keyBegins(line, i); !ok {
		return nil, false
	}
	return tokenOf(line[i+len(key):])
}

// keyBegins reports whether a key begins at i, and the family that its prefix says. The key
// of a query belongs to the client, and the key of an OpenMetrics exemplar to a sample.
func keyBegins(line []byte, i int) (of family, ok bool) {
	switch {
	case bytes.HasSuffix(line[:i], []byte("dd.")):
		i -= len("dd.")
		of = familyDatadog
	case bytes.HasSuffix(line[:i], []byte("otel")):
		i -= len("otel")
	}
	if i == 0 {
		return of, true
	}
	c := line[i-1]
	return of, !inKey(c) && c != '?' && c != '&' && !bytes.HasSuffix(line[:i], exemplar)
}

func inKey(c byte) bool {
	return letter(c) || c-'0' <= 9 || c == '_' || c == '.' || c == '-' || c >= 0x80
}

// idEnds passes over _id, Id and what is like it.
func idEnds(b []byte) ([]byte, bool) {
	if len(b) > 0 && (b[0] == '_' || b[0] == '.' || b[0] == '-') {
		b = b[1:]
	}
	if len(b) < 3 || b[0]|0x20 != 'i' || b[1]|0x20 != 'd' {
		return nil, false
	}
	return b[2:], true
}

// assigned passes over what is between a key and its value: =, with blanks around it, or a
// colon. Key and value may be quoted.
func assigned(b []byte) ([]byte, bool) {
	if len(b) > 0 && (b[0] == '"' || b[0] == '\'') {
		b = b[1:]
	}
	if len(b) > 1 && b[0] == ' ' && b[1] == '=' {
		b = b[1:]
	}
	if len(b) == 0 || b[0] != '=' && b[0] != ':' {
		return nil, false
	}
	b = b[1:]
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	if len(b) > 0 && (b[0] == '"' || b[0] == '\'') {
		b = b[1:]
	}
	return b, true
}

// valueOf returns the number after a key.
func valueOf(b []byte, decimal bool) []byte {
	b, ok := assigned(b)
	if !ok {
		return nil
	}
	n := 0
	for n < len(b) && n <= 55 && (nibble[b[n]] != 0xff || b[n] == '-') {
		n++
	}
	if n < len(b) && (letter(b[n]) || b[n]-'0' <= 9 || b[n] == '_') {
		return nil
	}
	value := b[:n]
	for len(value) > 0 && value[len(value)-1] == '-' {
		value = value[:len(value)-1]
	}
	if decimal && len(value) > 32 {
		return nil
	}
	return value
}

// tokenOf returns the token after a key.
func tokenOf(b []byte) ([]byte, bool) {
	b, ok := assigned(b)
	if !ok {
		return nil, false
	}
	n := tokenLen(b, false)
	return b[:n], n > 0
}

// tokenLen returns how long the token is at the beginning of b, up to 128 bytes. A list
// may have semicolons and =.
func tokenLen(b []byte, list bool) int {
	n := 0
	for n < len(b) && n < 128 {
		switch c := b[n]; {
		case letter(c), c-'0' <= 9, c == '-', c == '_', c == '/', c == '.':
		case list && (c == ';' || c == '='):
		default:
			return n
		}
		n++
	}
	return n
}
