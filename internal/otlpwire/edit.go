// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import "github.com/otelcol-tenant/otelcol-tenant/internal/tenant"

// Editor decides what an [Edit] changes. Its arguments are parts of the request.
type Editor interface {
	// Resource appends to dst the attributes that are added to a resource. false: the
	// request must be decoded.
	Resource(resource Attributes, dst []byte) (out []byte, ok bool)

	// Severity returns the severity of a log record. An empty text leaves the severity as
	// it is. false: the request must be decoded.
	Severity(r LogRecord) (number int32, text string, ok bool)
}

// LogRecord is what an Editor needs to know of a log record.
type LogRecord struct {
	Number     int32  // of its severity
	Text       []byte // of its severity
	Attributes Attributes
}

// EditRules are the rules of one edit.
type EditRules struct {
	Limits Limits
	Editor Editor
	// Key is an attribute that no part of the request but a resource may have, nor a
	// look-alike of it. Arrays and maps in values may have it.
	Key string
	// Severities is whether the Editor is asked for severities.
	Severities bool
}

// Oddity is why an edit is not possible without decoding the request.
type Oddity uint8

// The oddities.
const (
	OddNone       Oddity = iota
	OddUnknown           // a field that is not in the schema
	OddRepeated          // a field twice in a message, or two members of a oneof
	OddDeprecated        // a deprecated field
	OddIndex             // a string by its index
	OddEncoding          // a number, a length or a list in an unusual form
	OddText              // a string that is not UTF-8
	OddKey               // EditRules.Key outside of a resource
	OddMany              // more edits than a request of its size should need
	OddRefused           // the Editor returned false
)

// Edited is the result of an edit.
type Edited struct {
	// Counts are those of CheckProto.
	Counts Counts
	// Odd is why the request must be decoded. If it is not OddNone, what follows is not set.
	Odd Oddity
	// Data is the edited request, or nil if it has no records.
	Data []byte
	// Newest is the time of the last record: of a log record the time at which it was
	// observed if it has it, of a span its end.
	Newest uint64
	// Delta is whether a metric has no data, or a temporality other than cumulative.
	Delta bool
	// InvalidSpans is whether a span has no trace ID or no span ID.
	InvalidSpans bool
}

// Edit changes encoded requests without decoding them. It can be used again after each of
// them, and then allocates nothing but the results. Its zero value is ready to use.
type Edit struct{ scan scan }

// maxEdited bounds the size of requests, so that no position overflows.
const maxEdited = 1 << 30

// maxKept bounds the memory in bytes that an Edit keeps for the next request.
const maxKept = 64 << 10

// Run edits a request. Of the forms that pdata decodes it accepts those that every parser
// reads in the same way: no field that is not known, none twice, every number in its shortest
// form. The error is that of [CheckProto].
func (e *Edit) Run(signal tenant.Signal, data []byte, rules EditRules) (Edited, error) {
	s := &e.scan
	defer s.release()
	s.start(data, rules)
	if len(data) > maxEdited || !s.request(root(signal)) {
		counts, err := CheckProto(signal, data, rules.Limits)
		return Edited{Counts: counts, Odd: s.odd}, err
	}
	counts, _ := s.result(nil)
	out := Edited{Counts: counts, Newest: s.newest(), Delta: s.delta || s.metrics != s.dataOfMetrics, InvalidSpans: s.invalidSpans}
	if counts.Records > 0 {
		out.Data = s.edits.apply(data)
	}
	return out, nil
}
