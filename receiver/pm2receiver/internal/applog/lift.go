// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"
	"math/bits"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timeparse"
)

// lift moves the fields that mean something to where they belong. A field that cannot
// be used becomes an attribute.
func (p *Parser) lift(line []byte, rec plog.LogRecord) {
	w := &p.w
	if w.roles[roleInner] != 0 {
		w.lookInside()
	}
	if w.roles[roleLevel] != 0 {
		p.level(rec)
	}
	if w.roles[roleTime] != 0 {
		p.time(rec)
	}
	escaped := false // whether the body may have more than one line
	if w.roles[roleBody] != 0 {
		escaped = w.body(rec)
	}
	if rec.Body().Type() == pcommon.ValueTypeEmpty {
		w.mem.SetStr(rec.Body(), w.mem.String(line))
	}
	if w.roles[roleTrace] != 0 {
		w.trace(rec)
	}
	attrs := rec.Attributes()
	if (w.roles[roleException] == 0 || !w.exception(attrs)) && escaped {
		w.exceptionOfBody(rec)
	}
	w.keepOthers(attrs)
	if w.cut {
		w.mem.SetStr(rec.Body(), w.mem.String(line))
		attrs.PutBool(AttributeCut, true)
	}
}

// keepOthers makes attributes of the fields that were not used.
func (w *walker) keepOthers(attrs pcommon.Map) {
	for i := range w.found[:w.many] {
		f := &w.found[i]
		if f.used || f.parent >= 0 {
			continue
		}
		name := w.mem.String(f.name)
		w.i = f.from
		w.value(attrs.PutEmpty(name), 0, 1)
		if rows[f.row].role != roleInner {
			continue
		}
		v, _ := attrs.Get(name)
		for j := i + 1; j < w.many; j++ {
			if g := &w.found[j]; g.used && int(g.parent) == i {
				v.Map().Remove(string(g.name))
			}
		}
		if v.Type() == pcommon.ValueTypeMap && v.Map().Len() == 0 && w.b[f.from+1] != '}' {
			attrs.Remove(name)
		}
	}
}

// next takes the place of the field that is the first in the table out of a set that is
// not empty.
func (w *walker) next(set *uint32) int {
	best := bits.TrailingZeros32(*set)
	for rest := *set & (*set - 1); rest != 0; rest &= rest - 1 {
		if i := bits.TrailingZeros32(rest); w.found[i].row < w.found[best].row {
			best = i
		}
	}
	*set &^= 1 << best
	return best
}

// lookInside finds the fields inside objects that mean something.
func (w *walker) lookInside() {
	for i, n := 0, w.many; i < n; i++ {
		f := w.found[i]
		if rows[f.row].role != roleInner || w.b[f.from] != '{' {
			continue
		}
		w.each(f.from, func(name []byte, v found) {
			row := known.innerOf(f.row, name)
			if row == 0 || w.many == len(w.found) {
				return
			}
			v.row, v.name, v.parent = row, name, int8(i)
			w.roles[rows[row].role] |= 1 << w.many
			w.found[w.many] = v
			w.many++
		})
	}
}

// each calls use for the fields of the object at from.
func (w *walker) each(from int, use func(name []byte, v found)) {
	defer func(before bool) { w.checked = before }(w.checked)
	w.checked = true
	w.i = from + 1
	for {
		w.space()
		if !w.take('"') {
			return
		}
		name, ok := w.text()
		w.space()
		if !ok || !w.take(':') {
			return
		}
		w.space()
		v := found{from: w.i, parent: -1}
		if !w.skip(2) {
			return
		}
		v.to = w.i
		at := w.i
		use(name, v)
		w.i = at
		w.space()
		if !w.take(',') {
			return
		}
	}
}

// str returns the value of a field if it is a string.
func (w *walker) str(f *found) ([]byte, bool) {
	if f.plain {
		return w.b[f.from+1 : f.to-1 : f.to-1], true
	}
	if w.b[f.from] != '"' {
		return nil, false
	}
	if s := w.b[f.from+1 : f.to-1 : f.to-1]; bytes.IndexByte(s, '\\') < 0 {
		return s, true
	}
	return w.decoded(w.b[f.from+1 : f.to])
}

func (w *walker) raw(f *found) []byte { return w.b[f.from:f.to] }

