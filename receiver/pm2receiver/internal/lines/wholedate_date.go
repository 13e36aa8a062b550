// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"bytes"
)

// setDate takes a date if there is such a day.
func (d *wholeDate) setDate(year, month, day, end int) bool {
	if month < 1 || month > 12 || day < 1 || day > 31 {
		return false
	}
	d.year, d.month, d.day, d.hasDate, d.i = year, month, day, true, end
	return true
}

// setYear takes the four digits at i as the year.
func (d *wholeDate) setYear(i int) bool {
	year := d.value(i, 4)
	if year < 1971 || year > 2261 {
		return false
	}
	d.year = year
	return true
}

// tryDate is numericDate that changes nothing if there is no date.
func (d *wholeDate) tryDate(n int) bool {
	before := *d
	if d.numericDate(n) {
		return true
	}
	*d = before
	return false
}

// numericDate reads a date that begins with the n digits at the current place.
func (d *wholeDate) numericDate(n int) bool {
	i := d.i
	switch n {
	case 8, 12, 14, 17: // 20261121, with the time of day
		return d.compactDate(n)
	case 6: // 261121
		d.wantsClock, d.ambiguous = true, true
		return (d.at(i+6) == ' ' || d.at(i+6) == '-' || d.at(i+6) == '_' || d.at(i+6) == 'T') && d.setDate(2000+d.value(i, 2), d.value(i+2, 2), d.value(i+4, 2), i+6)
	case 4:
		return d.yearFirst()
	case 1, 2:
		return d.dayFirst(n)
	}
	return false
}

func (d *wholeDate) compactDate(n int) bool {
	i := d.i
	if year := d.value(i, 4); year < 1971 || year > 2261 || !d.setDate(year, d.value(i+4, 2), d.value(i+6, 2), i+8) {
		return false
	}
	d.compact = true
	if n == 8 {
		return true
	}
	d.i = i + n
	if n == 12 {
		return d.setClock(d.value(i+8, 2), d.value(i+10, 2), 0)
	}
	if n == 17 {
		d.fraction = d.text[i+14 : i+17]
	}
	if !d.setClock(d.value(i+8, 2), d.value(i+10, 2), d.value(i+12, 2)) {
		return false
	}
	if n == 14 {
		d.readFraction()
	}
	return true
}

func dateSeparator(c byte) bool { return c == '-' || c == '/' || c == '.' || c == '_' }

// yearFirst reads 2026-11-21, 2026. 11. 21, 2026-Nov-21, 2026 Nov 21 and 2026-W47-6.
func (d *wholeDate) yearFirst() bool {
	i := d.i
	if !d.setYear(i) {
		return false
	}
	sep := d.at(i + 4)
	k := i + 5
	if !dateSeparator(sep) && sep != ' ' {
		return false
	}
	if sep == '.' && d.at(k) == ' ' {
		k++
	}
	if letter(d.at(k)) {
		if n := digitsAt(d.text, k+1); (d.at(k) == 'W' || d.at(k) == 'w') && n == 2 && d.at(k+3) == '-' && digitsAt(d.text, k+4) == 1 {
			d.hasDate, d.ambiguous, d.i = true, true, k+5
			return true
		}
		month, end := d.monthAt(k)
		if month == 0 || d.at(end) != sep {
			return false
		}
		n := digitsAt(d.text, end+1)
		return (n == 1 || n == 2) && d.setDate(d.year, month, d.value(end+1, n), end+1+n)
	}
	n := digitsAt(d.text, k)
	if n < 1 || n > 2 || d.at(k+n) != sep || sep == ' ' {
		return false
	}
	month := d.value(k, n)
	k += n + 1
	if sep == '.' && d.at(k) == ' ' {
		k++
	}
	n = digitsAt(d.text, k)
	return (n == 1 || n == 2) && d.setDate(d.year, month, d.value(k, n), k+n)
}

