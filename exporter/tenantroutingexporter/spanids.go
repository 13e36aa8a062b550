package tenantroutingexporter

import (
	"errors"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

// errSpanIDs is what a dead letter says of spans that were kept from a destination.
var errSpanIDs = errors.New("spans without a trace ID or span ID, or with one that is all zero: the destination would refuse every span of the request for one of them")

// refusedSpans is one, so that payloads of such spans become one dead letter.
var refusedSpans = &lane.Refusal{Reason: "invalid_span_id", Err: errSpanIDs}

// validSpan tells whether a span has the IDs that OTLP requires. Of its links and its
// parent nothing is asked: without a parent it is the root of its trace.
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

// strict tells whether a destination refuses a request for one invalid span.
func (r *router) strict(s lane.Route) bool { return r.plans.destinations[s.Destination].NeedsSpanIDs() }

// anyStrict tells whether one of the destinations does.
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

// separate gives destinations that refuse a request for one invalid span the valid ones,
// and their lanes the others as a payload that is refused when its turn comes. Other
// destinations get the request as it is.
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

// spansOf returns the valid spans of p, or the others.
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
		out.Refusal = refusedSpans
	}
	return out, nil
}
