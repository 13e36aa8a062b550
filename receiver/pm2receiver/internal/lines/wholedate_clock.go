// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

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
		d.i, d.hasClock, d.ambiguous = k+4, true, true
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
		d.wantsDateOrHalf = true
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
