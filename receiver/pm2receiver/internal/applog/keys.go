// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import "github.com/otelcol-tenant/otelcol-tenant/internal/severity"

// role is what a field means to a log record.
type role uint8

const (
	roleNone role = iota
	roleLevel
	roleTime
	roleBody
	roleTrace
	roleException
	// roleInner is of an object whose fields mean something.
	roleInner
	// roleFields is of the object in which logstash formats keep all fields.
	roleFields
	countRoles
)

// row is a field of a JSON line or of logfmt that means something to a log record.
type row struct {
	// name is in lower case and without any of _-. and blanks, as keys are compared.
	name string
	role role
	// scale is what a number counts, of a level.
	scale severity.Scale
	// weak is set for a message if the line must have a level or time too, and for a time
	// that is often a field of the application, such as the date of an order.
	weak bool
	// kind distinguishes the fields of a role.
	kind kind
	// family is which propagation a field of a trace belongs to.
	family family
}

// family is a set of fields of which trace and span belong together.
type family uint8

const (
	familyGeneric family = iota // W3C, OpenTelemetry and loggers' own names
	familyB3
	familyDatadog
)

// kind is how a field is read.
type kind uint8

const (
	_ kind = iota // of other roles
	// Of roleTrace.
	kindTrace
	kindSpan
	kindFlags
	kindSampled
	kindParent
	// kindDecimal is Datadog's: a decimal number of 64 bits. It stays an attribute.
	kindDecimalTrace
	kindDecimalSpan
	// Headers that have trace, span and flags.
	kindB3
	kindJaeger
	kindXRay
	kindCloud
	// kindTransaction is Elastic's span of the service's own. It stays an attribute.
	kindTransaction
	// Of roleTime.
	kindSeconds
	kindNumber // a text is the time of something else
	kindNanos  // beside kindSeconds
	// Of roleException.
	kindType
	kindMessage
	kindStack
)

