// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"math"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// maxDepth bounds the recursion of the check, and so that of pdata, if no lower
// [Limits.Depth] is set.
const maxDepth = 10_000

// Limits are the limits of one request. A zero field sets no limit.
type Limits struct {
	// Depth is how many levels of arrays and maps a value may have: a body, an
	// attribute, or an element of either. A string or number has depth 0, an
	// array of strings depth 1. The maximum is 10,000; zero means the maximum.
	//
	// In JSON, unknown fields count too. Four levels of JSON nesting, which a
	// map within a map needs, count as one.
	Depth int
	// Elements is the number of entries in all lists of the request: resources,
	// scopes, records, metrics, points, spans, events, links, exemplars,
	// attributes, values of arrays and maps, quantiles, entity references and
	// their keys. A field that must occur only once in its message
	// counts as an element from its second occurrence on. Buckets and bounds of histograms are not
	// counted; they need a few bytes each, which Memory includes.
	Elements int
	// Memory is the number of bytes that pdata may allocate to decode the
	// request, as estimated in [Counts].
	Memory int64
}

// Counts describes the content of a request.
type Counts struct {
	// Records is the number of log records, data points or spans that the
	// decoded request has.
	Records int
	// Elements is the number of elements as defined by [Limits].
	Elements int
	// Depth is the depth of the most deeply nested value.
	Depth int
	// Memory estimates the bytes that pdata allocates to decode the request.
	// It includes the old arrays of slices that grow, because they stay in
	// memory until a garbage collection ends.
	Memory int64
	// Rewritten is the number of bytes that [RewriteJSON] appends. It is 0 if
	// pdata reads the request unchanged.
	Rewritten int
	// Unknown is the name of the first field of a request in JSON that the protocol does
	// not have, as the sender wrote it and at most 64 bytes of it. It is set only if the
	// request has no records, which it may explain.
	Unknown string
}

// CheckProto checks an export request of the signal in protobuf. The error is an
// [*Error]; the counts are then those up to its position.
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

// CheckJSON checks an export request of the signal in JSON. The error is an
// [*Error]; the counts are then those up to its position. Records are counted as
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
	if w.differs {
		counts.Rewritten = len(data) + w.grow
	}
	if failed == nil && counts.Records == 0 {
		counts.Unknown = string(data[w.unknown:min(w.unknownEnd, w.unknown+maxUnknown)])
	}
	return counts, failed
}

// RewriteJSON appends an export request of the signal in JSON to dst, in the form that
// pdata reads. [CheckJSON] must have accepted data. dst must not overlap data.
func RewriteJSON(dst []byte, signal tenant.Signal, data []byte) ([]byte, error) {
	w := jsonWalker{meter: newMeter(Limits{}), jsonForm: jsonForm{data: data, write: true, out: dst}}
	var lists slots
	if err := w.document(&messages[root(signal)], &lists); err != nil {
		return dst, err
	}
	return w.end(), nil
}

// checkSize rejects data larger than a protobuf message may be, so that no count
// overflows.
func checkSize(data []byte) *Error {
	if len(data) > math.MaxInt32 {
		return malformed(math.MaxInt32, "it is larger than 2 GiB")
	}
	return nil
}

// root returns the message type of an export request of the signal.
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
