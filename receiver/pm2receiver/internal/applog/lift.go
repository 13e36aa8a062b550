package applog

import (
	"math/bits"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/stacks"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timetext"
)

// key is a field of a JSON line that means something to a log record. Of several
// keys for one thing the first that can be used wins; the others are attributes.
type key int

const (
	keyNone key = iota
	keyLevel
	keySeverity
	keyTime
	keyTimestamp
	keyAtTimestamp
	keyTs
	keyMsg
	keyMessage
	keyAtMessage
	keyTraceID
	keySpanID
	keyTraceFlags
	keyErr
	keyError
	keyStack
	keyFields
	keys
)

var names = [keys]string{
	keyLevel: "level", keySeverity: "severity", keyTime: "time", keyTimestamp: "timestamp", keyAtTimestamp: "@timestamp", keyTs: "ts",
	keyMsg: "msg", keyMessage: "message", keyAtMessage: "@message", keyTraceID: "trace_id", keySpanID: "span_id", keyTraceFlags: "trace_flags",
	keyErr: "err", keyError: "error", keyStack: "stack", keyFields: "@fields",
}

func specialKey(name []byte) key {
	switch string(name) {
	case "level":
		return keyLevel
	case "severity":
		return keySeverity
	case "time":
		return keyTime
	case "timestamp":
		return keyTimestamp
	case "@timestamp":
		return keyAtTimestamp
	case "ts":
		return keyTs
	case "msg":
		return keyMsg
	case "message":
		return keyMessage
	case "@message":
		return keyAtMessage
	case "trace_id":
		return keyTraceID
	case "span_id":
		return keySpanID
	case "trace_flags":
		return keyTraceFlags
	case "err":
		return keyErr
	case "error":
		return keyError
	case "stack":
		return keyStack
	case "@fields":
		return keyFields
	}
	return keyNone
}

// lift moves the special fields to where they belong. A field that cannot be used
// becomes an attribute.
func (p *Parser) lift(line []byte, rec plog.LogRecord) {
	w := &p.w
	w.first(func(k key) bool { return w.level(k, rec) }, keyLevel, keySeverity)
	w.first(func(k key) bool { return p.time(k, rec) }, keyTime, keyTimestamp, keyAtTimestamp, keyTs)
	if !w.first(func(k key) bool { return w.body(k, rec) }, keyMsg, keyMessage, keyAtMessage) {
		w.mem.SetStr(rec.Body(), arena.String(line))
	}
	w.trace(rec)
	attrs := rec.Attributes()
	if !w.first(func(k key) bool { return w.exception(k, attrs) }, keyErr, keyError) && w.stack(attrs) {
		w.drop(keyStack)
	}
	for rest := w.present; rest != 0; rest &= rest - 1 {
		w.keep(attrs, key(bits.TrailingZeros32(rest)))
	}
	if w.cut {
		w.mem.SetStr(rec.Body(), arena.String(line))
		attrs.PutBool(AttributeCut, true)
	}
}

// first uses the first of the keys that use accepts, and clears it.
func (w *walker) first(use func(key) bool, candidates ...key) bool {
	for _, k := range candidates {
		if w.has(k) && use(k) {
			w.drop(k)
			return true
		}
	}
	return false
}

// at makes the walker read the value of a special field and returns its first byte.
func (w *walker) at(k key) byte {
	w.i = w.special[k].from
	return w.b[w.i]
}

// str returns the value of a special field if it is a string.
func (w *walker) str(k key) ([]byte, bool) {
	if !w.has(k) {
		return nil, false
	}
	if at := w.special[k]; at.plain {
		return w.b[at.from+1 : at.to-1 : at.to-1], true
	}
	if w.at(k) != '"' {
		return nil, false
	}
	w.i++
	return w.text()
}

func (w *walker) raw(k key) []byte { return w.b[w.special[k].from:w.special[k].to] }

func (w *walker) keep(attrs pcommon.Map, k key) {
	w.at(k)
	w.value(attrs.PutEmpty(names[k]), 1)
}

const maxLevel = 32

func (w *walker) level(k key, rec plog.LogRecord) bool {
	if s, ok := w.str(k); ok {
		if len(s) == 0 || len(s) > maxLevel {
			return false
		}
		n, _ := severity.FromText(arena.String(s))
		rec.SetSeverityText(arena.String(s))
		rec.SetSeverityNumber(n)
		return true
	}
	text := w.raw(k)
	if c := text[0]; c != '-' && c-'0' > 9 {
		return false
	}
	level, err := 0.0, error(nil)
	if n, ok := integer(text); ok {
		level = float64(n)
	} else if level, err = strconv.ParseFloat(arena.String(text), 64); err != nil {
		return false
	}
	n, _ := severity.FromLevel(level)
	rec.SetSeverityNumber(n)
	if name := severity.LevelName(level); name != "" {
		rec.SetSeverityText(name)
	} else {
		rec.SetSeverityText(arena.String(text))
	}
	return true
}

