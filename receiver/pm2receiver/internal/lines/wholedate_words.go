// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"unicode/utf8"
)

// wordEnd returns where the letters at k end.
func (d *wholeDate) wordEnd(k int) int {
	for k < len(d.text) && (letter(d.text[k]) || d.text[k] >= utf8.RuneSelf && blankSize(d.text[k:]) == 0) {
		k++
	}
	return k
}

// blank passes over a blank or a dash that is no ASCII.
func (d *wholeDate) blank() bool {
	n := blankSize(d.text[d.i:])
	d.i += n
	return n > 0
}

// word reads the part that begins with letters.
func (d *wholeDate) word() bool {
	end := d.wordEnd(d.i)
	word := d.text[d.i:end]
	if d.epoch != 0 {
		return false
	}
	if month := monthOf(word); month > 0 && !d.hasDate {
		d.wantsPart = false
		return d.monthFirst(month, end)
	}
	from := d.i
	d.i = end
	if len(word) == 1 {
		switch {
		case (word[0] == 'T' || word[0] == 't') && d.hasDate && !d.hasClock && digitsAt(d.text, end) > 0:
			return true
		case word[0]|0x20 == 'z' && d.hasClock && d.zone == nil && !d.hasOffset:
			// Behind a blank it is a format that PM2's library does not know, and no zone.
			d.hasOffset = word[0] == 'Z' || d.text[from-1]-'0' <= 9
			return true
		case d.dotted(word[0] | 0x20):
			return true
		}
		return false
	}
	if half := halfOf(word); half != 0 {
		if d.half != 0 {
			return false
		}
		d.half = half
		return true
	}
	if weekday(word) {
		if d.hasWeekday || d.unknownFirst {
			return false
		}
		d.hasWeekday = true
		return true
	}
	if connector(word) {
		d.wantsPart = true
		return d.hasDate || d.hasWeekday || d.hasClock
	}
	if d.hasClock && d.zone == nil && d.readZone(from, end) {
		return true
	}
	if d.hasDate || d.hasClock || d.hasWeekday || d.unknownFirst || from > 1 || len(word) < 2 || levelWord(word) {
		return false
	}
	d.unknownWord, d.unknownFirst = true, true
	d.comma = d.at(end) == ',' || d.at(end) == '.'
	return d.comma || d.at(end) == ' '
}

// dotted reads what follows the first letter of a.m. and p.m.
func (d *wholeDate) dotted(first byte) bool {
	if first != 'a' && first != 'p' || d.half != 0 || d.at(d.i) != '.' || d.at(d.i+1)|0x20 != 'm' || letter(d.at(d.i+2)) {
		return false
	}
	d.half = first
	d.i += 2
	return true
}

// inUnits reads a number with the unit of Chinese, Japanese or Korean behind it.
func (d *wholeDate) inUnits(kind byte, n, size int) bool {
	v := 0
	if n <= 4 {
		v = d.value(d.i, n)
	}
	ok := n <= 2
	switch kind {
	case 'y':
		ok = n == 4 && d.year == 0 && d.setYear(d.i)
	case 'M':
		ok = ok && d.month == 0 && v >= 1 && v <= 12
		d.month = v
	case 'd':
		ok = ok && d.month > 0 && d.day == 0 && v >= 1 && v <= 31
		d.day, d.hasDate = v, true
	case 'h':
		ok = ok && !d.hasClock && v <= 24
		d.hour, d.hasClock = v, true
	case 'm':
		ok = ok && d.hasClock && v <= 59
		d.minute = v
	case 's':
		ok = ok && d.hasClock && v <= 60
		d.second = v
	}
	d.i += n + size
	return ok
}
