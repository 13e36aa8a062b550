// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package timeparse reads the times that PM2, the date formats of its users and loggers
// write at the beginning of a line or in a field.
package timeparse

import (
	"math"
	"time"
)

// Parsed is a time at the beginning of a text.
type Parsed struct {
	// Nanos is the time since the epoch. It is 0 if the day and the month of the date are
	// ambiguous, or its time zone.
	Nanos int64
	// Len is how many bytes of the text the time takes.
	Len int
	// Seconds is set if the text includes the second.
	Seconds bool
}

// Parse reads the time at the beginning of b: ISO 8601 in its usual variants, also
// without separators, day month year or month day year with any of - / . between, and
// the forms with names of days and months. A time without a zone is a time in loc. It
// reports false if b begins with no date and time of day.
func Parse(b []byte, loc *time.Location) (Parsed, bool) {
	if len(b) < len("20060102T1504") {
		return Parsed{}, false
	}
	s := scanner{b: b}
	c := b[0]
	if c-'0' > 9 {
		if !letter(c) || !letter(b[1]) || !letter(b[2]) {
			return Parsed{}, false
		}
		return s.named(loc)
	}
	if b[1]-'0' > 9 && !separates(b[1]) {
		return Parsed{}, false
	}
	if len(b) >= len("2006-01-02T15:04:05") && b[4] == '-' && b[7] == '-' && (b[10] == 'T' || b[10] == ' ') && b[13] == ':' && b[16] == ':' {
		return s.iso(loc)
	}
	return s.numeric(loc)
}

// iso is numeric for 2006-01-02T15:04:05, the form that most loggers write. The caller has
// checked the separators.
func (s *scanner) iso(loc *time.Location) (Parsed, bool) {
	b := s.b
	if max(b[0]-'0', b[1]-'0', b[2]-'0', b[3]-'0', b[5]-'0', b[6]-'0', b[8]-'0', b[9]-'0', b[11]-'0', b[12]-'0', b[14]-'0', b[15]-'0', b[17]-'0', b[18]-'0') > 9 {
		return s.numeric(loc)
	}
	two := func(i int) int { return int(b[i]-'0')*10 + int(b[i+1]-'0') }
	s.year, s.mon, s.day = two(0)*100+two(2), two(5), two(8)
	hour, minute, second := two(11), two(14), two(17)
	s.i = len("2006-01-02T15:04:05")
	if len(b) != len("2006-01-02T15:04:05.000Z") || b[19] != '.' || b[23] != 'Z' || b[20]-'0' > 9 || b[21]-'0' > 9 || b[22]-'0' > 9 ||
		!s.valid(hour, minute, second) {
		return s.rest(hour, minute, second, true, loc)
	}
	seconds := daysSinceEpoch(s.year, s.mon, s.day)*86400 + int64(hour*3600+minute*60+second)
	return Parsed{Nanos: seconds*1e9 + int64(two(20)*10+int(b[22]-'0'))*1e6, Len: len(b), Seconds: true}, true
}

// valid reports whether the date and time of day exist and an int64 can hold them.
func (s *scanner) valid(hour, minute, second int) bool {
	return s.mon >= 1 && s.mon <= 12 && s.day >= 1 && s.day <= daysIn(s.year, s.mon) && hour <= 23 && minute <= 59 && second <= 60 && s.year >= 1971 && s.year <= 2261
}

// daysIn returns how many days a month has, which is 1 to 12.
func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func separates(c byte) bool { return c == '-' || c == '/' || c == '.' || c == ' ' }

type scanner struct {
	b    []byte
	i    int
	year int
	mon  int
	day  int
	// vague is set if day and month may be the other way round.
	vague bool
	// wordy is set if the month is a name.
	wordy bool
	// yearLast is set if the year follows the time of day.
	yearLast bool
	// weekday is set if the name of a day precedes the date.
	weekday bool
	// slashed is set if the date is written with slashes and a comma follows it.
	slashed bool
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *scanner) digitAt(i int) bool { return i < len(s.b) && s.b[i]-'0' <= 9 }

func (s *scanner) skip(c byte) bool {
	if s.peek() == c && s.i < len(s.b) {
		s.i++
		return true
	}
	return false
}

// number reads least to most digits.
func (s *scanner) number(least, most int) (n int, ok bool) {
	from := s.i
	for s.i < len(s.b) && s.i-from < most && s.b[s.i]-'0' <= 9 {
		n = n*10 + int(s.b[s.i]-'0')
		s.i++
	}
	return n, s.i-from >= least
}

