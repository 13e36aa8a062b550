// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timeparse"
)

// time sets the time from the first field that has one.
func (p *Parser) time(rec plog.LogRecord) {
	w := &p.w
	now := int64(rec.ObservedTimestamp())
	for set := w.roles[roleTime]; set != 0; {
		f := &w.found[w.next(&set)]
		nanos, whole, ok := p.readTime(f, now)
		if !ok || rows[f.row].weak && !p.trusts(nanos, rec, now) {
			continue
		}
		rec.SetTimestamp(pcommon.Timestamp(nanos))
		f.used = whole
		return
	}
}

const (
	// oneDay is how near to the time of reading a number must be if its field has held a
	// number that is no time.
	oneDay = int64(86400 * 1e9)
	// oneMinute is how near to PM2's time the time of a weak field must be.
	oneMinute = int64(60 * 1e9)
	// oneYear is how old the time of a weak field may be if PM2 wrote none.
	oneYear = 366 * oneDay
)

// trusts reports whether the time of a weak field of a JSON line is the time of rec, which has
// the time that PM2 wrote, or none.
func (p *Parser) trusts(nanos int64, rec plog.LogRecord, now int64) bool {
	return p.near(nanos, int64(rec.Timestamp()), now) && (rec.Timestamp() != 0 || p.w.isRecord())
}

// near reports whether the time of a weak field may be that of a record. written is the time
// that PM2 wrote, or 0. Without it, a midnight is taken for a date of the application.
func (p *Parser) near(nanos, written, now int64) bool {
	if written != 0 {
		return nanos > written-oneMinute && nanos < written+oneMinute
	}
	if nanos <= now-oneYear || nanos >= now+oneDay {
		return false
	}
	if nanos%second != 0 {
		return true
	}
	hour, minute, sec := time.Unix(0, nanos).In(p.set.Location).Clock()
	return hour|minute|sec != 0 && nanos%oneDay != 0
}

// isRecord reports whether the line has a level or a message, which data of an application
// seldom has.
func (w *walker) isRecord() bool {
	if w.roles[roleLevel] != 0 {
		return true
	}
	for i := range w.found[:w.many] {
		if r := &rows[w.found[i].row]; r.role == roleBody && !r.weak {
			return true
		}
	}
	return false
}

// readTime reads the time of a field. A number must be plausible as a time. whole is set if
// the field has nothing but the time.
func (p *Parser) readTime(f *found, now int64) (nanos int64, whole, ok bool) {
	w := &p.w
	text, isText := w.str(f)
	if !isText {
		if text = w.raw(f); text[0] == '{' {
			return p.timeOfObject(f, now)
		}
	}
	nanos, isNumber, ok := p.timeOf(f.row, text, isText, now)
	if isNumber && ok && rows[f.row].kind == kindSeconds {
		nanos += w.nanosBeside()
	}
	return nanos, true, ok
}

// timeOf reads the value of a field of time, which is a text or a number. isNumber is set
// if the value is a number.
func (p *Parser) timeOf(row uint8, text []byte, isText bool, now int64) (nanos int64, isNumber, ok bool) {
	r := &rows[row]
	if r.kind == kindNanos {
		return 0, false, false
	}
	if isText && r.kind != kindNumber {
		text = bytes.TrimSpace(text)
		if t, ok := timeparse.Parse(text, p.set.Location); ok && t.Len == len(text) && t.Nanos != 0 {
			return t.Nanos, false, timeparse.Plausible(t.Nanos, now, false)
		}
	}
	if len(text) == 0 || text[0]-'0' > 9 || len(text) > 32 {
		return 0, false, false
	}
	if nanos, ok = number(text); !ok {
		return 0, true, false
	}
	// A field that once held a duration holds one again, even if it may look like a time.
	bit := uint64(1) << (row & 63)
	if !timeparse.Plausible(nanos, now, true) {
		p.distrusted |= bit
		return 0, true, false
	}
	if p.distrusted&bit != 0 && (nanos < now-oneDay || nanos > now+oneDay) {
		return 0, true, false
	}
	return nanos, true, true
}

func number(text []byte) (nanos int64, ok bool) {
	if n, ok := integer(text); ok {
		return timeparse.FromInt(n)
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return timeparse.FromInt(n)
	}
	if f, err := strconv.ParseFloat(string(text), 64); err == nil {
		return timeparse.FromNumber(f)
	}
	return 0, false
}

// nanosBeside returns Google's timestampNanos.
func (w *walker) nanosBeside() int64 {
	for i := range w.found[:w.many] {
		f := &w.found[i]
		if rows[f.row].kind != kindNanos {
			continue
		}
		if n, ok := integer(w.raw(f)); ok && n >= 0 && n < 1e9 {
			f.used = true
			return n
		}
	}
	return 0
}

// timeOfObject reads {seconds, nanos} and what is like it. whole is set if the object has
// no other fields.
func (p *Parser) timeOfObject(f *found, now int64) (_ int64, whole, ok bool) {
	w := &p.w
	var seconds, nanos int64
	fields, read := 0, 0
	w.each(f.from, func(name []byte, v found) {
		fields++
		if len(name) > maxKey {
			return
		}
		var buf [maxKey]byte
		switch string(normal(buf[:0], name)) {
		case "seconds", "epochsecond", "sec":
			if n, isInt := whole64(w.raw(&v)); isInt && !ok {
				if at, is := timeparse.FromInt(n); is {
					seconds, ok = at, true
					read++
				}
			}
		case "nanos", "nanoseconds", "nanoofsecond", "nsec":
			if n, isInt := whole64(w.raw(&v)); isInt && n >= 0 && n < 1e9 {
				nanos = n
				read++
			}
		case "timestamp", "$date":
			if ok {
				return
			}
			if at, is := number(bytes.Trim(w.raw(&v), `"`)); is {
				seconds, ok = at, true
				read++
			} else if s, isText := w.str(&v); isText {
				if t, is := timeparse.Parse(s, p.set.Location); is && t.Len == len(s) && t.Nanos != 0 {
					seconds, ok = t.Nanos, true
					read++
				}
			}
		}
	})
	return seconds + nanos, read == fields, ok && timeparse.Plausible(seconds, now, true)
}

// whole64 reads an integer, quoted or not.
func whole64(text []byte) (int64, bool) {
	text = bytes.Trim(text, `"`)
	if len(text) == 0 || text[0]-'0' > 9 {
		return 0, false
	}
	return integer(text)
}
