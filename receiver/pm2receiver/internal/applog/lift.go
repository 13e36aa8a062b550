// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"
	"math/bits"
	"strconv"
	"time"

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
		if c := w.b[f.from]; c == '-' || c-'0' <= 9 {
			// Scales of numbers overlap. The name beside the number has no other meaning.
			if name, word, number := w.levelName(set); name != nil {
				f, text, n = name, word, number
			}
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

// levelName returns the first field of a set that holds the name of a level number, if the
// name is known.
func (w *walker) levelName(set uint32) (*found, string, plog.SeverityNumber) {
	for set != 0 {
		f := &w.found[w.next(&set)]
		switch rows[f.row].name {
		case "levelname", "loglevelname", "levelstr", "leveltext", "levellabel":
			s, ok := w.str(f)
			if !ok || len(s) == 0 || len(s) > maxLevel {
				continue
			}
			word := w.mem.String(s)
			if n, known := severity.FromText(word); known {
				return f, severity.Clean(word), n
			}
		}
	}
	return nil, "", 0
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
		p.slog = false
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
		switch {
		case level <= -2: // -1 is also zap's debug and zerolog's trace
			p.slog = true
		case level >= 10:
			p.slog = false
		}
		if p.slog {
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
