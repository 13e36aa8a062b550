// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timeparse"
)

// wholeDate is a text that is a date, a time of day or both, and nothing else. A text with
// a level, a number or a name beside them is the head of a logger's line.
type wholeDate struct {
	text []byte
	i    int

	// year, month and day are 0 if the text has none.
	year, month, day     int
	hour, minute, second int
	// fraction are the digits of the fraction of a second.
	fraction []byte
	// offset is that of the zone in minutes, zone the zone as it is written.
	offset int
	zone   []byte
	// half is 'a' or 'p' if the text has AM or PM.
	half byte
	// epoch is a number since the epoch, in nanoseconds.
	epoch int64

	hasDate, hasClock, hasOffset, hasWeekday bool
	// compact is set if the date has no separators.
	compact bool
	// ambiguous is set if the time is not certain: the day and the month may be the other way
	// round, or the year has two digits.
	ambiguous bool
	// unknownWord is set if the text has a word that is not known, at a place where only names
	// of days and months are.
	unknownWord bool
	// unknownFirst is set if that is its first word, and comma if a comma or point is behind it.
	unknownFirst, comma bool
	// wantsClock and wantsDateOrHalf are set if what was read is a date only with a time of day
	// beside it, or with a date or AM or PM.
	wantsClock, wantsDateOrHalf bool
	// wantsPart is set after a word that must be followed by a part.
	wantsPart bool
	// closing is what closes the bracket that is open.
	closing byte
}

