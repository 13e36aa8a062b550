// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"math"

	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Encoded is an encoded request after it was stamped.
type Encoded struct {
	// Counts describes the request before it was stamped. It is set even if Slow is not
	// SlowNone, or if there is an error.
	Counts otlpwire.Counts

	// Slow is why the request must be decoded. The fields below are set only if it is
	// SlowNone.
	Slow Slow

	// Data is the stamped request. It is nil if the request has no records.
	Data []byte

	// Result is what Logs, Metrics or Traces return for the request.
	Result Result

	// Newest is the time of the last record in nanoseconds since 1970, as package newest
	// returns it for the decoded request, or 0 if it does not fit.
	Newest int64

	// Delta is whether the request has metrics whose temporality is not cumulative although
	// it has one, or metrics without data.
	Delta bool

	// InvalidSpans is whether the request has spans without a trace ID or span ID.
	InvalidSpans bool
}

// Encoded stamps an encoded export request in protobuf as [Stamper.Logs], [Stamper.Metrics]
// and [Stamper.Traces] stamp decoded data, without decoding it. The result never aliases
// data. The error is that of [otlpwire.CheckProto]: an [*otlpwire.Error].
//
// Data of the result decodes to the same telemetry as the stamped data has, with attributes
// in the same order. A request for which that would be difficult is slow.
func (s *Stamper) Encoded(signal tenant.Signal, data []byte, o *Owner, limits otlpwire.Limits) (Encoded, error) {
	e, _ := s.editors.Get().(*editor)
	if e == nil {
		e = new(editor)
	}
	defer func() {
		e.end()
		s.editors.Put(e)
	}()
	e.begin(s, o)
	out, err := e.edit.Run(signal, data, otlpwire.EditRules{
		Limits: limits, Editor: e, Key: o.Identity.Key, Severities: s.NormalizeSeverity,
	})
	result := Encoded{Counts: out.Counts, Slow: slowOf[out.Odd]}
	if out.Odd == otlpwire.OddRefused && e.slow != SlowNone {
		result.Slow = e.slow
	}
	if err != nil || result.Slow != SlowNone {
		return result, err
	}
	result.Data, result.Delta, result.InvalidSpans = out.Data, out.Delta, out.InvalidSpans
	result.Result = Result{UnknownSeverities: e.unknown}
	if out.Newest <= math.MaxInt64 {
		result.Newest = int64(out.Newest)
	}
	return result, nil
}

// slowOf are the reasons for which the form of a request makes it slow.
var slowOf = [...]Slow{
	otlpwire.OddNone: SlowNone, otlpwire.OddUnknown: SlowUnknown, otlpwire.OddRepeated: SlowRepeated,
	otlpwire.OddDeprecated: SlowDeprecated, otlpwire.OddIndex: SlowIndex, otlpwire.OddEncoding: SlowEncoding,
	otlpwire.OddText: SlowUTF8, otlpwire.OddKey: SlowIdentity, otlpwire.OddMany: SlowMany, otlpwire.OddRefused: SlowResource,
}
