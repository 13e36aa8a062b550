// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"errors"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

// errSpanIDs is the message of dead letters of spans that are not sent to a destination.
var errSpanIDs = errors.New("spans without a trace ID or span ID, or with one that is all zero: the destination would reject every span of the request for one of them")

// rejectedSpans is the same value for all payloads, so that they are merged into one dead letter.
var rejectedSpans = &lane.Rejection{Reason: "invalid_span_id", Err: errSpanIDs}

// validSpan reports whether a span has the IDs that OTLP requires. Its links are not checked. A span without
// a parent is the root of its trace.
func validSpan(s ptrace.Span) bool { return !s.TraceID().IsEmpty() && !s.SpanID().IsEmpty() }

func hasInvalidSpan(td ptrace.Traces) bool {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				if !validSpan(s) {
					return true
				}
			}
		}
	}
	return false
}

// strict reports whether a destination rejects a whole request because of one invalid span.
func (r *router) strict(s lane.Route) bool { return r.plans.destinations[s.Destination].NeedsSpanIDs() }

// anyStrict reports whether one of the destinations is strict.
func (r *router) anyStrict(parts []lane.Part) bool {
	for _, part := range parts {
		for _, route := range part.Routes {
			if r.strict(route) {
				return true
			}
		}
	}
	return false
}

// separate splits the payload for strict destinations into the valid spans, and the invalid ones with a known
// rejection, which become dead letters. Other destinations get the request as it is.
func (r *router) separate(parts []lane.Part) (out []lane.Part, err error) {
	for _, part := range parts {
		strict, others := partition(part.Routes, r.strict)
		if len(others) > 0 {
			out = append(out, lane.Part{Payload: part.Payload, Routes: others})
		}
		if len(strict) == 0 {
			continue
		}
		for _, keep := range []bool{true, false} {
			payload, err := spansOf(part.Payload, keep)
			if err != nil {
				return nil, err
			}
			if payload.Records > 0 {
				out = append(out, lane.Part{Payload: payload, Routes: strict})
			}
		}
	}
	return out, nil
}

// spansOf returns the valid spans of p, or the invalid ones.
func spansOf(p *lane.Payload, valid bool) (*lane.Payload, error) {
	td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(p.Data)
	if err != nil {
		return nil, malformed(err)
	}
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool {
			ss.Spans().RemoveIf(func(s ptrace.Span) bool { return validSpan(s) != valid })
			return ss.Spans().Len() == 0
		})
		return rs.ScopeSpans().Len() == 0
	})
	data, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		return nil, malformed(err)
	}
	out := &lane.Payload{Tenant: p.Tenant, Signal: p.Signal, Records: td.SpanCount(), Data: data, Size: len(data)}
	if !valid {
		out.Rejection = rejectedSpans
	}
	return out, nil
}
