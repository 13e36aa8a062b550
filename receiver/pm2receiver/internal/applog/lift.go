// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"
	"math/bits"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
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
	} else if w.clef() {
		rec.SetSeverityNumber(plog.SeverityNumberInfo)
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
		if rows[f.row].role != roleInner {
			continue
		}
		if w.b[f.from] == '"' {
			w.identifier(i)
			continue
		}
		if w.b[f.from] != '{' {
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

// identifier makes the trace or span out of field i if it is a text that is the whole ID
// instead of an object.
func (w *walker) identifier(i int) {
	f := &w.found[i]
	if f.row != known.trace && f.row != known.span {
		return
	}
	text, ok := w.str(f)
	if !ok {
		return
	}
	if f.row == known.span {
		if _, _, ok := readSpanID(text, false); ok {
			f.row = known.spanID
		}
	} else if _, _, ok := readTraceID(text, false); ok && len(text) != 16 {
		f.row = known.traceID
	}
	if rows[f.row].role == roleTrace {
		w.roles[roleTrace] |= 1 << i
	}
}

// clef reports whether the line has the fields of Serilog's compact form, which leaves out
// the level of information.
func (w *walker) clef() bool {
	if w.roles[roleTime] == 0 || w.roles[roleBody] == 0 {
		return false
	}
	timed, message := false, false
	for i := range w.found[:w.many] {
		switch w.found[i].row {
		case known.clefTime:
			timed = true
		case known.clefMessage, known.clefTemplate:
			message = true
		}
	}
	return timed && message
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

// float reads the value of a field if it is a number.
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