// readDate reads a text that is nothing but a date or a time of day.
func readDate(text []byte) (wholeDate, bool) {
	d := wholeDate{text: text}
	for d.i < len(text) {
		ok := false
		switch c := text[d.i]; {
		case c-'0' <= 9:
			ok = d.number()
		case c >= utf8.RuneSelf:
			ok = d.blank() || d.word()
		case letter(c):
			ok = d.word()
		case c == '[' || c == '(' || c == '<':
			ok = d.bracket(c)
		case c == '+' || c == '-':
			ok = d.readOffset()
		case c == d.closing:
			d.closing = 0
			d.i++
			ok = true
		case c == ' ' || c == ',' || c == '.' || c == '/' || c == '_' || c == '|' || c == '@' || c == ';' || c == '~':
			d.i++
			ok = true
		}
		if !ok {
			return d, false
		}
	}
	switch {
	case d.closing != 0, d.wantsPart:
		return d, false
	case d.epoch != 0:
		return d, true
	case d.wantsClock && !d.hasClock, d.wantsDateOrHalf && d.half == 0 && !d.hasDate:
		return d, false
	case d.half != 0 && (!d.hasClock || d.half == 'a' && d.hour > 12 || d.half == 'p' && d.hour < 1): // HH:mm A is written, too
		return d, false
	case d.unknownFirst && (!d.hasClock || d.year == 0 || !d.comma && (!d.ambiguous || d.month != 0)):
		return d, false
	}
	return d, d.hasDate || d.hasClock
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// at returns the byte at i, or 0.
func (d *wholeDate) at(i int) byte {
	if i < len(d.text) {
		return d.text[i]
	}
	return 0
}

// two reads the two digits at i. It reports false if there are more or fewer.
func (d *wholeDate) two(i int) (int, bool) {
	if digitsAt(d.text, i) != 2 {
		return 0, false
	}
	return d.value(i, 2), true
}

// value returns the number that the n digits at i are.
func (d *wholeDate) value(i, n int) (v int) {
	for _, c := range d.text[i : i+n] {
		v = v*10 + int(c-'0')
	}
	return v
}

// number reads the part that begins with digits.
func (d *wholeDate) number() bool {
	n := digitsAt(d.text, d.i)
	if d.epoch != 0 {
		return false
	}
	d.wantsPart = false
	if kind, size := unit(d.text[d.i+n:]); size > 0 {
		return d.inUnits(kind, n, size)
	}
	switch {
	case !d.hasDate && !d.hasClock && (n == 10 || n == 13) && d.readEpoch(n):
		return true
	case !d.hasDate && d.tryDate(n):
		return true
	case !d.hasClock && d.clock(n):
		return true
	case d.hasDate && d.hasClock && d.year == 0 && n == 4 && d.setYear(d.i): // Nov 21 14:08:36 2026
		d.i += n
		return true
	}
	return false
}

// readEpoch reads the seconds or milliseconds of these years.
func (d *wholeDate) readEpoch(n int) bool {
	v, err := strconv.ParseInt(string(d.text[d.i:d.i+n]), 10, 64)
	if err != nil || n == 10 && (v < 1_400_000_000 || v > 4_000_000_000) || n == 13 && (v < 1_400_000_000_000 || v > 4_000_000_000_000) {
		return false
	}
	d.epoch, _ = timeparse.FromInt(v)
	d.i += n
	if k := digitsAt(d.text, d.i+1); n == 10 && d.at(d.i) == '.' && k >= 1 && k <= 9 {
		scale := int64(time.Second)
		for _, c := range d.text[d.i+1 : d.i+1+k] {
			scale /= 10
			d.epoch += int64(c-'0') * scale
		}
		d.i += 1 + k
	}
	return true
}

// bracket opens a bracket, or passes over the name of a zone in parentheses.
func (d *wholeDate) bracket(c byte) bool {
	if c == '[' && d.at(d.i+1) == ']' { // what PM2's library makes of []], which is how others write a bracket
		d.i += 2
		return true
	}
	if d.closing != 0 {
		return false
	}
	if c == '(' && d.hasOffset {
		for k := d.i + 1; k < len(d.text) && (letter(d.text[k]) || d.text[k] == ' ' || d.text[k] == ')'); k++ {
			if d.text[k] == ')' {
				d.i = k + 1
				return true
			}
		}
		return false
	}
	switch c {
	case '[':
		d.closing = ']'
	case '(':
		d.closing = ')'
	default:
		d.closing = '>'
	}
	d.i++
	return true
}

// nanos returns the time of the date, or 0 if it is no complete one or not certain.
func (d *wholeDate) nanos(loc *time.Location) int64 {
	switch {
	case d.epoch != 0:
		return d.epoch
	case d.year == 0 || d.month == 0 || d.day == 0 || !d.hasClock || d.ambiguous:
		return 0
	}
	hour := d.hour
	if d.half != 0 && hour <= 12 {
		if hour %= 12; d.half == 'p' {
			hour += 12
		}
	}
	// The usual form of the same date, so that zones are read at one place.
	var space [2 * maxPrefix]byte
	out := space[:0]
	two := func(sep byte, v int) { out = append(out, sep, byte('0'+v/10), byte('0'+v%10)) }
	out = strconv.AppendInt(out, int64(d.year), 10)
	two('-', d.month)
	two('-', d.day)
	two(' ', hour)
	two(':', d.minute)
	two(':', d.second)
	if len(d.fraction) > 0 {
		out = append(append(out, '.'), d.fraction...)
	}
	switch {
	case d.hasOffset:
		offset := d.offset
		sign := byte('+')
		if offset < 0 {
			sign, offset = '-', -offset
		}
		two(sign, offset/60)
		two(':', offset%60)
	case d.zone != nil:
		out = append(append(out, ' '), d.zone...)
	}
	if p, ok := timeparse.Parse(out, loc); ok && p.Len == len(out) {
		return p.Nanos
	}
	return 0
}

// prefix reports whether the date may be that of PM2 before a line that is read in a year.
// One without a time of day must be of about that year: a list of changes has older ones.
func (d *wholeDate) prefix(year int) bool {
	switch c := d.text[0]; {
	case c == '-' || c == '.' || c == ',' || c == '/' || c == '_' || c == '|' || c == '@' || c == ';' || c == '~' || c == '+':
		return false
	case d.year == 0:
		return true
	case !d.hasClock:
		return d.year >= year-1 && d.year <= year+1
	}
	return d.year >= 2000 && d.year < 2100
}

// digitsAt counts the digits of text at i.
func digitsAt(text []byte, i int) int {
	n := 0
	for i+n < len(text) && text[i+n]-'0' <= 9 {
		n++
	}
	return n
}
