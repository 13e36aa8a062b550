// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// The oracle is what a sender and a backend know: what was sent, and the increase of
// what was stored by the rules of Prometheus. It knows nothing of totals.

// kind is what a time series of a schedule is.
type kind uint8

const (
	counter kind = iota
	upDown
	classic
	exponentially
	numKinds
)

// sent is a data point as a sender made it.
type sent struct {
	series      int
	start, time pcommon.Timestamp
	double      bool
	halves      int64 // twice the value
	bounds      []float64
	buckets     []uint64
	scale       int32
	offset      int32
	threshold   float64
	fault       fault
}

// fault is why a point must be rejected.
type fault uint8

const (
	none fault = iota
	invalid
	ahead
)

func (p *sent) same(other *sent) bool {
	return p.start == other.start && p.time == other.time && p.double == other.double && p.halves == other.halves &&
		slices.Equal(p.bounds, other.bounds) && slices.Equal(p.buckets, other.buckets) && p.scale == other.scale &&
		p.offset == other.offset && p.threshold == other.threshold
}

// stored is a time series at the backend.
type stored struct {
	time     int64 // of the last sample, in ms
	zeroAt   int64 // of the last zero
	samples  int
	value    int64 // of the last sample, in halves
	increase int64
	buckets  map[float64]uint64 // of the last sample by upper bound
	grown    map[float64]uint64 // increase of each
	since    []*sent            // since the last zero
	sent     int64              // what it should be
	bucketed map[float64]uint64
}

// schedule is a run of one.
type schedule struct {
	t     *testing.T
	input []byte
	now   time.Time

	gateways [2]*Converter
	taken    [2]map[int][]*sent // by gateway and series, since the gateway began
	again    []*sent            // what may be sent once more
	backend  map[string]*stored

	accepted, duplicates, late int
}

const (
	future = 5 * time.Minute
	key    = "otelcol.gateway"
)

func newSchedule(t *testing.T, input []byte) *schedule {
	s := &schedule{t: t, input: input, now: time.Unix(1_700_000_000, 0), backend: make(map[string]*stored)}
	for i := range s.gateways {
		s.restart(i)
	}
	return s
}

func (s *schedule) restart(i int) {
	set := settings()
	set.MaxFuture, set.Resolution, set.GatewayKey, set.GatewayID = future, time.Millisecond, key, fmt.Sprint(i)
	s.gateways[i] = New(set, NewBudget(1000, 100_000), s.now)
	s.forget(i)
}

// forget begins all time series of a gateway again.
func (s *schedule) forget(gateway int) {
	s.taken[gateway] = make(map[int][]*sent)
	s.again = nil
	for name, st := range s.backend {
		if strings.HasSuffix(name, fmt.Sprintf("@%d", gateway)) {
			st.since = nil
		}
	}
}

func (s *schedule) byte() int {
	if len(s.input) == 0 {
		return 0
	}
	b := s.input[0]
	s.input = s.input[1:]
	return int(b)
}

func (s *schedule) run() {
	for range 2000 {
		if len(s.input) == 0 {
			return
		}
		switch op := s.byte(); op % 32 {
		case 0:
			s.now = s.now.Add(time.Hour)
			s.restart(op / 32 % 2)
		case 1:
			s.now = s.now.Add(2 * time.Hour)
			for i, g := range s.gateways {
				g.Sweep(s.now)
				require.Empty(s.t, g.streams)
				require.Zero(s.t, g.buckets)
				s.forget(i)
			}
		default:
			s.request(op/32%2, op%8 == 2)
			s.now = s.now.Add(time.Duration(op%5) * 700 * time.Millisecond)
		}
	}
}

