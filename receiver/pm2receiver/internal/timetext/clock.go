package timetext

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
	s.zone()
	return s.i
}
