// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/ansi"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/stacks"
)

// Names of the fields of an error object.
var (
	typeFields    = [...]string{"type", "name", "exctype", "class", "classname", "errortype", "kind"}
	messageFields = [...]string{"message", "msg", "excvalue", "value", "localizedmessage", "errormessage"}
	stackFields   = [...]string{"stack", "stacktrace", "extendedstacktrace", "stacktracestring", "errorstack", "backtrace", "traceback"}
)

// mayBeStack reports whether a field of an exception may hold its stack trace.
func (r *row) mayBeStack() bool { return r.kind != kindType && r.kind != kindMessage }

// thrown is what a line says of an exception.
type thrown struct{ kind, message, stack string }

func (t *thrown) complete() bool { return t.stack != "" || t.kind != "" && t.message != "" }

// exception takes type, message and stack out of the first field that has them. What
// else an error object holds, such as a code, stays an attribute. It reports whether
// there was one.
func (w *walker) exception(attrs pcommon.Map) bool {
	all := w.roles[roleException]
	for set := all; set != 0; {
		f := &w.found[w.next(&set)]
		k := rows[f.row].kind
		if !rows[f.row].mayBeStack() {
			continue
		}
		var e thrown
		switch w.b[f.from] {
		case '{':
			if !w.errorObject(f, attrs, &e) && !w.errorInside(f.from, &e) {
				continue
			}
		case '"':
			s, ok := w.str(f)
			if !ok || !e.text(s, k == kindStack, w.mem) {
				continue
			}
			f.used = true
		case '[':
			if s, ok := w.frames(f); ok && e.text(s, true, w.mem) {
				f.used = true
			} else if !w.errorInside(f.from, &e) {
				continue
			}
		default:
			continue
		}
		w.beside(all, &e)
		e.put(attrs, w.mem)
		return true
	}
	// ECS without a stack.
	var e thrown
	if w.beside(all, &e); e.kind != "" || e.message != "" {
		e.put(attrs, w.mem)
	}
	return e.kind != "" || e.message != ""
}

// beside takes error.type and error.message, which ECS writes beside the stack.
func (w *walker) beside(all uint32, e *thrown) {
	for all != 0 {
		f := &w.found[w.next(&all)]
		s, ok := w.str(f)
		if !ok || len(s) == 0 {
			continue
		}
		switch rows[f.row].kind {
		case kindType:
			e.kind, f.used = w.mem.String(s), true
		case kindMessage:
			e.message, f.used = w.mem.String(s), true
		}
	}
}

func (t *thrown) put(attrs pcommon.Map, mem *slab.Slab) {
	putString(attrs, AttributeExceptionType, t.kind, mem)
	putString(attrs, AttributeExceptionMessage, t.message, mem)
	putString(attrs, AttributeExceptionStacktrace, t.stack, mem)
}

// text reads a stack trace in one text. stack is whether it can be nothing else.
func (t *thrown) text(s []byte, stack bool, mem *slab.Slab) bool {
	if x := stacks.ReadException(s); x != nil && (stack && stacks.HasFrames(s) || bytes.IndexByte(s, '\n') > 0 && stacks.HasFrames(s)) {
		t.kind, t.message, t.stack = mem.String(x.Type), mem.String(x.Message), mem.String(s)
		return true
	} else if x != nil && stack && x.Strict {
		t.kind, t.message, t.stack = mem.String(x.Type), mem.String(x.Message), mem.String(s)
		return true
	}
	if stacks.HasFrames(s) {
		t.stack = mem.String(s)
		return true
	}
	return false
}

// frames returns a list of texts as lines.
func (w *walker) frames(f *found) ([]byte, bool) {
	w.i = f.from + 1
	var out []byte
	for {
		w.space()
		if w.take(']') {
			return out, len(out) > 0
		}
		if !w.take('"') {
			return nil, false
		}
		s, ok := w.text()
		if !ok {
			return nil, false
		}
		if out != nil {
			out = append(out, '\n')
		}
		out = append(out, s...)
		w.space()
		w.take(',')
	}
}

