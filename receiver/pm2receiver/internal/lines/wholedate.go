// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"bytes"
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
	// vague is set if the time is not certain: the day and the month may be the other way
	// round, or the year has two digits.
	vague bool
	// strange is set if the text has a word that is not known, at a place where only names
	// of days and months are.
	strange bool
	// strangeDay is set if that is its first word.
	strangeDay, comma bool
	// needsClock and needsMore are set if what was read is a date only with a time of day
	// beside it, or with a date or AM or PM.
	needsClock, needsMore bool
	// joins is set after a word that must be followed by a part.
	joins bool
	// shut is what closes the bracket that is open.
	shut byte
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
		case c == d.shut:
			d.shut = 0
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
	case d.shut != 0, d.joins:
		return d, false
	case d.epoch != 0:
		return d, true
	case d.needsClock && !d.hasClock, d.needsMore && d.half == 0 && !d.hasDate:
		return d, false
	case d.half != 0 && (!d.hasClock || d.half == 'a' && d.hour > 12 || d.half == 'p' && d.hour < 1): // HH:mm A is written, too
		return d, false
	case d.strangeDay && (!d.hasClock || d.year == 0 || !d.comma && (!d.vague || d.month != 0)):
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
	d.joins = false
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
		d.needsClock, d.vague = true, true
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
			d.hasDate, d.vague, d.i = true, true, k+5
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
			d.vague = sep != '.' && first <= 12 && second <= 12 && first != second
			return d.setDate(d.year, month, day, k+5)
		case d.at(k) == sep && y == 2 && n == 2 && m == 2: // 21/11/26 or 26/11/21
			d.vague, d.needsClock = true, true
			third := d.value(k+1, 2)
			d.hasDate, d.i = true, k+3
			return first > 0 && second > 0 && third > 0 && (min(first, second) <= 12 && max(first, second) <= 31 || second <= 12 && third <= 31)
		case d.at(k) == sep && y > 0:
			return false
		case sep == '_':
			return false
		}
		d.needsClock = true
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
		d.strange, d.vague, d.needsClock = true, true, true
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

// wordEnd returns where the letters at k end.
func (d *wholeDate) wordEnd(k int) int {
	for k < len(d.text) && (letter(d.text[k]) || d.text[k] >= utf8.RuneSelf && blankSize(d.text[k:]) == 0) {
		k++
	}
	return k
}

// setClock takes a time of day if there is such a time.
func (d *wholeDate) setClock(hour, minute, second int) bool {
	if hour > 24 || minute > 59 || second > 60 {
		return false
	}
	d.hour, d.minute, d.second, d.hasClock = hour, minute, second, true
	return true
}

// clock reads a time of day that begins with the n digits at the current place.
func (d *wholeDate) clock(n int) bool {
	i := d.i
	if n > 2 {
		return d.compactClock(n)
	}
	sep := d.at(i + n)
	switch sep {
	case ':', 'h', 'H':
	case '.', '-', '_':
		if !d.hasDate || n != 2 {
			return false
		}
	default:
		return false
	}
	minute, ok := d.two(i + n + 1)
	if !ok {
		return false
	}
	k := i + n + 3
	second, seconds := 0, false
	next := d.at(k)
	if next == sep || sep|0x20 == 'h' && (next == 'm' || next == ':') {
		if second, seconds = d.two(k + 1); seconds {
			k += 3
		} else if next == ':' || digitsAt(d.text, k+1) > 0 {
			return false
		}
	}
	if !seconds && !d.hasDate && n == 2 && (d.at(k) == '.' || d.at(k) == ',') && digitsAt(d.text, k+1) == 3 { // mm:ss.SSS
		d.i, d.hasClock, d.vague = k+4, true, true
		return minute <= 59 && d.value(i, 2) <= 59
	}
	if !d.setClock(d.value(i, n), minute, second) {
		return false
	}
	d.i = k
	switch {
	case seconds:
		if sep|0x20 == 'h' && d.at(k) == 's' {
			d.i++
		}
		d.readFraction()
	case sep|0x20 == 'h' && d.at(k) == 'm':
		d.i++
	case n == 1:
		d.needsMore = true
	}
	return true
}

// compactClock reads 140836, 140836735 and 1408 behind a date.
func (d *wholeDate) compactClock(n int) bool {
	i := d.i
	if !d.hasDate || d.i == 0 {
		return false
	}
	blank := d.text[i-1] == ' '
	switch {
	case n == 6 && (d.compact || !blank), n == 9 && d.compact:
		if !d.setClock(d.value(i, 2), d.value(i+2, 2), d.value(i+4, 2)) {
			return false
		}
		d.i += n
		if n == 9 {
			d.fraction = d.text[i+6 : i+9]
		} else {
			d.readFraction()
		}
		return true
	case n == 4 && d.compact && !blank:
		d.i += n
		return d.setClock(d.value(i, 2), d.value(i+2, 2), 0)
	}
	return false
}