// rows is what is known. Of several fields for one thing the first that can be used
// wins; the others stay attributes.
var rows = [...]row{
	{},
	{name: "level", role: roleLevel},
	{name: "severity", role: roleLevel, scale: severity.ScaleAny},
	{name: "severitytext", role: roleLevel},
	{name: "levelname", role: roleLevel},
	{name: "loglevel", role: roleLevel},
	{name: "lvl", role: roleLevel},
	{name: "@l", role: roleLevel},
	{name: "@level", role: roleLevel},
	{name: "loglevelname", role: roleLevel},
	{name: "levelstr", role: roleLevel},
	{name: "leveltext", role: roleLevel},
	{name: "levellabel", role: roleLevel},
	{name: "severitynumber", role: roleLevel, scale: severity.ScaleOTel},
	{name: "levelno", role: roleLevel, scale: severity.ScalePython},
	{name: "levelvalue", role: roleLevel, scale: severity.ScaleLog4j},
	{name: "loglevelid", role: roleLevel, scale: severity.ScaleTSLog},

	{name: "time", role: roleTime},
	{name: "timestamp", role: roleTime},
	{name: "@timestamp", role: roleTime},
	{name: "ts", role: roleTime},
	{name: "@t", role: roleTime},
	{name: "asctime", role: roleTime},
	{name: "logtime", role: roleTime},
	{name: "logtimestamp", role: roleTime},
	{name: "instant", role: roleTime},
	{name: "timemillis", role: roleTime},
	{name: "epochmillis", role: roleTime},
	{name: "timestampms", role: roleTime},
	{name: "timems", role: roleTime},
	{name: "timeunixnano", role: roleTime},
	{name: "timestampseconds", role: roleTime, kind: kindSeconds},
	{name: "timestampnanos", role: roleTime, kind: kindNanos},
	// The date in the _meta of tslog.
	{name: "metadate", role: roleTime},
	{name: "datetime", role: roleTime, weak: true},
	{name: "eventtime", role: roleTime, weak: true},
	{name: "starttime", role: roleTime, weak: true},
	{name: "t", role: roleTime, weak: true},
	{name: "created", role: roleTime, kind: kindNumber, weak: true},
	{name: "date", role: roleTime, weak: true},

	{name: "msg", role: roleBody},
	{name: "message", role: roleBody},
	{name: "@message", role: roleBody},
	{name: "@m", role: roleBody},
	{name: "shortmessage", role: roleBody},
	{name: "renderedmessage", role: roleBody},
	{name: "textpayload", role: roleBody},
	{name: "logmessage", role: roleBody},
	{name: "body", role: roleBody, weak: true},
	{name: "event", role: roleBody, weak: true},
	{name: "text", role: roleBody, weak: true},
	{name: "data", role: roleBody, weak: true},
	{name: "@mt", role: roleBody, weak: true},
	{name: "messagetemplate", role: roleBody, weak: true},
	{name: "0", role: roleBody, weak: true},

	{name: "traceid", role: roleTrace, kind: kindTrace},
	{name: "oteltraceid", role: roleTrace, kind: kindTrace},
	{name: "@tr", role: roleTrace, kind: kindTrace},
	{name: "logginggoogleapiscom/trace", role: roleTrace, kind: kindTrace},
	{name: "xb3traceid", role: roleTrace, kind: kindTrace, family: familyB3},
	{name: "xraytraceid", role: roleTrace, kind: kindTrace},
	{name: "xtraceid", role: roleTrace, kind: kindTrace},
	{name: "ddtraceid", role: roleTrace, kind: kindDecimalTrace, family: familyDatadog},
	{name: "b3", role: roleTrace, kind: kindB3, family: familyB3},
	{name: "sentrytrace", role: roleTrace, kind: kindB3},
	{name: "ubertraceid", role: roleTrace, kind: kindJaeger},
	{name: "xamzntraceid", role: roleTrace, kind: kindXRay},
	{name: "xcloudtracecontext", role: roleTrace, kind: kindCloud},
	{name: "spanid", role: roleTrace, kind: kindSpan},
	{name: "otelspanid", role: roleTrace, kind: kindSpan},
	{name: "@sp", role: roleTrace, kind: kindSpan},
	{name: "logginggoogleapiscom/spanid", role: roleTrace, kind: kindSpan},
	{name: "xb3spanid", role: roleTrace, kind: kindSpan, family: familyB3},
	{name: "ddspanid", role: roleTrace, kind: kindDecimalSpan, family: familyDatadog},
	{name: "xspanid", role: roleTrace, kind: kindSpan},
	{name: "transactionid", role: roleTrace, kind: kindTransaction},
	{name: "traceflags", role: roleTrace, kind: kindFlags},
	{name: "oteltraceflags", role: roleTrace, kind: kindFlags},
	{name: "oteltracesampled", role: roleTrace, kind: kindSampled},
	{name: "tracesampled", role: roleTrace, kind: kindSampled},
	{name: "xb3sampled", role: roleTrace, kind: kindSampled, family: familyB3},
	{name: "logginggoogleapiscom/tracesampled", role: roleTrace, kind: kindSampled},
	{name: "traceparent", role: roleTrace, kind: kindParent},

	{name: "err", role: roleException},
	{name: "error", role: roleException},
	{name: "exception", role: roleException},
	{name: "exc", role: roleException},
	{name: "excinfo", role: roleException},
	{name: "@x", role: roleException},
	{name: "thrown", role: roleException},
	{name: "errorstacktrace", role: roleException, kind: kindStack},
	{name: "errorstack", role: roleException, kind: kindStack},
	{name: "stack", role: roleException, kind: kindStack},
	{name: "stacktrace", role: roleException, kind: kindStack},
	{name: "errorverbose", role: roleException, kind: kindStack},
	{name: "errortype", role: roleException, kind: kindType},
	{name: "errormessage", role: roleException, kind: kindMessage},

	{name: "log", role: roleInner},
	{name: "trace", role: roleInner}, // or a text that is the ID
	{name: "span", role: roleInner},  // or a text that is the ID
	{name: "transaction", role: roleInner},
	{name: "dd", role: roleInner},
	{name: "otel", role: roleInner},
	{name: "meta", role: roleInner},
	{name: "record", role: roleInner},
	{name: "context", role: roleInner},
	{name: "mdc", role: roleInner},
	{name: "contextmap", role: roleInner},
	{name: "properties", role: roleInner},
	{name: "payload", role: roleInner},
	{name: "extra", role: roleInner},
	{name: "fields", role: roleInner},
	{name: "attributes", role: roleInner},
	{name: "spancontext", role: roleInner},
	{name: "tracecontext", role: roleInner},
	{name: "headers", role: roleInner},

	{name: "@fields", role: roleFields},
}

// inner says which fields of an object mean what a field of the line means: the object,
// the field and the field of the line.
var inner = [...][3]string{
	{"log", "level", "level"},
	{"log", "timestamp", "timestamp"},
	{"trace", "id", "traceid"},
	{"trace", "flags", "traceflags"},
	{"span", "id", "spanid"},
	{"transaction", "id", "transactionid"},
	{"dd", "traceid", "ddtraceid"},
	{"dd", "spanid", "ddspanid"},
	{"meta", "loglevelname", "loglevelname"},
	{"meta", "date", "metadate"},
	{"record", "level", "level"},
	{"record", "time", "time"},
	{"record", "message", "message"},
	{"record", "exception", "exception"},
	{"context", "loglevel", "level"},
	{"fields", "message", "message"}, // Rust's tracing
}

