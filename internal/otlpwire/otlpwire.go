// Package otlpwire checks encoded OTLP export requests before anything decodes
// them. One pass over the bytes, without an allocation, finds how deeply values
// are nested, how many elements the request has and how much memory the decoder
// of pdata needs for it, and stops at the first limit that is exceeded.
//
// The package follows the decoder of pdata, not the specification, wherever the
// two differ: what pdata skips is skipped, what pdata allocates is counted, what
// pdata refuses is malformed. Where [CheckProto] accepts a request, pdata
// decodes it.
//
// In JSON the package follows the JSON form of protobuf, which allows more: null for a
// field that is not set, integers with a fraction of zero or an exponent, base64 in both
// alphabets and without padding, escapes everywhere. Where pdata does not read what was
// written, [Counts] says so and [RewriteJSON] writes a form that it does. Stricter
// than pdata is [CheckJSON] in four points, where pdata would read something else than
// was written:
//
//   - The document must be JSON as RFC 8259 defines it. pdata reads some texts
//     that are not, for example with a missing comma.
//   - Nothing but white space follows the document. pdata ignores the rest.
//   - An integer fits its field. pdata overlooks some overflows.
//   - A number that is written as a string with escapes or in hexadecimal form
//     has at most 64 bytes.
//
// Where the two leave a choice, pdata's is taken: of a key that an object has twice the
// last value counts, lists are joined. More lenient than protobuf are: an integer without
// a fraction that is too large for an attribute or a data point is a double, and an
// enumeration may be a number in a string.
//
// [WriteJSON] writes requests in JSON without decoding them: byte for byte what pdata
// writes, in memory that does not grow with the request.
package otlpwire

import (
	"math"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// maxDepth bounds the recursion of the check, and with it that of pdata, where
// no lower [Limits.Depth] is set.
const maxDepth = 10_000

// Limits are the bounds of one request. A field that is zero sets no limit.
type Limits struct {
	// Depth is the number of arrays and maps that may be nested in each other
	// in a value: a body, an attribute, an element of either. A text or number
	// has depth 0, an array of texts depth 1. It never exceeds 10,000, which is
	// also what zero means.
	//
	// In JSON, fields that are not part of the schema count too: four levels of
	// JSON nesting, which is what a map within a map takes, are one.
	Depth int
	// Elements is the number of entries in all lists of the request: resources,
	// scopes, records, metrics, points, spans, events, links, exemplars,
	// attributes, values of arrays and maps, quantiles, entity references and
	// their keys. A field that must occur once in its message is an element
	// from its second occurrence. Buckets and bounds of histograms are not
	// counted; they cost a few bytes each, which Memory contains.
	Elements int
	// Memory is the number of bytes that pdata may allocate for the decoded
	// request, as [Counts] estimates them.
	Memory int64
}

// Counts says what a request contains.
type Counts struct {
	// Records is the number of log records, data points or spans that the
	// decoded request has.
	Records int
	// Elements is counted as [Limits] describes.
	Elements int
	// Depth is that of the most deeply nested value.
	Depth int
	// Memory estimates the bytes that pdata allocates while it decodes the
	// request. This includes what growing slices leave to the garbage
	// collector, because that is held too until a collection ends.
	Memory int64
	// Rewritten is how many bytes [RewriteJSON] writes of the request. It is 0 if
	// pdata reads the request as it is.
	Rewritten int
}

// CheckProto checks an export request of the signal in protobuf. On failure it
// returns an [*Error] and what was counted up to there.
func CheckProto(signal tenant.Signal, data []byte, limits Limits) (Counts, error) {
	w := protoWalker{meter: newMeter(limits), data: data}
	var lists slots
	err := checkSize(data)
	if err == nil {
		err = w.message(&messages[root(signal)], 0, len(data), 0, &lists, 0)
	}
	if err == nil {
		err = w.check(len(data))
	}
	return w.result(err)
}

// CheckJSON checks an export request of the signal in JSON. On failure it
// returns an [*Error] and what was counted up to there. Records are counted as
// the JSONUnmarshaler types of pdata decode them.
func CheckJSON(signal tenant.Signal, data []byte, limits Limits) (Counts, error) {
	w := jsonWalker{meter: newMeter(limits), jsonForm: jsonForm{data: data}}
	var lists slots
	err := checkSize(data)
	if err == nil {
		err = w.document(&messages[root(signal)], &lists)
	}
	if err == nil {
		err = w.check(len(data))
	}
	counts, failed := w.result(err)
	if w.odd {
		counts.Rewritten = len(data) + w.grow
	}
	return counts, failed
}

// RewriteJSON appends an export request of the signal in JSON, which [CheckJSON] has
// accepted, to dst in the form that pdata reads. dst must not overlap data.
func RewriteJSON(dst []byte, signal tenant.Signal, data []byte) ([]byte, error) {
	w := jsonWalker{meter: newMeter(Limits{}), jsonForm: jsonForm{data: data, write: true, out: dst}}
	var lists slots
	if err := w.document(&messages[root(signal)], &lists); err != nil {
		return dst, err
	}
	return w.end(), nil
}

// checkSize refuses what is larger than any protobuf message may be, so that
// nothing that is counted overflows.
func checkSize(data []byte) *Error {
	if len(data) > math.MaxInt32 {
		return malformed(math.MaxInt32, "it is larger than 2 GiB")
	}
	return nil
}

// root returns the message that an export request of the signal is.
func root(signal tenant.Signal) messageID {
	switch signal {
	case tenant.Metrics:
		return metricsRequest
	case tenant.Traces:
		return tracesRequest
	default:
		return logsRequest
	}
}

// meter counts what a walker sees and compares it with the limits.
type meter struct {
	records  int
	depth    int
	elements int64 // left of maxElements
	memory   int64 // left of maxMemory

	maxDepth    int
	maxElements int64
	maxMemory   int64
}

func newMeter(limits Limits) meter {
	m := meter{maxDepth: limits.Depth, maxElements: int64(limits.Elements), maxMemory: limits.Memory}
	if m.maxDepth <= 0 || m.maxDepth > maxDepth {
		m.maxDepth = maxDepth
	}
	if m.maxElements <= 0 {
		m.maxElements = math.MaxInt64
	}
	if m.maxMemory <= 0 {
		m.maxMemory = math.MaxInt64
	}
	m.elements, m.memory = m.maxElements, m.maxMemory-requestSize
	return m
}

// check reports the limit that is exceeded at this position, if any.
func (m *meter) check(pos int) *Error {
	if m.elements|m.memory >= 0 {
		return nil
	}
	if m.elements < 0 {
		return &Error{Reason: ReasonElements, Limit: m.maxElements, Offset: pos}
	}
	return &Error{Reason: ReasonMemory, Limit: m.maxMemory, Offset: pos}
}

// nest notes that a value of this depth exists.
func (m *meter) nest(depth, pos int) *Error {
	if depth > m.maxDepth {
		return &Error{Reason: ReasonDepth, Limit: int64(m.maxDepth), Offset: pos}
	}
	m.depth = max(m.depth, depth)
	return nil
}

// result ends a check. It keeps a nil *Error from becoming an error.
func (m *meter) result(err *Error) (Counts, error) {
	c := Counts{
		Records:  m.records,
		Elements: int(m.maxElements - m.elements),
		Depth:    m.depth,
		Memory:   m.maxMemory - m.memory,
	}
	if err != nil {
		return c, err
	}
	return c, nil
}