// number reads the value of a field if it is a number.
func (w *walker) float(f *found) (float64, bool) {
	text := w.raw(f)
	if c := text[0]; c != '-' && c-'0' > 9 {
		return 0, false
	}
	if n, ok := integer(text); ok {
		return float64(n), true
	}
	n, err := strconv.ParseFloat(string(text), 64)
	return n, err == nil
}

// maxLevel is how long a level may be, with its colours.
const maxLevel = 64

// level sets the severity from the first field whose level is known, or else the text of
// the first that has one.
func (p *Parser) level(rec plog.LogRecord) {
	w := &p.w
	unknown, word := -1, ""
	for set := w.roles[roleLevel]; set != 0; {
		i := w.next(&set)
		f := &w.found[i]
		text, n, ok := p.readLevel(f, rows[f.row].scale)
		if !ok {
			continue
		}
		if n == 0 {
			if unknown < 0 {
				unknown, word = i, text
			}
			continue
		}
		rec.SetSeverityNumber(n)
		rec.SetSeverityText(text)
		f.used = w.b[f.from] != '{'
		return
	}
	if unknown >= 0 {
		rec.SetSeverityText(word)
		w.found[unknown].used = true
	}
}

// readLevel reads a level: a word, a number, or an object that has either.
func (p *Parser) readLevel(f *found, scale severity.Scale) (text string, n plog.SeverityNumber, ok bool) {
	w := &p.w
	if s, isText := w.str(f); isText {
		if len(s) == 0 || len(s) > maxLevel {
			return "", 0, false
		}
		word := w.mem.String(s)
		if n, known := severity.FromText(word); known {
			return severity.Clean(word), n, true
		}
		if level, isNumber := integer(s); isNumber {
			return word, p.levelNumber(float64(level), scale), true
		}
		word = severity.Clean(word)
		return word, 0, word != ""
	}
	if w.b[f.from] == '{' {
		return p.levelOfObject(f)
	}
	raw := w.raw(f)
	if scale == severity.ScaleAny && len(raw) == 2 && raw[1] == '0' && raw[0] >= '1' && raw[0] <= '6' { // pino's and bunyan's own
		n = plog.SeverityNumber(raw[0]-'1')*4 + plog.SeverityNumberTrace
		return severity.Name(n), n, true
	}
	level, isNumber := w.float(f)
	if !isNumber {
		return "", 0, false
	}
	n = p.levelNumber(level, scale)
	if scale == severity.ScaleAny {
		if text = severity.LevelName(level); text != "" {
			return text, n, true
		}
	}
	return w.mem.String(raw), n, true
}

func (p *Parser) levelNumber(level float64, scale severity.Scale) plog.SeverityNumber {
	if scale == severity.ScaleAny {
		p.slog = p.slog || level < 0
		if p.slog && level < 10 {
			scale = severity.ScaleSlog
		}
	}
	n, _ := severity.FromNumber(level, scale)
	return n
}

// Names of the fields of a level that is an object, words first.
var levelFields = [...]string{"levelstr", "levelname", "name", "label", "text", "level", "value", "no"}

func (p *Parser) levelOfObject(f *found) (text string, n plog.SeverityNumber, ok bool) {
	best := len(levelFields)
	p.w.each(f.from, func(name []byte, v found) {
		if len(name) > maxKey {
			return
		}
		var buf [maxKey]byte
		for i, field := range levelFields[:best] {
			if string(normal(buf[:0], name)) != field || p.w.b[v.from] == '{' {
				continue
			}
			if t, number, known := p.readLevel(&v, severity.ScaleAny); known && number != 0 {
				text, n, ok, best = t, number, true, i
			}
			return
		}
	})
	return text, n, ok
}

// time sets the time from the first field that has one.
func (p *Parser) time(rec plog.LogRecord) {
	w := &p.w
	for set := w.roles[roleTime]; set != 0; {
		f := &w.found[w.next(&set)]
		if nanos, ok := p.readTime(f, int64(rec.ObservedTimestamp())); ok {
			rec.SetTimestamp(pcommon.Timestamp(nanos))
			f.used = true
			return
		}
	}
}

// oneDay is how near a number must be that may not be a time.
const oneDay = int64(86400 * 1e9)