// point makes a point of any time, start and value.
func (s *schedule) point() *sent {
	b := s.byte()
	if b%8 == 0 && len(s.again) > 0 {
		return s.again[s.byte()%len(s.again)]
	}
	p := &sent{series: b % (2 * int(numKinds))}
	at := s.now.Add(-time.Duration(s.byte()) * 50 * time.Millisecond)
	switch how := s.byte(); how % 32 {
	case 0:
		at = s.now.Add(future + time.Second)
		p.fault = ahead
	case 1, 2:
		at = s.now.Add(time.Duration(how) * time.Second)
	case 3:
		at = s.now.Add(-24 * time.Hour)
		if len(s.backend) > 0 { // it could be before a restart
			at = s.now
		}
	case 4:
		p.fault = invalid
	}
	p.time = pcommon.NewTimestampFromTime(at)
	switch s.byte() % 8 {
	case 0:
	case 1:
		p.start = p.time
	case 2:
		p.start = p.time + 5
	case 3:
		p.start = pcommon.NewTimestampFromTime(time.Unix(1_600_000_000, 0))
	default:
		p.start = p.time - pcommon.Timestamp(time.Second)
	}
	v := s.byte()
	p.halves = int64(2 * (v % 64))
	switch kind(p.series) % numKinds {
	case counter, upDown:
		if p.double = v%8 == 7; p.double {
			p.halves++
		}
		if kind(p.series)%numKinds == upDown && v%3 == 0 {
			p.halves = -p.halves
		}
	case classic:
		p.bounds = []float64{1, 2}
		if v%16 == 3 {
			p.bounds = []float64{1, 3}
		}
		p.buckets = []uint64{uint64(v % 3), 0, uint64(v % 5)}
	case exponentially:
		p.scale, p.offset = int32(v%7)-2, int32(s.byte())-128
		size := 40
		switch v % 32 {
		case 10, 11:
			p.scale, p.offset, size = []int32{-10, -5, -4}[v/32%3], int32(v/32%2)-1, 3
		case 12:
			p.scale = []int32{20, 33, math.MaxInt32}[v/32%3]
		case 13:
			p.scale, p.fault = []int32{math.MinInt32, -34, -11}[v/32%3], max(p.fault, invalid)
		}
		if v%32 == 9 {
			p.threshold = 1
		}
		p.buckets = make([]uint64, s.byte()%size)
		for i := range p.buckets {
			p.buckets[i] = uint64((i + v) % 3)
		}
	}
	return p
}

func (p *sent) count() (n uint64) {
	for _, b := range p.buckets {
		n += b
	}
	return n
}

// put encodes p with the exemplar id, by which it is known again.
func (p *sent) put(m pmetric.Metric, id int) {
	name := func(attributes pcommon.Map) { attributes.PutInt("series", int64(p.series)) }
	exemplar := func(s pmetric.ExemplarSlice) { s.AppendEmpty().SetIntValue(int64(id)) }
	m.SetName("m")
	k := kind(p.series) % numKinds
	switch k {
	case counter, upDown:
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(k == counter)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		d := sum.DataPoints().AppendEmpty()
		name(d.Attributes())
		exemplar(d.Exemplars())
		d.SetStartTimestamp(p.start)
		d.SetTimestamp(p.time)
		switch {
		case p.fault == invalid && p.double:
			d.SetDoubleValue(math.NaN())
		case p.fault == invalid:
			d.SetTimestamp(0)
			d.SetIntValue(1)
		case p.double:
			d.SetDoubleValue(float64(p.halves) / 2)
		default:
			d.SetIntValue(p.halves / 2)
		}
	case classic:
		h := m.SetEmptyHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		d := h.DataPoints().AppendEmpty()
		name(d.Attributes())
		exemplar(d.Exemplars())
		d.SetStartTimestamp(p.start)
		d.SetTimestamp(p.time)
		d.SetCount(p.count())
		d.SetSum(float64(p.halves) / 2)
		if p.fault == invalid {
			d.SetSum(math.Inf(1))
		}
		d.ExplicitBounds().FromRaw(p.bounds)
		d.BucketCounts().FromRaw(p.buckets)
	default:
		h := m.SetEmptyExponentialHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		d := h.DataPoints().AppendEmpty()
		name(d.Attributes())
		exemplar(d.Exemplars())
		d.SetStartTimestamp(p.start)
		d.SetTimestamp(p.time)
		d.SetCount(p.count())
		d.SetSum(float64(p.halves) / 2)
		if p.fault == invalid {
			d.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		}
		d.SetScale(p.scale)
		d.SetZeroThreshold(p.threshold)
		d.Positive().SetOffset(p.offset)
		d.Positive().BucketCounts().FromRaw(p.buckets)
	}
}

// request sends some points to a gateway. If twice is set, what the gateway converts is
// rejected at first.
func (s *schedule) request(gateway int, twice bool) {
	points := make([]*sent, 1+s.byte()%12)
	for i := range points {
		if points[i] = s.point(); i > 0 && s.byte()%16 == 0 {
			points[i] = points[i-1] // twice in one request
		}
	}
	if first := points[0]; s.byte()%16 == 0 && first.fault == none { // many of one time, some of them twice
		for i := range 1 + s.byte()%40 {
			p := *first
			p.halves = int64(2 * (i % 25))
			points = append(points, &p)
		}
	}
	build := func() pmetric.Metrics {
		md := pmetric.NewMetrics()
		for i, p := range points {
			if i == 0 || i%3 == 0 {
				md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
			}
			sm := md.ResourceMetrics().At(md.ResourceMetrics().Len() - 1).ScopeMetrics().At(0)
			p.put(sm.Metrics().AppendEmpty(), i)
		}
		return md
	}
	g := s.gateways[gateway]
	var rejected pmetric.Metrics
	if twice {
		rejected = build()
		conversion, err := g.Convert(rejected, s.now)
		require.NoError(s.t, err)
		conversion.Close()
	}
	md := build()
	conversion, err := g.Convert(md, s.now)
	require.NoError(s.t, err)
	conversion.Accept()
	conversion.Close()
	if twice {
		require.Equal(s.t, encoded(s.t, rejected), encoded(s.t, md), "what was not accepted has changed nothing")
	}
	require.Equal(s.t, len(points), md.DataPointCount()-conversion.Zeros+conversion.Dropped.Total())
	kept := s.store(gateway, md, points)
	s.judge(gateway, points, kept, conversion.Dropped)
	held := 0
	for _, st := range g.streams {
		held += st.size()
	}
	require.Equal(s.t, held, g.buckets)
	require.Equal(s.t, held, g.budget.buckets)
	require.Equal(s.t, len(g.streams), g.budget.streams)
}

