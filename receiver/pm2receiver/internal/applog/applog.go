// Package applog reads the lines of Node.js loggers: pino, winston, bunyan and
// log4js, as JSON or text. It finds the level, the time, the trace, the message and
// the exception, and keeps whatever else a JSON line holds as attributes.
package applog

import (
	"bytes"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
)

// Names of the attributes that a Parser sets beside those of the line itself.
const (
	AttributeExceptionType       = "exception.type"
	AttributeExceptionMessage    = "exception.message"
	AttributeExceptionStacktrace = "exception.stacktrace"
	// AttributeCut marks a record whose JSON had more fields than a record may
	// have. Its body is the whole line.
	AttributeCut = "pm2.json.cut"
)

// Settings of a [Parser].
type Settings struct {
	// JSON is whether lines that are JSON objects are taken apart.
	JSON bool
	// Location is where times without a zone are read.
	Location *time.Location
}

// Parser reads the lines of one file. It is not safe for concurrent use.
type Parser struct {
	set Settings
	w   walker
	// simple counts lines of the form `level: message`, a form that other text has
	// by chance: it is believed from the second line on.
	simple int
}

// New returns a parser.
func New(set Settings) *Parser { return &Parser{set: set} }

// Parse sets on rec whatever the line says: severity, time, trace, body and
// attributes. What the line does not say stays as it is, but for the body, which
// is always set. text is valid UTF-8 and never changes again. What rec is given is taken
// from mem. head is the part of text to look at for the forms of text loggers.
func (p *Parser) Parse(text, head []byte, rec plog.LogRecord, mem *slab.Slab) {
	if p.set.JSON && object(text) && p.json(text, rec, mem) {
		return
	}
	mem.SetStr(rec.Body(), arena.String(head))
	p.text(head, rec)
}

// object says whether a line may be a JSON object.
func object(text []byte) bool {
	for len(text) > 0 && blank(text[0]) {
		text = text[1:]
	}
	for len(text) > 0 && blank(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return len(text) >= 2 && text[0] == '{' && text[len(text)-1] == '}'
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func (p *Parser) json(text []byte, rec plog.LogRecord, mem *slab.Slab) bool {
	attrs := rec.Attributes()
	p.w.reset(text, mem)
	defer p.w.reset(nil, nil) // an idle file keeps no block in memory
	if !p.w.top(attrs) {
		attrs.Clear()
		canonical, ok := canonicalize(text)
		if !ok {
			return false
		}
		p.w.reset(canonical, mem)
		if !p.w.top(attrs) {
			attrs.Clear()
			return false
		}
	}
	p.lift(text, rec)
	return true
}

// setTrace sets the trace context if the texts are hexadecimal numbers of the right
// length that are not zero, and reports which were used.
func setTrace(rec plog.LogRecord, trace, span []byte) (hasTrace, hasSpan bool) {
	var t pcommon.TraceID
	var s pcommon.SpanID
	if hasTrace = decodeHex(t[:], trace) && !t.IsEmpty(); hasTrace {
		rec.SetTraceID(t)
	}
	if hasSpan = decodeHex(s[:], span) && !s.IsEmpty(); hasSpan {
		rec.SetSpanID(s)
	}
	return hasTrace, hasSpan
}

func decodeHex(dst, src []byte) bool {
	if len(src) != 2*len(dst) {
		return false
	}
	for i := range dst {
		high, low := nibble[src[2*i]], nibble[src[2*i+1]]
		if high|low > 0xf0 {
			return false
		}
		dst[i] = (high-1)<<4 | (low - 1)
	}
	return true
}

// nibble holds one more than the value of each hexadecimal digit, and 0xff for
// everything else.
var nibble = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c] = byte(i) + 1
		t[bytes.ToUpper([]byte{c})[0]] = byte(i) + 1
	}
	return t
}()
