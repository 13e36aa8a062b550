// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
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
func (s *Stamper) Encoded(signal tenant.Signal, data []byte, _ *Owner, limits otlpwire.Limits) (Encoded, error) {
	counts, err := otlpwire.CheckProto(signal, data, limits)
	return Encoded{Counts: counts, Slow: SlowEncoding}, err
}