// dayFirst reads 21/11/2026, 21/11/26, 21/11, 21 Nov 2026, 21st November and dates with the
// month first.
func (d *wholeDate) dayFirst(n int) bool {
	i := d.i
	first := d.value(i, n)
	k := i + n
	sep := d.at(k)
	if dateSeparator(sep) && digitsAt(d.text, k+1) > 0 {
		m := digitsAt(d.text, k+1)
		if m > 2 {
			return false
		}
		second := d.value(k+1, m)
		k += 1 + m
		y := digitsAt(d.text, k+1)
		day, month := first, second
		if sep != '.' && second > 12 {
			day, month = second, first
		}
		switch {
		case d.at(k) == sep && y == 4:
			if !d.setYear(k + 1) {
				return false
			}
			d.ambiguous = sep != '.' && first <= 12 && second <= 12 && first != second
			return d.setDate(d.year, month, day, k+5)
		case d.at(k) == sep && y == 2 && n == 2 && m == 2: // 21/11/26 or 26/11/21
			d.ambiguous, d.wantsClock = true, true
			third := d.value(k+1, 2)
			d.hasDate, d.i = true, k+3
			return first > 0 && second > 0 && third > 0 && (min(first, second) <= 12 && max(first, second) <= 31 || second <= 12 && third <= 31)
		case d.at(k) == sep && y > 0:
			return false
		case sep == '_':
			return false
		}
		d.wantsClock = true
		return n+m >= 3 && d.setDate(0, month, day, k)
	}
	// 21 Nov 2026, 21st November 2026, 21. November 2026, 21-Nov-2026, 21 de noviembre de 2026
	k = d.ordinal(k)
	if d.at(k) == '.' {
		k++
	}
	if c := d.at(k); c == ' ' || c == '-' || c == '/' {
		k++
	}
	k = d.connected(k)
	month, end := d.monthAt(k)
	if end == k {
		return false
	}
	if c := d.at(end); c == '.' || c == ',' {
		end++
	}
	y := end
	if c := d.at(y); c == ' ' || c == '-' || c == '/' {
		y++
	}
	y = d.connected(y)
	hasYear := digitsAt(d.text, y) == 4 && d.setYear(y)
	if month == 0 {
		if !hasYear || levelWord(d.text[k:end]) {
			return false
		}
		d.unknownWord, d.ambiguous, d.wantsClock = true, true, true
		d.hasDate, d.day, d.i = true, first, y+4
		return first >= 1 && first <= 31
	}
	if hasYear {
		return d.setDate(d.year, month, first, y+4)
	}
	return d.setDate(0, month, first, end)
}

// monthFirst reads Nov 21, Nov 21st 2026 and Nov-21-2026 behind the name of the month.
func (d *wholeDate) monthFirst(month, end int) bool {
	if d.at(end) == '.' {
		end++
	}
	sep := d.at(end)
	if sep != ' ' && sep != '-' && sep != '/' {
		return false
	}
	k := end + 1
	if d.at(k) == ' ' { // a day of one digit, as C pads it
		k++
	}
	n := digitsAt(d.text, k)
	if n < 1 || n > 2 || d.at(k+n) == ':' {
		return false
	}
	day := d.value(k, n)
	k = d.ordinal(k + n)
	y := k
	if d.at(y) == ',' {
		y++
	}
	if c := d.at(y); c == ' ' || c == '-' || c == '/' {
		y++
	}
	if digitsAt(d.text, y) == 4 && d.setYear(y) {
		return d.setDate(d.year, month, day, y+4)
	}
	return d.setDate(0, month, day, k)
}

// ordinal returns the place behind what makes 21 the 21st, if it is at k. PM2's library
// does not know the format of ordinals and leaves an o.
func (d *wholeDate) ordinal(k int) int {
	if d.at(k) == 'o' && !letter(d.at(k+1)) {
		return k + 1
	}
	if k+2 > len(d.text) || letter(d.at(k+2)) {
		return k
	}
	switch string([]byte{d.text[k] | 0x20, d.text[k+1] | 0x20}) {
	case "st", "nd", "rd", "th":
		return k + 2
	}
	return k
}

// connected returns the place behind a word that connects the parts of a date, if it is at
// k.
func (d *wholeDate) connected(k int) int {
	for _, word := range [...]string{"de ", "of "} {
		if bytes.HasPrefix(d.text[k:], []byte(word)) {
			return k + len(word)
		}
	}
	return k
}

// monthAt reads the word at k, and which month it is or 0.
func (d *wholeDate) monthAt(k int) (month, end int) {
	end = d.wordEnd(k)
	return monthOf(d.text[k:end]), end
}
