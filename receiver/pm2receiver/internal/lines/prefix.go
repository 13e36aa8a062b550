// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"bytes"
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
	// time was the application's own, or PM2 no longer writes times. Most writes of more
	// lines are stack traces, which the times of their first lines are enough for.
	maxFollowing = 64
	// plainWeight is for how many of them a line counts that is not indented and closes no
	// bracket: such lines are more likely writes of their own.
	plainWeight = 8
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
	// Candidate is a shape that the last Count lines had. Waiting are those of them that
	// have not been emitted.
	Candidate string    `json:"candidate,omitempty"`
	Count     int       `json:"count,omitempty"`
	Waiting   []Waiting `json:"waiting,omitempty"`
}

// met records a line with a time.
func (p *Prefix) met(nanos int64, rest []byte, now time.Time) {
	p.Believed = p.Believed || p.Run || !p.Plain
	p.Run, p.Time, p.Following, p.Seen = true, nanos, 0, now
	if len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		p.Each = min(p.Each+1, eachAfter)
	}
}

// continues are the bytes that lines inside of a write begin with.
var continues = []byte(" \t})]")

// missed records a line without a time, and returns its time or 0.
func (p *Prefix) missed(text []byte, now time.Time) int64 {
	p.Run = false
	if p.Shape != "" {
		if p.Missed++; p.Missed > forgetAfter {
			p.Shape, p.Missed = "", 0
		}
	}
	if len(text) > 0 && bytes.IndexByte(continues, text[0]) < 0 {
		p.Following += plainWeight - 1
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

// date reads PM2's date at the beginning of a line. The shape in buf is that of one that is
// possible.
func (m *Assembler) date(text []byte, buf *[maxPrefix]byte) (d date, shape []byte, certain evidence) {
	if len(text) == 0 || text[0] == '{' || text[0] == ' ' || text[0] == '\t' {
		return date{}, nil, noDate
	}
	if p, ok := timeparse.Parse(text, m.set.Location); ok && bytes.HasPrefix(text[p.Len:], separator) {
		if m.state.Prefix.Plain && !m.recent(p.Nanos) {
			return date{}, nil, noDate
		}
		return date{nanos: p.Nanos, size: p.Len + len(separator)}, nil, sure
	}
	n := prefixLen(text)
	if n == 0 {
		return date{}, nil, noDate
	}
	whole, ok := readDate(text[:n])
	if !ok || !whole.prefix(m.now.Year()) {
		return date{}, nil, noDate
	}
	p := &m.state.Prefix
	if (whole.epoch != 0 || p.Plain) && !m.recent(whole.nanos(m.set.Location)) {
		return date{}, nil, noDate
	}
	shape = shapeOf(buf[:0], text[:n])
	d = date{size: n + len(separator), unknownWord: whole.unknownWord}
	behind := text[d.size:]
	switch {
	case p.Shape != "" && string(shape) == p.Shape:
		p.Missed = 0
	case !whole.unknownWord && len(behind) > 1 && behind[0] == '{' && behind[len(behind)-1] == '}': // JSON is not the end of a line
		p.learn(shape)
	default:
		return d, shape, possible
	}
	d.nanos = whole.nanos(m.set.Location)
	return d, shape, sure
}

// recent reports whether PM2 may have written a date in a file that also has lines without
// one: it is of the last year. Others are dates of the application. What is no time is 0.
func (m *Assembler) recent(nanos int64) bool {
	const day = 24 * time.Hour
	age := m.now.Sub(time.Unix(0, nanos))
	return nanos == 0 || m.set.DatesEachLine || age < 366*day && age > -day
}

// learn makes a shape that of PM2's dates.
func (p *Prefix) learn(shape []byte) {
	p.Shape, p.Missed, p.Candidate, p.Count = string(shape), 0, "", 0
}

var separator = []byte(": ")

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
// are an a, all else is as it is.
func shapeOf(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		n := i + 1
		switch {
		case c-'0' <= 9:
			n = i + digitsAt(text, i)
			dst = append(dst, '0')
		case letter(c):
			for n < len(text) && letter(text[n]) {
				n++
			}
			if word := text[i:n]; dateWord(word) {
				dst = append(dst, 'a')
			} else {
				dst = append(dst, word...)
			}
		default:
			dst = append(dst, c)
		}
		i = n
	}
	return dst
}

// dateWord reports whether a word occurs in dates, and may be another one in the next.
func dateWord(word []byte) bool {
	var space [maxDateWord]byte
	if monthOf(word) > 0 || weekday(word) {
		return true
	}
	switch string(lower(&space, word)) {
	case "am", "pm", "st", "nd", "rd", "th", "t", "z", "at", "utc", "gmt", "of", "h", "m", "s", "ms", "w", "q", "ad", "bc":
		return true
	}
	_, zone := timeparse.Zones[string(word)]
	return zone || timeparse.Unclear[string(word)]
}

// nanosOf reads the date in one of PM2's records: a date, or one with other words around
// it. It returns 0 if there is no complete one.
func nanosOf(text []byte, loc *time.Location) int64 {
	if d, ok := readDate(text); ok {
		return d.nanos(loc)
	}
	for i := range text {
		if i > 0 && text[i-1] != ' ' && text[i-1] != '[' && text[i-1] != '(' {
			continue
		}
		if p, ok := timeparse.Parse(text[i:], loc); ok {
			return p.Nanos
		}
	}
	return 0
}