func (s *scanner) numeric(loc *time.Location) (Parsed, bool) {
	from := s.i
	first, _ := s.number(1, 8)
	width := s.i - from
	if width == 8 { // 20261121
		s.year, s.mon, s.day = first/10000, first/100%100, first%100
		return s.compactClock(loc)
	}
	sep := s.peek()
	if width <= 2 && (sep == ' ' || letter(sep)) { // 21 Nov 2026, 21st November 2026
		s.day = first
		s.ordinal()
		if !s.skip(' ') || !s.monthName() {
			return Parsed{}, false
		}
		s.skip(',')
		if !s.skip(' ') {
			return Parsed{}, false
		}
		var ok bool
		if s.year, ok = s.number(4, 4); !ok {
			return Parsed{}, false
		}
		return s.clock(loc)
	}
	if sep != '-' && sep != '/' && sep != '.' || width != 4 && width > 2 {
		return Parsed{}, false
	}
	s.i++
	if letter(s.peek()) { // 21/Nov/2026, 21-Nov-2026
		s.day = first
		var ok bool
		if width > 2 || !s.monthName() || !s.skip(sep) {
			return Parsed{}, false
		}
		from := s.i
		if s.year, ok = s.number(2, 4); !ok {
			return Parsed{}, false
		}
		switch width := s.i - from; {
		case width == 2 && s.weekday: // RFC 850
			s.year += 2000
		case width != 4:
			return Parsed{}, false
		}
		return s.clock(loc)
	}
	second, ok := s.number(1, 2)
	if !ok || !s.skip(sep) {
		return Parsed{}, false
	}
	if width == 4 {
		s.year, s.mon = first, second
		if s.day, ok = s.number(1, 2); !ok {
			return Parsed{}, false
		}
		return s.clock(loc)
	}
	if s.year, ok = s.number(4, 4); !ok {
		return Parsed{}, false
	}
	switch {
	case first > 12 || sep == '.': // nobody writes month.day.year
		s.day, s.mon = first, second
	case second > 12 || first == second:
		s.mon, s.day = first, second
	default:
		s.day, s.mon, s.vague = first, second, true
		s.slashed = sep == '/' && s.peek() == ','
	}
	return s.clock(loc)
}

// ordinal reads what makes 21 the 21st.
func (s *scanner) ordinal() {
	if s.i+1 >= len(s.b) || s.i+2 < len(s.b) && letter(s.b[s.i+2]) {
		return
	}
	switch string([]byte{s.b[s.i] | 0x20, s.b[s.i+1] | 0x20}) {
	case "st", "nd", "rd", "th":
		s.i += 2
	}
}

// named reads Sat, 21 Nov 2026 …, Sat Nov 21 2026 …, Nov 21, 2026 … and
// Sat Nov 21 14:08:36 2026.
func (s *scanner) named(loc *time.Location) (Parsed, bool) {
	if !s.monthName() {
		if !s.dayName() {
			return Parsed{}, false
		}
		s.weekday = true
		s.skip(',')
		s.skip(' ')
		if s.peek()-'0' <= 9 {
			return s.numeric(loc)
		}
		if !s.monthName() {
			return Parsed{}, false
		}
	}
	var ok bool
	if !s.skip(' ') {
		return Parsed{}, false
	}
	s.skip(' ') // a day of one digit, as C pads it
	if s.day, ok = s.number(1, 2); !ok {
		return Parsed{}, false
	}
	s.ordinal()
	s.skip(',')
	if !s.skip(' ') {
		return Parsed{}, false
	}
	if s.i+2 < len(s.b) && s.b[s.i+2] == ':' {
		s.i--
		s.yearLast = true
		return s.clock(loc)
	}
	if s.year, ok = s.number(4, 4); !ok {
		return Parsed{}, false
	}
	return s.clock(loc)
}

const (
	months = "jan feb mar apr may jun jul aug sep oct nov dec "
	days   = "sun mon tue wed thu fri sat "
)

func (s *scanner) monthName() bool {
	n := s.name(months)
	s.mon = n + 1
	s.wordy = n >= 0
	return n >= 0
}

func (s *scanner) dayName() bool { return s.name(days) >= 0 }

// name reads the first three letters of one of the names and the letters behind
// them, and returns the place of the name in the list or -1.
func (s *scanner) name(list string) int {
	if s.i+3 > len(s.b) {
		return -1
	}
	for n := 0; n < len(list); n += 4 {
		if s.b[s.i]|0x20 == list[n] && s.b[s.i+1]|0x20 == list[n+1] && s.b[s.i+2]|0x20 == list[n+2] {
			s.i += 3
			for s.i < len(s.b) && letter(s.b[s.i]) && s.b[s.i] != 'T' {
				s.i++
			}
			return n / 4
		}
	}
	return -1
}