// Objects whose fields may be those of a trace, and of an error.
var (
	contextObjects = [...]string{"trace", "span", "otel", "meta", "context", "mdc", "contextmap", "properties", "payload", "extra", "fields", "attributes", "spancontext", "tracecontext", "headers"}
	contextFields  = [...]string{"traceid", "spanid", "traceflags", "traceparent", "xtraceid", "xspanid", "xb3traceid", "xb3spanid", "xb3sampled", "b3", "xamzntraceid", "ubertraceid", "xcloudtracecontext"}
	errorObjects   = [...]string{"payload", "extra", "fields", "attributes"}
	errorFields    = [...]string{"err", "error"}
)

// maxKey is longer than any key that is known, with separators.
const maxKey = 48

// table finds the row of a key.
type table struct {
	rows map[string]uint8
	// ends has a bit for the last letter of each name that begins with a byte: most keys
	// are known for others by it.
	ends [256]uint32
	// seconds has a bit for the second letter of each.
	seconds [256]uint32
	inner   map[uint8]map[string]uint8
	// The rows of the keys that loggers write most.
	level, time, msg, message, timestamp, traceID, spanID, traceFlags, err uint8
	// The rows of objects that may also be a text, and those of Serilog's compact form.
	trace, span, clefTime, clefMessage, clefTemplate uint8
}

// known is the table of rows.
var known = newTable()

func newTable() *table {
	t := &table{rows: map[string]uint8{}, inner: map[uint8]map[string]uint8{}}
	for i := 1; i < len(rows); i++ {
		name := rows[i].name
		t.rows[name] = uint8(i)
		t.ends[name[0]] |= 1 << (name[len(name)-1] & 31)
		if len(name) > 1 {
			t.seconds[name[0]] |= 1 << (name[1] & 31)
		}
	}
	add := func(object, field, meaning string) {
		of := t.rows[object]
		if t.inner[of] == nil {
			t.inner[of] = map[string]uint8{}
		}
		t.inner[of][field] = t.rows[meaning]
	}
	for _, r := range inner {
		add(r[0], r[1], r[2])
	}
	for _, object := range contextObjects {
		for _, field := range contextFields {
			add(object, field, field)
		}
	}
	for _, object := range errorObjects {
		for _, field := range errorFields {
			add(object, field, field)
		}
	}
	t.level, t.time, t.msg, t.message, t.timestamp = t.rows["level"], t.rows["time"], t.rows["msg"], t.rows["message"], t.rows["timestamp"]
	t.traceID, t.spanID, t.traceFlags, t.err = t.rows["traceid"], t.rows["spanid"], t.rows["traceflags"], t.rows["err"]
	t.trace, t.span = t.rows["trace"], t.rows["span"]
	t.clefTime, t.clefMessage, t.clefTemplate = t.rows["@t"], t.rows["@m"], t.rows["@mt"]
	return t
}

// of returns the row of a key, or 0.
func (t *table) of(name []byte) uint8 {
	switch string(name) {
	case "level":
		return t.level
	case "time":
		return t.time
	case "msg":
		return t.msg
	case "message":
		return t.message
	case "timestamp":
		return t.timestamp
	case "trace_id":
		return t.traceID
	case "span_id":
		return t.spanID
	case "trace_flags":
		return t.traceFlags
	case "err":
		return t.err
	}
	if len(name) == 0 || len(name) > maxKey {
		return 0
	}
	first := name[0]
	if first == '_' && len(name) > 1 {
		first = name[1]
	}
	if first-'A' < 26 {
		first |= 0x20
	}
	if t.ends[first]&(1<<(name[len(name)-1]&31)) == 0 {
		return 0
	}
	if len(name) > 1 && name[0] != '_' && letter(name[1]) && t.seconds[first]&(1<<(name[1]&31)) == 0 {
		return 0
	}
	var buf [maxKey]byte
	return t.rows[string(normal(buf[:0], name))]
}

// innerOf returns the row of a field inside the object of a row, or 0.
func (t *table) innerOf(object uint8, name []byte) uint8 {
	if len(name) > maxKey {
		return 0
	}
	var buf [maxKey]byte
	return t.inner[object][string(normal(buf[:0], name))]
}

// normal appends a key as keys are compared: without case and separators.
func normal(dst, name []byte) []byte {
	for _, c := range name {
		switch {
		case c == '_' || c == '-' || c == '.' || c == ' ':
			continue
		case c-'A' < 26:
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}
