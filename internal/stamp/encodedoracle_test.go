// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/newest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// decodedRequest is a request that was decoded, stamped if there is an owner, and encoded by
// pdata.
type decodedRequest struct {
	data         []byte
	result       Result
	newest       pcommon.Timestamp
	delta        bool
	invalidSpans bool
}

// decodeAndStamp is the path that Encoded replaces. Without an owner it does not stamp.
func decodeAndStamp(t testing.TB, s *Stamper, signal tenant.Signal, data []byte, o *Owner) (r decodedRequest) {
	t.Helper()
	var err, encodeErr error
	switch signal {
	case tenant.Metrics:
		var md pmetric.Metrics
		if md, err = (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data); err == nil {
			r.newest, r.delta = newest.Point(md), notCumulative(md)
			if o != nil {
				r.result = s.Metrics(md, o)
			}
			r.data, encodeErr = (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
		}
	case tenant.Traces:
		var td ptrace.Traces
		if td, err = (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data); err == nil {
			r.newest, r.invalidSpans = newest.Span(td), unidentified(td)
			if o != nil {
				r.result = s.Traces(td, o)
			}
			r.data, encodeErr = (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
		}
	default:
		var ld plog.Logs
		if ld, err = (&plog.ProtoUnmarshaler{}).UnmarshalLogs(data); err == nil {
			r.newest = newest.Log(ld)
			if o != nil {
				r.result = s.Logs(ld, o)
			}
			r.data, encodeErr = (&plog.ProtoMarshaler{}).MarshalLogs(ld)
		}
	}
	require.NoError(t, err, "pdata rejects what was accepted")
	require.NoError(t, encodeErr)
	return r
}

// notCumulative is what Encoded.Delta means for decoded data.
func notCumulative(md pmetric.Metrics) bool {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				t := pmetric.AggregationTemporalityCumulative
				switch m.Type() {
				case pmetric.MetricTypeEmpty:
					return true
				case pmetric.MetricTypeSum:
					t = m.Sum().AggregationTemporality()
				case pmetric.MetricTypeHistogram:
					t = m.Histogram().AggregationTemporality()
				case pmetric.MetricTypeExponentialHistogram:
					t = m.ExponentialHistogram().AggregationTemporality()
				case pmetric.MetricTypeGauge, pmetric.MetricTypeSummary:
				}
				if t != pmetric.AggregationTemporalityCumulative {
					return true
				}
			}
		}
	}
	return false
}

// unidentified is what Encoded.InvalidSpans means for decoded data.
func unidentified(td ptrace.Traces) bool {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				if s.TraceID().IsEmpty() || s.SpanID().IsEmpty() {
					return true
				}
			}
		}
	}
	return false
}

// compare stamps an encoded request, and compares the result with that of the decoded request.
// It returns the stamped request.
func compare(t *testing.T, s *Stamper, signal tenant.Signal, data []byte, o *Owner, limits otlpwire.Limits) (Encoded, error) {
	t.Helper()
	original := bytes.Clone(data)
	got, err := s.Encoded(signal, data, o, limits)
	require.Equal(t, original, data, "the request itself")

	counts, wantErr := otlpwire.CheckProto(signal, original, limits)
	require.Equal(t, wantErr, err)
	require.Equal(t, counts, got.Counts)
	if err != nil || got.Slow != SlowNone {
		got.Counts = otlpwire.Counts{}
		require.Equal(t, Encoded{Slow: got.Slow}, got, "nothing else is set")
		return got, err
	}

	want := decodeAndStamp(t, s, signal, original, o)
	for i := range data {
		data[i] = 0xff // must not change the result
	}
	if counts.Records == 0 {
		assert.Nil(t, got.Data)
	} else {
		assert.Equal(t, want.data, decodeAndStamp(t, s, signal, got.Data, nil).data, "of %x", original)
		assert.Equal(t, len(got.Data), cap(got.Data), "memory beside the request")
		assert.True(t, otlpwire.Plain(signal, got.Data))
	}
	assert.Equal(t, want.result, got.Result)
	if want.newest > math.MaxInt64 {
		want.newest = 0
	}
	assert.Equal(t, want.newest, pcommon.Timestamp(got.Newest)) //nolint:gosec // not negative
	assert.Equal(t, want.delta, got.Delta)
	assert.Equal(t, want.invalidSpans, got.InvalidSpans)
	copy(data, original)
	return got, nil
}
