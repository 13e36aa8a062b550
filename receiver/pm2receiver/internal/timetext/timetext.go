// Package timetext reads the times that PM2, its users' date formats and loggers
// write at the beginning of a line or as a field.
package timetext

import (
	"math"
	"time"
)

// Parsed is a time that stands at the beginning of a text.
type Parsed struct {
	// Nanos is the time since the epoch. It is 0 if the text is a date whose
	// day and month cannot be told apart.
	Nanos int64
	// Len is how many bytes of the text the time takes.
	Len int
}

// Parse reads the time at the beginning of b: ISO 8601 in its usual variants, day
// month year or month day year with any of - / . between, and the forms with
// names of days and months. A time without a zone is a time in loc. It reports
// false if b begins with no date and time of day.
func Parse(b []byte, loc *time.Location) (Parsed, bool) {
	if len(b) < len("2006-01-02T15:04") {
		return Parsed{}, false
	}
	s := scanner{b: b}
	c := b[0]
	if c-'0' > 9 {
		if !letter(c) {
			return Parsed{}, false
		}
		return s.named(loc)
	}
	return s.numeric(loc)
}

type scanner struct {
	b    []byte
	i    int
	year int
	mon  int
	day  int
	// vague is set if day and month may be the other way round.
	vague bool
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

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
	first, _ := s.number(1, 4)
	width := s.i - from
	sep := s.peek()
	if sep == ' ' && width <= 2 { // 21 Nov 2026
		s.day = first
		s.i++
		if !s.monthName() || !s.skip(' ') {
			return Parsed{}, false
		}
		var ok bool
		if s.year, ok = s.number(4, 4); !ok {
			return Parsed{}, false
		}
		return s.clock(loc)
	}
	if sep != '-' && sep != '/' && sep != '.' {
		return Parsed{}, false
	}
	s.i++
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
	}
	return s.clock(loc)
}

// named reads Sat, 21 Nov 2026 …, Sat Nov 21 2026 … and Nov 21, 2026 ….
func (s *scanner) named(loc *time.Location) (Parsed, bool) {
	if !s.monthName() {
		if !s.dayName() {
			return Parsed{}, false
		}
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
	if s.day, ok = s.number(1, 2); !ok {
		return Parsed{}, false
	}
	s.skip(',')
	if !s.skip(' ') {
		return Parsed{}, false
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

// clock reads the time of day and the zone behind a date.
func (s *scanner) clock(loc *time.Location) (Parsed, bool) {
	s.skip(',')
	if !s.skip('T') && !s.skip(' ') {
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
	second, nanos := 0, 0
	if s.peek() == ':' && s.i+2 < len(s.b) && s.b[s.i+1]-'0' <= 9 && s.b[s.i+2]-'0' <= 9 {
		s.i++
		second, _ = s.number(2, 2)
		if c := s.peek(); (c == '.' || c == ',') && s.i+1 < len(s.b) && s.b[s.i+1]-'0' <= 9 {
			s.i++
			nanos = s.fraction()
		}
	}
	hour, ok = s.half(hour)
	if !ok || s.mon < 1 || s.mon > 12 || s.day < 1 || s.day > 31 || hour > 23 || minute > 59 || second > 60 || s.year < 1971 || s.year > 2261 {
		return Parsed{}, false
	}
	offset, zoned := s.zone()
	p := Parsed{Len: s.i}
	if s.vague {
		return p, true
	}
	if zoned || loc == time.UTC {
		p.Nanos = (daysSinceEpoch(s.year, s.mon, s.day)*86400+int64(hour)*3600+int64(minute)*60+int64(second)-int64(offset))*1e9 + int64(nanos)
	} else {
		p.Nanos = time.Date(s.year, time.Month(s.mon), s.day, hour, minute, second, nanos, loc).UnixNano()
	}
	return p, true
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

// half reads AM or PM.
func (s *scanner) half(hour int) (int, bool) {
	i := s.i
	if i < len(s.b) && s.b[i] == ' ' {
		i++
	}
	if i+1 >= len(s.b) || s.b[i+1]|0x20 != 'm' || i+2 < len(s.b) && (letter(s.b[i+2]) || s.b[i+2]-'0' <= 9) { // PM2 is no PM
		return hour, true
	}
	switch s.b[i] | 0x20 {
	case 'a':
		s.i = i + 2
		return hour % 12, hour >= 1 && hour <= 12
	case 'p':
		s.i = i + 2
		return hour%12 + 12, hour >= 1 && hour <= 12
	}
	return hour, true
}

// zone reads Z, UTC, GMT, +01:00, +0100, or GMT+0100, with or without a blank
// before it.
func (s *scanner) zone() (seconds int, ok bool) {
	i := s.i
	if i < len(s.b) && s.b[i] == ' ' {
		i++
	}
	if i >= len(s.b) {
		return 0, false
	}
	rest := s.b[i:]
	switch {
	case rest[0] == 'Z' && (len(rest) == 1 || !letter(rest[1])):
		s.i = i + 1
		return 0, true
	case len(rest) >= 3 && (string(rest[:3]) == "UTC" || string(rest[:3]) == "GMT"):
		s.i = i + 3
		rest = rest[3:]
		ok = true
	}
	if len(rest) == 0 || rest[0] != '+' && rest[0] != '-' {
		return 0, ok
	}
	t := scanner{b: rest, i: 1}
	hours, has := t.number(2, 2)
	if !has {
		return 0, ok
	}
	t.skip(':')
	minutes, has := t.number(2, 2)
	if !has || hours > 18 || minutes > 59 {
		return 0, ok
	}
	s.i = len(s.b) - len(rest) + t.i
	seconds = hours*3600 + minutes*60
	if rest[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
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

// FromNumber reads a time as a number since the epoch. Its size tells seconds,
// milliseconds, microseconds and nanoseconds apart, which holds for the years 1973
// to 5138. It reports false for smaller numbers.
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

// FromInt is FromNumber without the rounding of a float.
func FromInt(n int64) (nanos int64, ok bool) {
	if n >= 1e17 {
		return n, true
	}
	return FromNumber(float64(n))
}

func bounded(whole float64, unit, rest int64) (int64, bool) {
	if whole > float64(math.MaxInt64/unit) {
		return 0, false
	}
	return int64(whole)*unit + rest, true
}
