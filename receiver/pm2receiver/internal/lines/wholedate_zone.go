// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timeparse"
)

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
