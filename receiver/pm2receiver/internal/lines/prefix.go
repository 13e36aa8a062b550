// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"bytes"
	"strconv"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timeparse"
)

const (
	// maxPrefix bounds a date of PM2's at the beginning of a line.
	maxPrefix = 64
	// learnedFrom is how many lines in a row must begin with dates of the same shape for
	// them to be PM2's, if it is no shape that is known.
	learnedFrom = 3
	// forgetAfter is how many lines without it make a shape forgotten.
	forgetAfter = 256
	// maxFollowing is the maximum number of lines without a time after one with a time: in
	// cluster mode PM2 writes it before the first line of a write only. If more follow, the
	// time was the application's own, or PM2 no longer writes times.
	maxFollowing = 512
	// writeLasts is how long it takes to read the lines of one write.
	writeLasts = time.Second
	// eachAfter is how many indented lines with a date show that each line has one.
	eachAfter = 2
)

// Prefix is the state of the times before the lines of a file in text mode.
type Prefix struct {
	// Believed is set while lines without a time take that of the line before them.
	Believed bool `json:"believed,omitempty"`
	// Plain is set once the file has had lines without a time. Then a single time is the
	// application's own, and two in a row are PM2's.
	Plain bool `json:"plain,omitempty"`
	// Run is whether the last line had a time.
	Run bool `json:"run,omitempty"`
	// Time is the last time, and Following counts the lines behind it without one.
	Time      int64 `json:"time,omitempty"`
	Following int   `json:"following,omitempty"`
	// Seen is when the line with the last time was read: what comes later is of another
	// write.
	Seen time.Time `json:"seen,omitzero"`
	// Each counts indented lines that have a time of their own: then PM2 writes one
	// before each line, as it does in fork mode.
	Each int `json:"each,omitempty"`

	// Shape is the shape of the dates that was learned from the file, if it is no known
	// one, and Missed counts lines without it.
	Shape  string `json:"shape,omitempty"`
	Missed int    `json:"missed,omitempty"`
	// Candidate is a shape that the last Count lines had.
	Candidate string `json:"candidate,omitempty"`
	Count     int    `json:"count,omitempty"`
}

// met takes note of a line with a time.
func (p *Prefix) met(nanos int64, rest []byte, now time.Time) {
	p.Believed = p.Believed || p.Run || !p.Plain
	p.Run, p.Time, p.Following, p.Seen = true, nanos, 0, now
	if len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		p.Each = min(p.Each+1, eachAfter)
	}
}

// missed takes note of a line without, and returns its time or 0.
func (p *Prefix) missed(text []byte, now time.Time) int64 {
	p.Run = false
	if p.Shape != "" {
		if p.Missed++; p.Missed > forgetAfter {
			p.Shape, p.Missed = "", 0
		}
	}
	if p.Following++; p.Following > maxFollowing || now.Sub(p.Seen) > writeLasts {
		p.Believed = false
	}
	if !p.Believed {
		p.Plain, p.Following = true, 0
		return 0
	}
	// Where each line has a date, or begins an object of its own, one without has lost it.
	if p.Each >= eachAfter || len(text) > 1 && text[0] == '{' && text[len(text)-1] == '}' {
		return 0
	}
	return p.Time
}

// date is what PM2 has written before a line.
type date struct {
	nanos int64
	// size is how long it is with the separator behind it.
	size int
}

// date reads PM2's date at the beginning of a line. rest are the lines behind it in the
// block, from which the shape of dates is learned.
func (m *Assembler) date(text, rest []byte) (date, bool) {
	if len(text) == 0 || text[0] == '{' || text[0] == ' ' || text[0] == '\t' {
		return date{}, false
	}
	if p, ok := timeparse.Parse(text, m.set.Location); ok && bytes.HasPrefix(text[p.Len:], separator) {
		return date{p.Nanos, p.Len + len(separator)}, true
	}
	n := prefixLen(text)
	if n == 0 {
		m.state.Prefix.Candidate, m.state.Prefix.Count = "", 0
		return date{}, false
	}
	var buf [maxPrefix]byte
	shape, dated, words := shapeOf(buf[:0], text[:n])
	p := &m.state.Prefix
	if p.Shape != "" && string(shape) == p.Shape {
		p.Missed = 0
		return date{nanosOf(text[:n], m.set.Location), n + len(separator)}, true
	}
	if !dated {
		p.Candidate, p.Count = "", 0
		return date{}, false
	}
	if p.Candidate != string(shape) {
		p.Candidate, p.Count = string(shape), 0
	}
	p.Count = min(p.Count+1, learnedFrom)
	behind := text[n+len(separator):]
	switch {
	case words == 0 && len(behind) > 1 && behind[0] == '{' && behind[len(behind)-1] == '}': // JSON is not the end of a line
	case p.Count+m.same(rest, shape) >= learnedFrom:
	default:
		return date{}, false
	}
	p.Shape, p.Missed, p.Candidate, p.Count = string(shape), 0, "", 0
	return date{nanosOf(text[:n], m.set.Location), n + len(separator)}, true
}

// same counts how many of the next lines have a date of the shape, up to learnedFrom.
func (m *Assembler) same(rest, shape []byte) (n int) {
	for n < learnedFrom && len(rest) > 0 {
		line, behind, _ := bytes.Cut(rest, newline)
		var buf [maxPrefix]byte
		k := prefixLen(line)
		if k == 0 {
			return n
		}
		if other, _, _ := shapeOf(buf[:0], line[:k]); !bytes.Equal(other, shape) {
			return n
		}
		n++
		rest = behind
	}
	return n
}

