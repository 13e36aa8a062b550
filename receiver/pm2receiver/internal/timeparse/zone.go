// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package timeparse

import (
	"bytes"
	"time"
)

// zone is what follows a time of day.
type zone struct {
	kind    zoneKind
	seconds int
	name    string
}

type zoneKind int

const (
	zoneNone zoneKind = iota
	// zoneOffset is written as an offset.
	zoneOffset
	// zoneNamed is an abbreviation with one meaning.
	zoneNamed
	// zoneUnclear is an abbreviation with several meanings.
	zoneUnclear
)

// Zones maps the abbreviations of time zones to their offsets in minutes. Unclear are
// abbreviations with several meanings.
var (
	Zones = map[string]int{
		"UT": 0, "WET": 0, "WEST": 60, "CET": 60, "CEST": 120, "MEZ": 60, "MESZ": 120, "EET": 120, "EEST": 180, "MSK": 180,
		"EST": -300, "EDT": -240, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420, "AKST": -540, "AKDT": -480, "HST": -600,
		"JST": 540, "KST": 540, "HKT": 480, "SGT": 480, "AWST": 480, "ACST": 570, "ACDT": 630, "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780,
	}
	Unclear = map[string]bool{"CST": true, "IST": true, "BST": true, "AST": true, "GST": true, "SST": true, "WIT": true}
)

// zone reads Z, UTC, GMT, +01:00, +0100, GMT+0100 (Central European Standard Time),
// +01:00[Europe/Berlin] or the letters of a zone, with or without a blank before it.
func (s *scanner) zone(loc *time.Location) zone {
	i := s.i
	if i < len(s.b) && s.b[i] == ' ' {
		i++
	}
	if i >= len(s.b) {
		return zone{}
	}
	rest := s.b[i:]
	z := zone{}
	switch c := rest[0]; {
	case (c == 'Z' || c == 'z' && i == s.i) && (len(rest) == 1 || !word(rest[1])):
		s.i = i + 1
		s.place()
		return zone{kind: zoneOffset}
	case c == 'U' || c == 'G':
		if len(rest) >= 3 && (string(rest[:3]) == "UTC" || string(rest[:3]) == "GMT") && (len(rest) == 3 || !letter(rest[3])) {
			s.i = i + 3
			rest = rest[3:]
			z.kind = zoneOffset
		}
	}
	if z.kind == zoneNone && len(rest) > 1 && rest[0] >= 'A' && rest[0] <= 'Z' {
		if rest[1]-'a' < 26 {
			return s.region(i, loc)
		}
		return s.letters(i)
	}
	if len(rest) == 0 || rest[0] != '+' && rest[0] != '-' {
		s.place()
		return z
	}
	t := scanner{b: rest, i: 1}
	least := 2
	if z.kind == zoneOffset { // GMT+1
		least = 1
	}
	hours, has := t.number(least, 2)
	if !has {
		return z
	}
	colon := t.skip(':')
	from := t.i
	minutes, has := t.number(2, 2)
	if !has {
		if t.i = from; colon {
			t.i--
		}
		// +01 alone, as Postgres and Python write it, is not half of something longer.
		if minutes = 0; t.i < len(rest) && (word(rest[t.i]) || rest[t.i] == '-' || rest[t.i] == '/') {
			return z
		}
		// Behind a blank it may be a number of the message.
		if i > s.i && z.kind == zoneNone && !endsTime(rest[t.i:]) {
			return z
		}
	}
	if hours > 18 || minutes > 59 {
		return z
	}
	s.i = len(s.b) - len(rest) + t.i
	z.kind = zoneOffset
	z.seconds = hours*3600 + minutes*60
	if rest[0] == '-' {
		z.seconds = -z.seconds
	}
	s.place()
	return z
}

// endsTime reports whether b begins with what separates a time from the rest of a line.
func endsTime(b []byte) bool {
	if len(b) == 0 || b[0] == ']' || b[0] == ')' || b[0] == '|' || b[0] == ':' || b[0] == ',' {
		return true
	}
	if b[0] == ' ' && len(b) > 1 {
		return b[1] == '[' || b[1] == '|' || b[1] == '-' || b[1] == '('
	}
	return b[0] == '\t'
}

// areas are what the names of regions begin with.
var areas = [...]string{"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}

// region reads the name of a region at i, such as Europe/Berlin. Only that of loc is
// known: what the others mean is looked up in files.
func (s *scanner) region(i int, loc *time.Location) zone {
	area, _, found := bytes.Cut(s.b[i:min(len(s.b), i+len("Antarctica/"))], []byte("/"))
	if !found {
		return zone{}
	}
	for _, name := range areas {
		if name != string(area) {
			continue
		}
		end := i + len(area)
		for end < len(s.b) && (word(s.b[end]) || s.b[end] == '/' || s.b[end] == '-') {
			end++
		}
		s.i = end
		if string(s.b[i:end]) == loc.String() {
			return zone{} // a time without a zone
		}
		return zone{kind: zoneUnclear}
	}
	return zone{}
}

func word(c byte) bool { return letter(c) || c-'0' <= 9 || c == '_' }

// letters reads the letters of a zone at i.
func (s *scanner) letters(i int) zone {
	end := i
	for end < len(s.b) && end-i < 6 && s.b[end] >= 'A' && s.b[end] <= 'Z' {
		end++
	}
	if end-i < 2 || end-i > 5 || end < len(s.b) && (word(s.b[end]) || s.b[end] == ':' && end+1 < len(s.b) && s.b[end+1] != ' ') {
		return zone{}
	}
	name := string(s.b[i:end])
	if minutes, ok := Zones[name]; ok {
		s.i = end
		return zone{kind: zoneNamed, seconds: minutes * 60, name: name}
	}
	if Unclear[name] {
		s.i = end
		return zone{kind: zoneUnclear, name: name}
	}
	return zone{}
}

// place passes over the name of a zone behind its offset: [Europe/Berlin], or in
// parentheses as JavaScript writes it, or letters as Go does.
func (s *scanner) place() {
	if s.i >= len(s.b) {
		return
	}
	open, shut := s.i, byte(0)
	switch {
	case s.b[s.i] == '[':
		shut = ']'
	case s.b[s.i] == ' ' && s.i+1 < len(s.b) && s.b[s.i+1] == '(':
		open, shut = s.i+1, ')'
	case s.b[s.i] == ' ' && s.i+1 < len(s.b) && s.b[s.i+1] >= 'A' && s.b[s.i+1] <= 'Z':
		t := scanner{b: s.b, i: s.i}
		if z := t.letters(s.i + 1); z.kind != zoneNone {
			s.i = t.i
		}
		return
	default:
		return
	}
	for i := open + 1; i < len(s.b) && i-open < 64; i++ {
		switch c := s.b[i]; {
		case c == shut && i > open+1:
			s.i = i + 1
			return
		case !letter(c) && c != ' ' && c != '/' && c != '_' && c != '-' && c != '+' && c-'0' > 9 && c < 0x80:
			return
		case shut == ']' && c == ' ', shut == ')' && c-'0' <= 9:
			return
		}
	}
}