// compactClock reads the time of day behind a date without separators.
func (s *scanner) compactClock(loc *time.Location) (Parsed, bool) {
	if s.i+5 < len(s.b) && s.digitAt(s.i+2) && s.digitAt(s.i+1) { // 20261121T1408…, not 20261121 14:08
		at := s.i
		if !s.skip('T') && !s.skip(' ') && !s.skip('-') && !s.skip('_') && !s.digitAt(s.i) {
			return Parsed{}, false
		}
		if hm, ok := s.number(4, 4); ok {
			second := 0
			seconds := s.digitAt(s.i) && s.digitAt(s.i+1)
			if seconds {
				second, _ = s.number(2, 2)
			}
			if !s.digitAt(s.i) {
				return s.rest(hm/100, hm%100, second, seconds, loc)
			}
		}
		s.i = at
	}
	return s.clock(loc)
}

const at = "at "

// clock reads the time of day and the zone behind a date.
func (s *scanner) clock(loc *time.Location) (Parsed, bool) {
	s.skip(',')
	switch {
	case s.skip('T'), s.skip('t'), s.skip('_'):
	case s.skip(' '):
		s.skip(' ')
		if s.peek() == '-' && s.i+2 < len(s.b) && s.b[s.i+1] == ' ' && s.digitAt(s.i+2) { // gin
			s.i += 2
		}
		if s.peek() == 'a' && s.i+3 < len(s.b) && string(s.b[s.i:s.i+3]) == at {
			s.i += 3
		}
	case s.wordy && s.skip(':'):
	default:
		return Parsed{}, false
	}
	hour, ok := s.number(1, 2)
	if !ok || !s.skip(':') {
		return Parsed{}, false
	}
	minute, ok := s.number(2, 2)
	if !ok {
		return Parsed{}, false
	}
	second, seconds := 0, false
	if s.peek() == ':' && s.digitAt(s.i+1) && s.digitAt(s.i+2) {
		s.i++
		second, _ = s.number(2, 2)
		seconds = true
	}
	return s.rest(hour, minute, second, seconds, loc)
}

// rest reads what may follow the seconds: a fraction, AM or PM, and a time zone.
func (s *scanner) rest(hour, minute, second int, seconds bool, loc *time.Location) (Parsed, bool) {
	nanos := 0
	if seconds {
		switch c := s.peek(); {
		case (c == '.' || c == ',') && s.digitAt(s.i+1):
			s.i++
			nanos = s.fraction()
		case c == ':' && s.digits(s.i+1) >= 3:
			s.i++
			nanos = s.fraction()
		case c == ' ' && s.i+1 < len(s.b) && s.b[s.i+1] == '.' && s.digitAt(s.i+2):
			s.i += 2
			nanos = s.fraction()
		}
	}
	from := s.i
	hour, ok := s.half(hour)
	if !ok {
		return Parsed{}, false
	}
	if s.slashed && s.i > from && s.b[s.i-1] == 'M' {
		// A date with slashes and a comma, followed by AM or PM in capitals, is written in the
		// United States, where the month comes first.
		s.mon, s.day, s.vague = s.day, s.mon, false
	}
	z := s.zone(loc)
	if s.yearLast {
		if !s.skip(' ') {
			return Parsed{}, false
		}
		if s.year, ok = s.number(4, 4); !ok {
			return Parsed{}, false
		}
		if z.kind == zoneNone {
			z = s.zone(loc)
		}
	}
	s.monotonic()
	if !s.valid(hour, minute, second) {
		return Parsed{}, false
	}
	p := Parsed{Len: s.i, Seconds: seconds}
	if s.vague {
		return p, true
	}
	if z.kind == zoneNamed || z.kind == zoneUnclear {
		// The location of the machine decides what its own abbreviation means.
		at := time.Date(s.year, time.Month(s.mon), s.day, hour, minute, second, nanos, loc)
		if name, _ := at.Zone(); name == z.name {
			p.Nanos = at.UnixNano()
			return p, true
		}
		if z.kind == zoneUnclear {
			return p, true
		}
	}
	if z.kind != zoneNone || loc == time.UTC {
		p.Nanos = (daysSinceEpoch(s.year, s.mon, s.day)*86400+int64(hour)*3600+int64(minute)*60+int64(second)-int64(z.seconds))*1e9 + int64(nanos)
	} else {
		p.Nanos = time.Date(s.year, time.Month(s.mon), s.day, hour, minute, second, nanos, loc).UnixNano()
	}
	return p, true
}