// errorObject takes the exception out of an error object, whose other fields become an
// attribute.
func (w *walker) errorObject(f *found, attrs pcommon.Map, e *thrown) bool {
	name := w.mem.String(f.name)
	var used [3]string
	w.errorFields(f.from, e, &used)
	if !e.complete() {
		return false
	}
	if e.kind == "" || e.message == "" {
		if x := stacks.ReadException([]byte(e.stack)); x != nil {
			if e.kind == "" {
				e.kind = string(x.Type)
			}
			if e.message == "" {
				e.message = string(x.Message)
			}
		}
	}
	f.used = true
	w.i = f.from
	w.omitted, w.checked = &used, true
	w.value(attrs.PutEmpty(name), 0, 1)
	w.omitted, w.checked = nil, false
	if v, _ := attrs.Get(name); v.Map().Len() == 0 {
		attrs.Remove(name)
	}
	return true
}

// errorFields reads the fields of the error object at from, and the names of those that
// were read.
func (w *walker) errorFields(from int, e *thrown, used *[3]string) {
	rank := [3]int{len(typeFields), len(messageFields), len(stackFields)}
	w.each(from, func(key []byte, v found) {
		if len(key) > maxKey {
			return
		}
		var buf [maxKey]byte
		normalized := normal(buf[:0], key)
		for part, fields := range [3][]string{typeFields[:rank[0]], messageFields[:rank[1]], stackFields[:rank[2]]} {
			for i, field := range fields {
				if string(normalized) != field {
					continue
				}
				s, ok := w.str(&v)
				if !ok && part == 2 && w.b[v.from] == '[' {
					s, ok = w.frames(&v)
				}
				if !ok || len(s) == 0 {
					return
				}
				rank[part], used[part] = i, string(key)
				switch part {
				case 0:
					e.kind = w.mem.String(s)
				case 1:
					e.message = w.mem.String(s)
				default:
					e.stack = w.mem.String(s)
				}
				return
			}
		}
	})
}

// errorInside reads the first error of a list of objects, as structlog writes them, or
// of Sentry's {"values": […]}. The whole stays an attribute.
func (w *walker) errorInside(from int, e *thrown) bool {
	if w.b[from] == '{' {
		list := -1
		w.each(from, func(name []byte, v found) {
			if string(name) == "values" && w.b[v.from] == '[' {
				list = v.from
			}
		})
		if list < 0 {
			return false
		}
		from = list
	}
	w.i = from + 1
	w.space()
	if w.i >= len(w.b) || w.b[w.i] != '{' {
		return false
	}
	var used [3]string
	*e = thrown{}
	w.errorFields(w.i, e, &used)
	return e.kind != "" && e.message != ""
}

// exceptionOfBody reads the exception of a message that is a stack trace itself, as
// Google's error reporting wants it.
func (w *walker) exceptionOfBody(rec plog.LogRecord) {
	body := rec.Body()
	if body.Type() != pcommon.ValueTypeStr {
		return
	}
	text := body.Str()
	if strings.IndexByte(text, '\n') < 0 || text[0] == '{' {
		return
	}
	s := w.mem.Text.Copy([]byte(text))
	if x := stacks.ReadException(s); x != nil && stacks.HasFrames(s) {
		PutException(rec.Attributes(), x, w.mem)
	}
}

func putString(attrs pcommon.Map, name, value string, mem *slab.Slab) {
	if value != "" {
		mem.PutStr(attrs, name, value)
	}
}

// PutException sets the attributes of an exception.
func PutException(attrs pcommon.Map, e *stacks.Exception, mem *slab.Slab) {
	putString(attrs, AttributeExceptionType, mem.String(e.Type), mem)
	putString(attrs, AttributeExceptionMessage, mem.String(e.Message), mem)
	putString(attrs, AttributeExceptionStacktrace, mem.String(e.Stacktrace), mem)
}

// PutException sets the attributes of an exception, without colors if the parser
// strips them.
func (p *Parser) PutException(attrs pcommon.Map, e *stacks.Exception, mem *slab.Slab) {
	if p.set.Strip && bytes.IndexByte(e.Stacktrace, ansi.Escape) >= 0 {
		plain := *e
		for _, part := range []*[]byte{&plain.Type, &plain.Message, &plain.Stacktrace} {
			if bytes.IndexByte(*part, ansi.Escape) >= 0 {
				*part = mem.Text.Keep(ansi.Strip(*part, mem.Text.Reserve))
			}
		}
		e = &plain
	}
	PutException(attrs, e, mem)
}