// readFraction reads the fraction of a second at the current place, if there is one: behind
// a point, comma or colon, and of three digits behind a blank, a hyphen or an underscore.
func (d *wholeDate) readFraction() {
	k := d.i
	n := digitsAt(d.text, k+1)
	switch d.at(k) {
	case '.', ',', ':':
		if n < 1 || n > 9 {
			return
		}
	case ' ':
		if c := d.at(k + 1); c == '.' || c == ',' || c == ':' {
			k++
			if n = digitsAt(d.text, k+1); n < 1 || n > 9 {
				return
			}
			break
		}
		fallthrough // 14:08:36 404: x is no date, but may well be a status
	case '-', '_':
		if c := d.at(k + 1 + n); n != 3 || !d.hasDate || c == ':' || c == '-' || c == '/' || c == '.' {
			return
		}
	default:
		return
	}
	d.fraction = d.text[k+1 : k+1+n]
	d.i = k + 1 + n
}

// readOffset reads the offset of a zone, or passes over a hyphen.
func (d *wholeDate) readOffset() bool {
	i := d.i
	sign := d.text[i]
	n := digitsAt(d.text, i+1)
	if d.hasClock && !d.hasOffset && n > 0 {
		spaced := i > 0 && d.text[i-1] == ' '
		hours, minutes, end := 0, 0, 0
		switch {
		case n == 4:
			hours, minutes, end = d.value(i+1, 2), d.value(i+3, 2), i+5
		case n <= 2 && d.at(i+1+n) == ':' && digitsAt(d.text, i+2+n) == 2:
			hours, minutes, end = d.value(i+1, n), d.value(i+2+n, 2), i+4+n
		case n == 2 && !spaced, n <= 2 && d.zone != nil: // +01, GMT+1
			hours, end = d.value(i+1, n), i+1+n
		}
		if end > 0 && hours <= 18 && minutes <= 59 {
			d.offset, d.hasOffset, d.i = hours*60+minutes, true, end
			if sign == '-' {
				d.offset = -d.offset
			}
			return true
		}
	}
	d.i++
	return sign == '-'
}

// bracket opens a bracket, or passes over the name of a zone in parentheses.
func (d *wholeDate) bracket(c byte) bool {
	if c == '[' && d.at(d.i+1) == ']' { // what PM2's library makes of []], which is how others write a bracket
		d.i += 2
		return true
	}
	if d.shut != 0 {
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
		d.shut = ']'
	case '(':
		d.shut = ')'
	default:
		d.shut = '>'
	}
	d.i++
	return true
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
		d.joins = false
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
		if d.hasWeekday || d.strangeDay {
			return false
		}
		d.hasWeekday = true
		return true
	}
	if connector(word) {
		d.joins = true
		return d.hasDate || d.hasWeekday || d.hasClock
	}
	if d.hasClock && d.zone == nil && d.readZone(from, end) {
		return true
	}
	if d.hasDate || d.hasClock || d.hasWeekday || d.strangeDay || from > 1 || len(word) < 2 || levelWord(word) {
		return false
	}
	d.strange, d.strangeDay = true, true
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

// readZone reads the letters of a zone or the name of a region.
func (d *wholeDate) readZone(from, end int) bool {
	name := string(d.text[from:end])
	switch name {
	case "UTC", "GMT", "UT":
		d.zone = d.text[from:end]
		return true
	case "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific":
		if d.at(end) != '/' || !letter(d.at(end+1)) {
			return false
		}
		for end < len(d.text) && (letter(d.text[end]) || d.text[end] == '/' || d.text[end] == '_' || d.text[end] == '-' && letter(d.at(end+1))) {
			end++
		}
		d.zone, d.i = d.text[from:end], end
		return true
	}
	if _, ok := timeparse.Zones[name]; ok || timeparse.Unclear[name] {
		d.zone = d.text[from:end]
		return true
	}
	return false
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

// nanos returns the time of the date, or 0 if it is no complete one or not certain.
func (d *wholeDate) nanos(loc *time.Location) int64 {
	switch {
	case d.epoch != 0:
		return d.epoch
	case d.year == 0 || d.month == 0 || d.day == 0 || !d.hasClock || d.vague:
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