// monotonic passes over what Go writes behind the time of its monotonic clock: m=+0.0012.
func (s *scanner) monotonic() {
	if s.peek() != ' ' || s.i+4 >= len(s.b) || s.b[s.i+1] != 'm' || s.b[s.i+2] != '=' || s.b[s.i+3] != '+' && s.b[s.i+3] != '-' || !s.digitAt(s.i+4) {
		return
	}
	s.i += 4
	for s.i < len(s.b) && (s.digitAt(s.i) || s.b[s.i] == '.') {
		s.i++
	}
}

// digits counts the digits at i, up to 10.
func (s *scanner) digits(i int) (n int) {
	for n < 10 && s.digitAt(i+n) {
		n++
	}
	return n
}

func (s *scanner) fraction() int {
	nanos, scale := 0, 100_000_000
	for s.i < len(s.b) && s.b[s.i]-'0' <= 9 {
		nanos += int(s.b[s.i]-'0') * scale
		scale /= 10
		s.i++
	}
	return nanos
}

// blanks counts the bytes of a blank at i: a space, or one that does not break, which
// Intl writes before AM and PM.
func (s *scanner) blanks(i int) int {
	switch {
	case i >= len(s.b):
		return 0
	case s.b[i] == ' ':
		return 1
	case s.b[i] == 0xc2 && i+1 < len(s.b) && s.b[i+1] == 0xa0:
		return 2
	case s.b[i] == 0xe2 && i+2 < len(s.b) && s.b[i+1] == 0x80 && (s.b[i+2] == 0xaf || s.b[i+2] == 0x89):
		return 3
	}
	return 0
}

// half reads AM or PM, a.m. or p.m.
func (s *scanner) half(hour int) (int, bool) {
	i := s.i + s.blanks(s.i)
	if i+1 >= len(s.b) || s.b[i]|0x20 != 'a' && s.b[i]|0x20 != 'p' {
		return hour, true
	}
	end := i + 2
	switch {
	case s.b[i+1]|0x20 == 'm':
	case i+3 < len(s.b) && s.b[i+1] == '.' && s.b[i+2]|0x20 == 'm' && s.b[i+3] == '.':
		end = i + 4
	default:
		return hour, true
	}
	if end < len(s.b) && (letter(s.b[end]) || s.b[end]-'0' <= 9) { // PM2 is no PM
		return hour, true
	}
	s.i = end
	if s.b[i]|0x20 == 'a' {
		return hour % 12, hour >= 1 && hour <= 12
	}
	return hour%12 + 12, hour >= 1 && hour <= 12
}

// daysSinceEpoch counts in years that begin in March, which puts the leap day
// last.
func daysSinceEpoch(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	return int64(365*year+year/4-year/100+year/400+(153*(month-3)+2)/5+day-1) - 719468
}

// FromNumber reads a number as a time since the epoch. Its size distinguishes seconds,
// milliseconds, microseconds and nanoseconds, for the years 1973 to 5138. It reports false
// for smaller numbers.
func FromNumber(n float64) (nanos int64, ok bool) {
	switch {
	case !(n >= 1e8) || n >= math.MaxInt64:
		return 0, false
	case n < 1e11:
		// Split, so that a fraction of a second survives the multiplication.
		whole, part := math.Modf(n)
		return bounded(whole, 1e9, int64(math.Round(part*1e6))*1e3)
	case n < 1e14:
		whole, part := math.Modf(n)
		return bounded(whole, 1e6, int64(math.Round(part*1e3))*1e3)
	case n < 1e17:
		return bounded(math.Trunc(n), 1e3, 0)
	}
	return int64(n), true
}

// FromInt is [FromNumber] for an integer, without the rounding of a float.
func FromInt(n int64) (nanos int64, ok bool) {
	switch {
	case n < 1e8:
		return 0, false
	case n < 1e11:
		return times(n, 1e9)
	case n < 1e14:
		return times(n, 1e6)
	case n < 1e17:
		return times(n, 1e3)
	}
	return n, true
}

func times(n, unit int64) (int64, bool) {
	if n > math.MaxInt64/unit {
		return 0, false
	}
	return n * unit, true
}

func bounded(whole float64, unit, rest int64) (int64, bool) {
	if whole > float64(math.MaxInt64/unit) {
		return 0, false
	}
	return int64(whole)*unit + rest, true
}

const (
	year = int64(365 * 24 * time.Hour)
	// earliest is 1995: no logger of today writes an earlier time.
	earliest = 25 * year
	// numbersFor is how old a time may be that is only a number.
	numbersFor = 20 * year
)

// Plausible says whether a log record that is read now can be of a time. A number that
// is more than 20 years old or a year ahead is a duration, a size or a time of another
// epoch.
func Plausible(nanos, now int64, number bool) bool {
	if nanos < earliest {
		return false
	}
	if now < earliest { // the clock is not set
		return true
	}
	return nanos < now+year && (!number || nanos > now-numbersFor)
}
