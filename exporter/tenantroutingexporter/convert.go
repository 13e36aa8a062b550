package tenantroutingexporter

import (
	"cmp"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

// convert gives destinations that cannot take delta metrics a copy with totals.
// settle must be called with whether the parts were accepted; what could not be
// converted is then counted.
func (r *router) convert(sched *lane.Scheduler, parts []lane.Part) (out []lane.Part, settle func(accepted bool), err error) {
	var settles []func(bool)
	settle = func(accepted bool) {
		for _, f := range settles {
			f(accepted)
		}
	}
	defer func() {
		if err != nil {
			settle(false)
		}
	}()
	// Converters are locked until they are settled; always in the same order,
	// so that two requests never wait for each other.
	parts = slices.Clone(parts)
	slices.SortStableFunc(parts, func(a, b lane.Part) int { return cmp.Compare(a.Payload.Tenant, b.Payload.Tenant) })
	for _, part := range parts {
		plain, totals := partition(part.Stops, func(s lane.Stop) bool { return !r.plans.destinations[s.Destination].Cumulative() })
		if len(plain) > 0 {
			out = append(out, lane.Part{Payload: part.Payload, Stops: plain})
		}
		slices.SortFunc(totals, func(a, b lane.Stop) int { return cmp.Compare(a.Destination, b.Destination) })
		for _, stop := range totals {
			payload, done, err := r.convertOne(sched, part.Payload, stop)
			if err != nil {
				return nil, nil, err
			}
			settles = append(settles, done)
			if payload.Records > 0 {
				out = append(out, lane.Part{Payload: payload, Stops: []lane.Stop{stop}})
			}
		}
	}
	return out, settle, nil
}

func (r *router) convertOne(sched *lane.Scheduler, p *lane.Payload, stop lane.Stop) (*lane.Payload, func(bool), error) {
	md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(p.Data)
	if err != nil {
		return nil, nil, err
	}
	key := lane.Key{Tenant: p.Tenant, Destination: stop.Destination, Signal: p.Signal}
	dropped, done := r.plans.converter(key).Convert(md, time.Now())
	data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	if err != nil {
		done(false)
		return nil, nil, err
	}
	settle := func(accepted bool) {
		done(accepted)
		if accepted {
			sched.Discard(key, lane.ReasonLate, dropped.Late)
			sched.Discard(key, lane.ReasonStreams, dropped.TooMany)
		}
	}
	return &lane.Payload{Tenant: p.Tenant, Signal: p.Signal, Records: md.DataPointCount(), Data: data, Size: len(data)}, settle, nil
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