func (p *Parser) readTime(f *found, now int64) (int64, bool) {
	w := &p.w
	r := &rows[f.row]
	if r.kind == kindNanos {
		return 0, false
	}
	text, isText := w.str(f)
	if isText && r.kind != kindNumber {
		text = bytes.TrimSpace(text)
		if t, ok := timeparse.Parse(text, p.set.Location); ok && t.Len == len(text) && t.Nanos != 0 {
			return t.Nanos, timeparse.Plausible(t.Nanos, now, false)
		}
	} else if !isText {
		if text = w.raw(f); text[0] == '{' {
			return p.timeOfObject(f, now)
		}
	}
	if len(text) == 0 || text[0]-'0' > 9 || len(text) > 32 {
		return 0, false
	}
	nanos, ok := number(text)
	if !ok {
		return 0, false
	}
	if r.kind == kindSeconds {
		nanos += w.nanosBeside()
	}
	// What was a duration once is one again, though it may look like a time.
	bit := uint64(1) << (f.row & 63)
	if !timeparse.Plausible(nanos, now, true) {
		p.distrusted |= bit
		return 0, false
	}
	if p.distrusted&bit != 0 && (nanos < now-oneDay || nanos > now+oneDay) {
		return 0, false
	}
	return nanos, true
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

// timeOfObject reads {seconds, nanos} and what is like it.
func (p *Parser) timeOfObject(f *found, now int64) (int64, bool) {
	w := &p.w
	var seconds, nanos int64
	ok := false
	w.each(f.from, func(name []byte, v found) {
		if len(name) > maxKey {
			return
		}
		var buf [maxKey]byte
		switch string(normal(buf[:0], name)) {
		case "seconds", "epochsecond", "sec":
			if n, isInt := whole(w.raw(&v)); isInt && !ok {
				if at, is := timeparse.FromInt(n); is {
					seconds, ok = at, true
				}
			}
		case "nanos", "nanoseconds", "nanoofsecond", "nsec":
			if n, isInt := whole(w.raw(&v)); isInt && n >= 0 && n < 1e9 {
				nanos = n
			}
		case "timestamp", "$date":
			if at, is := number(bytes.Trim(w.raw(&v), `"`)); is && !ok {
				seconds, ok = at, true
			} else if s, isText := w.str(&v); isText && !ok {
				if t, read := timeparse.Parse(s, p.set.Location); read && t.Len == len(s) && t.Nanos != 0 {
					seconds, ok = t.Nanos, true
				}
			}
		}
	})
	return seconds + nanos, ok && timeparse.Plausible(seconds, now, true)
}

// whole reads an integer, quoted or not.
func whole(text []byte) (int64, bool) {
	text = bytes.Trim(text, `"`)
	if len(text) == 0 || text[0]-'0' > 9 {
		return 0, false
	}
	return integer(text)
}

// body sets the body from the first field that is a message. It says whether the body may
// have more than one line.
func (w *walker) body(rec plog.LogRecord) bool {
	for set := w.roles[roleBody]; set != 0; {
		f := &w.found[w.next(&set)]
		if rows[f.row].weak && w.roles[roleLevel]|w.roles[roleTime] == 0 {
			continue
		}
		s, ok := w.str(f)
		used := ok
		if !ok {
			switch w.b[f.from] {
			case '{':
				s, ok = w.stringValue(f)
				used = ok
			case '[':
				s, used, ok = w.list(f)
			}
		}
		if ok {
			w.mem.SetStr(rec.Body(), w.mem.String(s))
			f.used = used
			return !f.plain
		}
	}
	return false
}

// stringValue returns the text of {"stringValue":"…"}, which is OTLP's form of a text.
func (w *walker) stringValue(f *found) (text []byte, ok bool) {
	n := 0
	w.each(f.from, func(name []byte, v found) {
		n++
		if string(name) == "stringValue" {
			text, ok = w.str(&v)
		}
	})
	return text, ok && n == 1
}

// list returns the elements of a list as console.log shows them, and whether they are
// texts only.
func (w *walker) list(f *found) (text []byte, only, ok bool) {
	w.i = f.from + 1
	only = true
	out := make([]byte, 0, f.to-f.from)
	for {
		w.space()
		if w.take(']') {
			return out, only, len(out) > 0
		}
		if len(out) > 0 {
			out = append(out, ' ')
		}
		if w.take('"') {
			s, read := w.text()
			if !read {
				return nil, false, false
			}
			out = append(out, s...)
		} else {
			from := w.i
			if !w.skip(2) {
				return nil, false, false
			}
			out = append(out, w.b[from:w.i]...)
			only = false
		}
		w.space()
		w.take(',')
	}
}