func encoded(t *testing.T, md pmetric.Metrics) []byte {
	out, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	require.NoError(t, err)
	return out
}

// judge checks that what was rejected had to be, or might.
func (s *schedule) judge(gateway int, points []*sent, kept map[int]bool, dropped Dropped) {
	taken := s.taken[gateway]
	for i, p := range points {
		if kept[i] {
			require.Equal(s.t, none, p.fault, "point %d", i)
			taken[p.series] = append(taken[p.series], p)
			s.again = append(s.again, p)
			s.accepted++
		}
	}
	var want Dropped
	unclear := 0
	for i, p := range points {
		if kept[i] {
			same := 0
			for _, other := range taken[p.series] {
				if p.same(other) {
					same++
				}
			}
			require.Equal(s.t, 1, same, "a point was added %d times", same)
			continue
		}
		switch p.fault {
		case invalid:
			want.Invalid++
			continue
		case ahead:
			want.Future++
			continue
		}
		unclear++
		newer, added := 0, false
		for _, other := range taken[p.series] {
			added = added || p.same(other)
			if other.time >= p.time {
				newer++
			}
		}
		require.True(s.t, added || newer >= maxRecent, "a point that was not added was rejected after %d newer ones", newer)
	}
	require.Equal(s.t, want.Invalid, dropped.Invalid)
	require.Equal(s.t, want.Future, dropped.Future)
	require.Equal(s.t, unclear, dropped.Duplicate+dropped.Late)
	require.Zero(s.t, dropped.TooMany+dropped.Overflow)
	s.duplicates += dropped.Duplicate
	s.late += dropped.Late
}

// store does what a backend does with md, and returns which points are in it.
func (s *schedule) store(gateway int, md pmetric.Metrics, points []*sent) map[int]bool {
	kept := make(map[int]bool)
	for _, rm := range md.ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			switch m.Type() {
			case pmetric.MetricTypeSum:
				require.Equal(s.t, pmetric.AggregationTemporalityCumulative, m.Sum().AggregationTemporality())
				for _, d := range m.Sum().DataPoints().All() {
					st, p := s.sample(gateway, d, d.Exemplars(), points, kept)
					value := d.DoubleValue()
					if d.ValueType() == pmetric.NumberDataPointValueTypeInt {
						value = float64(d.IntValue())
					}
					s.number(st, p, value, m.Sum().IsMonotonic())
				}
			case pmetric.MetricTypeHistogram:
				require.Equal(s.t, pmetric.AggregationTemporalityCumulative, m.Histogram().AggregationTemporality())
				for _, d := range m.Histogram().DataPoints().All() {
					st, p := s.sample(gateway, d, d.Exemplars(), points, kept)
					require.True(s.t, d.HasSum())
					s.number(st, p, d.Sum(), true)
					buckets := make(map[float64]uint64)
					for i, n := range d.BucketCounts().All() {
						buckets[append(d.ExplicitBounds().AsRaw(), math.Inf(1))[i]] = n
					}
					s.classic(st, p, buckets)
				}
			default:
				require.Equal(s.t, pmetric.AggregationTemporalityCumulative, m.ExponentialHistogram().AggregationTemporality())
				for _, d := range m.ExponentialHistogram().DataPoints().All() {
					st, p := s.sample(gateway, d, d.Exemplars(), points, kept)
					s.number(st, p, d.Sum(), true)
					s.exponential(st, p, d)
				}
			}
		}
	}
	return kept
}