func (p *Parser) time(k key, rec plog.LogRecord) bool {
	w := &p.w
	text, isText := w.str(k)
	if isText {
		if t, ok := timetext.Parse(text, p.set.Location); ok && t.Len == len(text) && t.Nanos != 0 {
			rec.SetTimestamp(pcommon.Timestamp(t.Nanos))
			return true
		}
	} else {
		text = w.raw(k)
	}
	if len(text) == 0 || text[0]-'0' > 9 || len(text) > 32 {
		return false
	}
	nanos, ok := int64(0), false
	if n, err := strconv.ParseInt(arena.String(text), 10, 64); err == nil {
		nanos, ok = timetext.FromInt(n)
	} else if f, err := strconv.ParseFloat(arena.String(text), 64); err == nil {
		nanos, ok = timetext.FromNumber(f)
	}
	if ok {
		rec.SetTimestamp(pcommon.Timestamp(nanos))
	}
	return ok
}

func (w *walker) body(k key, rec plog.LogRecord) bool {
	s, ok := w.str(k)
	if ok {
		w.mem.SetStr(rec.Body(), arena.String(s))
	}
	return ok
}

func (w *walker) trace(rec plog.LogRecord) {
	trace, _ := w.str(keyTraceID)
	spanID, _ := w.str(keySpanID)
	hasTrace, hasSpan := setTrace(rec, trace, spanID)
	if hasTrace {
		w.drop(keyTraceID)
	}
	if hasSpan {
		w.drop(keySpanID)
	}
	var flags [1]byte
	if text, ok := w.str(keyTraceFlags); ok && decodeHex(flags[:], text) {
		rec.SetFlags(plog.LogRecordFlags(flags[0]))
		w.drop(keyTraceFlags)
	} else if w.has(keyTraceFlags) {
		if n, err := strconv.ParseUint(arena.String(w.raw(keyTraceFlags)), 10, 8); err == nil {
			rec.SetFlags(plog.LogRecordFlags(n))
			w.drop(keyTraceFlags)
		}
	}
}

// exception takes type, message and stack out of an error object; what else it
// holds, such as a code, stays an attribute.
func (w *walker) exception(k key, attrs pcommon.Map) bool {
	if w.at(k) != '{' {
		return false
	}
	w.value(attrs.PutEmpty(names[k]), 1)
	v, _ := attrs.Get(names[k])
	m := v.Map()
	kind := takeString(m, "type")
	if kind == "" {
		kind = takeString(m, "name")
	}
	message, stack := takeString(m, "message"), takeString(m, "stack")
	if stack == "" && (kind == "" || message == "") {
		attrs.Remove(names[k])
		return false
	}
	if m.Len() == 0 {
		attrs.Remove(names[k])
	}
	putString(attrs, AttributeExceptionType, kind, w.mem)
	putString(attrs, AttributeExceptionMessage, message, w.mem)
	putString(attrs, AttributeExceptionStacktrace, stack, w.mem)
	return true
}

func takeString(m pcommon.Map, name string) string {
	v, ok := m.Get(name)
	if !ok || v.Type() != pcommon.ValueTypeStr {
		return ""
	}
	s := v.Str()
	m.Remove(name)
	return s
}

func putString(attrs pcommon.Map, name, value string, mem *slab.Slab) {
	if value != "" {
		mem.PutStr(attrs, name, value)
	}
}

// stack takes the stack trace that winston puts beside the message.
func (w *walker) stack(attrs pcommon.Map) bool {
	text, ok := w.str(keyStack)
	if !ok {
		return false
	}
	e := stacks.ReadException(text)
	if e == nil {
		return false
	}
	PutException(attrs, e, w.mem)
	return true
}

// PutException sets the attributes of an exception.
func PutException(attrs pcommon.Map, e *stacks.Exception, mem *slab.Slab) {
	putString(attrs, AttributeExceptionType, arena.String(e.Type), mem)
	putString(attrs, AttributeExceptionMessage, arena.String(e.Message), mem)
	putString(attrs, AttributeExceptionStacktrace, arena.String(e.Stacktrace), mem)
}