var (
	separator = []byte(": ")
	newline   = []byte("\n")
)

// prefixLen returns how long what may be a date is at the beginning of a line, or 0.
func prefixLen(text []byte) int {
	n := bytes.Index(text[:min(len(text), maxPrefix)], separator)
	if n < 2 {
		return 0
	}
	for _, c := range text[:n] {
		if c-'0' <= 9 {
			return n
		}
	}
	return 0
}

// shapeOf appends the shape of a date to dst: a run of digits is a 0, the words of dates
// are an a, all else is as it is. It says whether it is a date or a time of day, and how
// many other words are in it. One with another word at its end is none: that is the
// name of a logger.
func shapeOf(dst, text []byte) (shape []byte, dated bool, words int) {
	last := false
	month := false
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c-'0' <= 9:
			n := i
			for n < len(text) && text[n]-'0' <= 9 {
				n++
			}
			dated = dated || clockAt(text, i) || dayAt(text, i, n) || n == len(text) && i == 0 && epoch(text)
			dst = append(dst, '0')
			i = n
			last = false
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			n := i
			for n < len(text) && text[n]|0x20 >= 'a' && text[n]|0x20 <= 'z' {
				n++
			}
			isMonth, known := dateWord(text[i:n])
			month = month || isMonth
			if known {
				dst = append(dst, 'a')
			} else {
				dst = append(dst, text[i:n]...)
				words++
			}
			last = !known
			i = n
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst, (dated || month) && !last, words
}

// clockAt says whether a time of day begins at i.
func clockAt(text []byte, i int) bool {
	if i > 0 && text[i-1] != ' ' && text[i-1] != '[' && text[i-1] != '(' && text[i-1] != 'T' && text[i-1] != ',' && text[i-1] != '-' && text[i-1] != '_' {
		return false
	}
	n := i
	for n < len(text) && text[n]-'0' <= 9 {
		n++
	}
	if n-i > 2 || n+2 >= len(text) || text[n] != ':' && text[n] != '.' && text[n] != 'h' || text[n+1]-'0' > 5 || text[n+2]-'0' > 9 {
		return false
	}
	return n+3 == len(text) || text[n+3]-'0' > 9 && text[n+3] != '/'
}

// dayAt says whether a date in numbers begins at i: 2026-11-21, 21/11/2026, 20261121.
func dayAt(text []byte, i, n int) bool {
	if i > 0 && text[i-1] != ' ' && text[i-1] != '[' && text[i-1] != '(' {
		return false
	}
	if n-i == 8 || n-i == len("20060102150405") || n-i == len("20060102150405000") {
		return text[i] == '2' && text[i+1] == '0' && text[i+4] <= '1'
	}
	if n == len(text) || n-i != 4 && n-i > 2 {
		return false
	}
	sep := text[n]
	if sep != '-' && sep != '/' && sep != '.' {
		return false
	}
	k := n + 1
	for k < len(text) && text[k]-'0' <= 9 {
		k++
	}
	if k-n-1 < 1 || k-n-1 > 2 || k == len(text) || text[k] != sep {
		return false
	}
	e := k + 1
	for e < len(text) && text[e]-'0' <= 9 {
		e++
	}
	year := text[i:n]
	if n-i != 4 {
		year = text[k+1 : e]
	}
	return len(year) == 4 && year[0] == '2' && year[1] == '0' && e-k-1 >= 1
}

// epoch says whether a text is the seconds or milliseconds of these years.
func epoch(text []byte) bool {
	n, err := strconv.ParseInt(string(text), 10, 64)
	return err == nil && (len(text) == 10 && n > 1_400_000_000 && n < 4_000_000_000 || len(text) == 13 && n > 1_400_000_000_000 && n < 4_000_000_000_000)
}

// dateWord reports whether a word occurs in dates, and whether it is a month.
func dateWord(word []byte) (month, known bool) {
	if len(word) > 9 {
		return false, false
	}
	var buf [9]byte
	for i, c := range word {
		buf[i] = c | 0x20
	}
	switch string(buf[:len(word)]) {
	case "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "january", "february", "march", "april", "june", "july",
		"august", "september", "october", "november", "december":
		return true, true
	case "mon", "tue", "wed", "thu", "fri", "sat", "sun", "mo", "tu", "we", "th", "fr", "sa", "su", "monday", "tuesday", "wednesday", "thursday",
		"friday", "saturday", "sunday", "am", "pm", "st", "nd", "rd", "t", "z", "at", "utc", "gmt", "of", "h", "m", "s", "ms", "w", "q", "ad", "bc":
		return false, true
	}
	_, zone := timeparse.Zones[string(word)]
	return false, zone || timeparse.Unclear[string(word)]
}

// nanosOf reads a date of a shape that was learned: a whole date and time of day
// somewhere in it, or a number since the epoch. It returns 0 if there is none.
func nanosOf(text []byte, loc *time.Location) int64 {
	if epoch(text) {
		n, _ := strconv.ParseInt(string(text), 10, 64)
		nanos, _ := timeparse.FromInt(n)
		return nanos
	}
	for i := range text {
		if i > 0 && text[i-1] != ' ' && text[i-1] != '[' && text[i-1] != '(' {
			continue
		}
		p, ok := timeparse.Parse(text[i:], loc)
		if ok && (i+p.Len == len(text) || text[len(text)-1]-'0' > 9) {
			return p.Nanos
		}
		if nanos := loosely(text[i:], loc); nanos != 0 {
			return nanos
		}
		if ok {
			return p.Nanos
		}
	}
	return 0
}