// sample takes the sample d, and returns the time series and the point that it is, or nil
// if it is a zero.
func (s *schedule) sample(gateway int, d point, exemplars pmetric.ExemplarSlice, points []*sent, kept map[int]bool) (*stored, *sent) {
	id, ok := d.Attributes().Get(key)
	require.True(s.t, ok)
	require.Equal(s.t, fmt.Sprint(gateway), id.Str())
	series, _ := d.Attributes().Get("series")
	name := series.AsString() + "@" + id.Str()
	st := s.backend[name]
	if st == nil {
		st = &stored{grown: make(map[float64]uint64), bucketed: make(map[float64]uint64)}
		s.backend[name] = st
	}
	at := d.Timestamp().AsTime().UnixMilli()
	require.Greater(s.t, at, st.time, "a backend rejects this sample of %s", name)
	require.LessOrEqual(s.t, d.StartTimestamp(), d.Timestamp())
	require.LessOrEqual(s.t, at, s.now.Add(2*future).UnixMilli())
	st.time = at
	st.samples++
	if exemplars.Len() == 0 {
		st.since, st.buckets, st.zeroAt = nil, nil, at
		return st, nil
	}
	i := int(exemplars.At(0).IntValue())
	require.False(s.t, kept[i])
	kept[i] = true
	p := points[i]
	require.Equal(s.t, int64(p.series), series.Int())
	if len(st.since) == 0 && kind(p.series)%numKinds != upDown {
		require.GreaterOrEqual(s.t, st.zeroAt, p.time.AsTime().Add(-5*time.Minute).UnixMilli(), "a backend may reject this zero as too old")
	}
	st.since = append(st.since, p)
	return st, p
}

// number checks that the increase is what was sent.
func (s *schedule) number(st *stored, p *sent, value float64, monotonic bool) {
	halves := int64(2 * value)
	require.InDelta(s.t, 2*value, float64(halves), 0)
	if !monotonic {
		s.upDown(st, p, halves)
		return
	}
	if st.samples == 1 {
		require.Nil(s.t, p, "a time series begins with zero")
	}
	if halves >= st.value {
		st.increase += halves - st.value
	} else {
		st.increase += halves
	}
	if st.value = halves; p == nil {
		require.Zero(s.t, value)
		return
	}
	st.sent += p.halves
	require.Equal(s.t, st.sent, st.increase)
}

// upDown checks that the value is the sum since the gateway began.
func (s *schedule) upDown(st *stored, p *sent, halves int64) {
	require.NotNil(s.t, p)
	sum := int64(0)
	for _, p := range st.since {
		sum += p.halves
	}
	require.Equal(s.t, sum, halves)
}

func (s *schedule) classic(st *stored, p *sent, buckets map[float64]uint64) {
	for bound, n := range buckets {
		before := st.buckets[bound]
		if n >= before {
			st.grown[bound] += n - before
		} else {
			st.grown[bound] += n
		}
	}
	st.buckets = buckets
	if p == nil {
		return
	}
	for i, n := range p.buckets {
		st.bucketed[append(slices.Clone(p.bounds), math.Inf(1))[i]] += n
	}
	for bound := range buckets {
		require.Equal(s.t, st.bucketed[bound], st.grown[bound], "bucket %v", bound)
	}
}

// exponential compares with what a histogram of all points since the last zero is.
func (s *schedule) exponential(st *stored, p *sent, d pmetric.ExponentialHistogramDataPoint) {
	require.LessOrEqual(s.t, d.Positive().BucketCounts().Len(), maxBuckets)
	want, got := make(map[int32]uint64), make(map[int32]uint64)
	count := uint64(0)
	for _, p := range st.since {
		require.InDelta(s.t, p.threshold, d.ZeroThreshold(), 0)
		count += p.count()
		for i, n := range p.buckets {
			if n > 0 {
				if p.scale < d.Scale() {
					require.Fail(s.t, "a total is finer than a point in it")
				}
				want[(p.offset+int32(i))>>min(31, int64(p.scale)-int64(d.Scale()))] += n
			}
		}
	}
	for i, n := range d.Positive().BucketCounts().All() {
		if n > 0 {
			got[d.Positive().Offset()+int32(i)] = n
		}
	}
	require.Equal(s.t, want, got)
	require.Equal(s.t, count, d.Count())
}

func TestConvert_EqualsTheOracle(t *testing.T) {
	accepted, duplicates, late := 0, 0, 0
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		input := make([]byte, 3000)
		for i := range input {
			input[i] = byte(r.Uint32())
		}
		s := newSchedule(t, input)
		s.run()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		accepted, duplicates, late = accepted+s.accepted, duplicates+s.duplicates, late+s.late
	}
	t.Logf("%d points accepted, %d duplicates, %d late", accepted, duplicates, late)
	require.NotZero(t, accepted)
	require.NotZero(t, duplicates)
	require.NotZero(t, late)
}

func FuzzSchedule(f *testing.F) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 2))
		input := make([]byte, 200+100*seed)
		for i := range input {
			input[i] = byte(r.Uint32())
		}
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input []byte) { newSchedule(t, input[:min(len(input), 800)]).run() })
}
