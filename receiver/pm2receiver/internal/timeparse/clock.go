// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package timeparse

import "time"

// Clock returns how many bytes of b are a time of day without a date: 14:08:36, with a
// fraction, AM or PM, and a zone if they are there. It returns 0 if there is none.
func Clock(b []byte) int {
	s := scanner{b: b}
	if hour, ok := s.number(1, 2); !ok || hour > 23 || !s.skip(':') {
		return 0
	}
	if minute, ok := s.number(2, 2); !ok || minute > 59 || !s.skip(':') {
		return 0
	}
	if second, ok := s.number(2, 2); !ok || second > 60 {
		return 0
	}
	if c := s.peek(); (c == '.' || c == ',' || c == ':') && s.digits(s.i+1) >= 1 {
		s.i++
		s.fraction()
	}
	if _, ok := s.half(1); !ok {
		return 0
	}
	s.zone(time.UTC)
	return s.i
}

// Yearless returns how many bytes of b are a date and time of day without a year, as
// syslog and others write them: Oct  5 09:17:42, or 5 Oct 09:17:42. It returns 0 if there
// is none.
func Yearless(b []byte) int {
	if len(b) < len("5 Oct 09:17:42") {
		return 0
	}
	s := scanner{b: b}
	day := false
	if b[0]-'0' <= 9 {
		n, ok := s.number(1, 2)
		if day = true; !ok || n < 1 || n > 31 || !s.skip(' ') {
			return 0
		}
	}
	from := s.i
	if !s.monthName() || s.i != from+3 || !s.skip(' ') {
		return 0
	}
	if !day {
		s.skip(' ')
		if n, ok := s.number(1, 2); !ok || n < 1 || n > 31 || !s.skip(' ') {
			return 0
		}
	}
	n := Clock(b[s.i:])
	if n == 0 {
		return 0
	}
	return s.i + n
}
