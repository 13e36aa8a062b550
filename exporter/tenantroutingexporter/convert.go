package tenantroutingexporter

import (
	"cmp"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/cumulative"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

// conversions are the conversions of one request. Their converters are locked until
// close.
type conversions struct{ list []conversion }

type conversion struct {
	*cumulative.Conversion
	key lane.Key
}

// accept makes what was converted part of the totals, and counts what could not be
// converted.
func (c *conversions) accept(sched *lane.Scheduler) {
	for _, done := range c.list {
		done.Accept()
		d := &done.Dropped
		sched.Discard(done.key, lane.ReasonLate, d.Late)
		sched.Discard(done.key, lane.ReasonDuplicate, d.Duplicate)
		sched.Discard(done.key, lane.ReasonFuture, d.Future)
		sched.Discard(done.key, lane.ReasonInvalid, d.Invalid)
		sched.Discard(done.key, lane.ReasonOverflow, d.Overflow)
		sched.Discard(done.key, lane.ReasonStreams, d.TooMany)
	}
}

func (c *conversions) close() {
	for _, done := range c.list {
		done.Close()
	}
}

// convert gives destinations that cannot take delta metrics a copy with totals. The
// caller closes held, also if there is an error.
func (r *router) convert(parts []lane.Part, held *conversions) (out []lane.Part, err error) {
	// Always in the same order, so that two requests never wait for each other.
	parts = slices.Clone(parts)
	slices.SortStableFunc(parts, func(a, b lane.Part) int { return cmp.Compare(a.Payload.Tenant, b.Payload.Tenant) })
	for _, part := range parts {
		plain, totals := partition(part.Stops, func(s lane.Stop) bool { return !r.plans.destinations[s.Destination].Cumulative() })
		if len(plain) > 0 {
			out = append(out, lane.Part{Payload: part.Payload, Stops: plain})
		}
		slices.SortFunc(totals, func(a, b lane.Stop) int { return cmp.Compare(a.Destination, b.Destination) })
		for _, stop := range totals {
			payload, err := r.convertOne(part.Payload, stop, held)
			if err != nil {
				return nil, err
			}
			if payload.Records > 0 {
				out = append(out, lane.Part{Payload: payload, Stops: []lane.Stop{stop}})
			}
		}
	}
	return out, nil
}

func (r *router) convertOne(p *lane.Payload, stop lane.Stop, held *conversions) (*lane.Payload, error) {
	md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(p.Data)
	if err != nil {
		return nil, malformed(err)
	}
	key := lane.Key{Tenant: p.Tenant, Destination: stop.Destination, Signal: p.Signal}
	done, err := r.totals.of(key).Convert(md, time.Now())
	if err != nil {
		return nil, tooLarge(err)
	}
	held.list = append(held.list, conversion{done, key})
	data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	if err != nil {
		return nil, malformed(err)
	}
	return &lane.Payload{Tenant: p.Tenant, Signal: p.Signal, Records: md.DataPointCount(), Data: data, Size: len(data)}, nil
}

func partition(stops []lane.Stop, first func(lane.Stop) bool) (a, b []lane.Stop) {
	for _, s := range stops {
		if first(s) {
			a = append(a, s)
		} else {
			b = append(b, s)
		}
	}
	return a, b
}
