// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"cmp"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// sort sorts the points of each time series by time. Points of a series trade positions within md,
// so the totals of a request are in order, as backends require.
func (r *run) sort(md pmetric.Metrics) {
	var numbers sorter[pmetric.NumberDataPoint]
	var histograms sorter[pmetric.HistogramDataPoint]
	var exponentials sorter[pmetric.ExponentialHistogramDataPoint]
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if fitnessOf(m) != delta {
					continue
				}
				switch m.Type() {
				case pmetric.MetricTypeSum:
					for _, p := range m.Sum().DataPoints().All() {
						numbers.add(r, p)
					}
				case pmetric.MetricTypeHistogram:
					for _, p := range m.Histogram().DataPoints().All() {
						histograms.add(r, p)
					}
				case pmetric.MetricTypeExponentialHistogram:
					for _, p := range m.ExponentialHistogram().DataPoints().All() {
						exponentials.add(r, p)
					}
				}
			}
		}
	}
	numbers.sort(r, pmetric.NewNumberDataPoint)
	histograms.sort(r, pmetric.NewHistogramDataPoint)
	exponentials.sort(r, pmetric.NewExponentialHistogramDataPoint)
	r.next = 0
}

// movable is a data point of the type P.
type movable[P any] interface {
	Timestamp() pcommon.Timestamp
	MoveTo(P)
}

// sorter collects the points of one type whose time series have to be sorted.
type sorter[P movable[P]] struct {
	of map[*stream][]slot[P]
}

// slot is a point's place in a request.
type slot[P any] struct {
	entry int
	point P
}

// add adds p, which is the next of the entries of r.
func (s *sorter[P]) add(r *run, p P) {
	i := r.next
	r.next++
	of := r.entries[i].stream
	if of == nil || of.shuffled != r.number {
		return
	}
	if s.of == nil {
		s.of = make(map[*stream][]slot[P])
	}
	s.of[of] = append(s.of[of], slot[P]{i, p})
}

func (s *sorter[P]) sort(r *run, empty func() P) {
	for _, slots := range s.of {
		sorted := slices.Clone(slots)
		slices.SortStableFunc(sorted, func(a, b slot[P]) int { return cmp.Compare(a.point.Timestamp(), b.point.Timestamp()) })
		late := make([]bool, len(sorted))
		for i := range sorted {
			late[i] = r.entries[sorted[i].entry].late
			p := empty()
			sorted[i].point.MoveTo(p)
			sorted[i].point = p
		}
		for i, to := range slots {
			sorted[i].point.MoveTo(to.point)
			r.entries[to.entry].late = late[i]
		}
	}
}
