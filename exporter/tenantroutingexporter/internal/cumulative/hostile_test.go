// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatagen"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// shape is a histogram point that counts nothing.
type shape struct {
	bounds  []float64
	buckets int
}

func shaped(at int, s shape) pmetric.Metrics {
	return metric(func(m pmetric.Metric) {
		h := m.SetEmptyHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		p := h.DataPoints().AppendEmpty()
		p.SetTimestamp(pcommon.Timestamp(at))
		p.ExplicitBounds().FromRaw(s.bounds)
		p.BucketCounts().FromRaw(make([]uint64, s.buckets))
	})
}

// A count of 0 says nothing of a point's shape.
func TestConvert_ShapesThatChange(t *testing.T) {
	shapes := []shape{
		{nil, 0}, {nil, 1}, {nil, 3}, {[]float64{1}, 0}, {[]float64{1}, 2}, {[]float64{2}, 2}, {[]float64{1, 2}, 1}, {[]float64{1, 2}, 9}, {[]float64{math.NaN()}, 2},
	}
	for i, first := range shapes {
		for j, second := range shapes {
			c := converter()
			accept(t, c, shaped(1, first))
			md := shaped(2, second)
			assert.Zero(t, accept(t, c, md))
			points := only(t, md).Histogram().DataPoints()
			p := points.At(points.Len() - 1)
			assert.Equal(t, second.buckets, p.BucketCounts().Len(), "%d then %d", i, j)
			assert.Equal(t, len(second.bounds), p.ExplicitBounds().Len())
		}
	}
}

// layout is where the buckets of an exponential histogram are.
type layout struct {
	scale, offset int32
	buckets       int
	count         uint64
	threshold     float64
}

func placed(at int, p layout) pmetric.Metrics {
	return metric(func(m pmetric.Metric) {
		h := m.SetEmptyExponentialHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		d := h.DataPoints().AppendEmpty()
		d.SetTimestamp(pcommon.Timestamp(at))
		d.SetScale(p.scale)
		d.SetCount(p.count)
		d.SetZeroThreshold(p.threshold)
		for _, b := range []pmetric.ExponentialHistogramDataPointBuckets{d.Positive(), d.Negative()} {
			b.SetOffset(p.offset)
			b.BucketCounts().FromRaw(make([]uint64, p.buckets))
			for i := range p.buckets {
				b.BucketCounts().SetAt(i, 1)
			}
		}
	})
}

// For all positions of buckets, a total has few buckets, includes each delta and uses little
// memory.
func TestConvert_PlacesThatAreFarApart(t *testing.T) {
	var places []layout
	for _, scale := range []int32{math.MinInt32, -34, -11, -10, -5, -4, 0, 8, 20, 33, math.MaxInt32} {
		for _, offset := range []int32{math.MinInt32, -2e9, -1, 0, 2e9, math.MaxInt32} {
			for _, buckets := range []int{0, 1, 161} {
				places = append(places, layout{scale: scale, offset: offset, buckets: buckets})
			}
		}
	}
	places = append(places, layout{buckets: 3, threshold: 1}, layout{buckets: 3, threshold: math.NaN()}, layout{buckets: 3, count: math.MaxUint64})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, first := range places {
		for _, second := range places {
			c := converter()
			dropped := accept(t, c, placed(1, first))
			require.Equal(t, !first.possible(), dropped.Invalid == 1, "%v", first)
			md := placed(2, second)
			if dropped = accept(t, c, md); dropped.Invalid == 1 {
				require.False(t, second.possible(), "%v", second)
				continue
			}
			points := only(t, md).ExponentialHistogram().DataPoints()
			p := points.At(points.Len() - 1)
			want := second.buckets
			coarse := func(l layout) bool { return l.scale < leastNative && l.buckets > 0 }
			if first.threshold == second.threshold && first.count+second.count >= first.count && first.possible() &&
				(second.buckets == 0 || coarse(first) == coarse(second)) { // or the total begins again
				want += first.buckets
			}
			for _, b := range []pmetric.ExponentialHistogramDataPointBuckets{p.Positive(), p.Negative()} {
				require.LessOrEqual(t, b.BucketCounts().Len(), maxBuckets, "%v then %v", first, second)
				require.Equal(t, want, total(b), "%v then %v", first, second)
			}
			require.LessOrEqual(t, p.Scale(), max(first.scale, second.scale, leastNative))
			if second.buckets > 0 && second.scale >= leastNative {
				require.GreaterOrEqual(t, p.Scale(), int32(leastNative), "%v then %v", first, second)
			}
		}
	}
	runtime.ReadMemStats(&after)
	perCase := (after.TotalAlloc - before.TotalAlloc) / uint64(len(places)*len(places))
	assert.Less(t, perCase, uint64(512<<10), "bytes allocated")
}

// possible reports whether the buckets contain numbers of type float64.
func (l layout) possible() bool {
	if l.scale < -10 || l.buckets == 0 {
		return l.scale >= -10
	}
	width := math.Exp2(-float64(l.scale)) // of a bucket, in powers of two
	lowest, highest := float64(l.offset), float64(l.offset)+float64(l.buckets-1)
	return (lowest+2)*width >= -1074 && (highest-1)*width < 1024
}

func total(b pmetric.ExponentialHistogramDataPointBuckets) (n int) {
	for _, c := range b.BucketCounts().All() {
		n += int(c) //nolint:gosec // small
	}
	return n
}

func TestConvert_BoundsBuckets(t *testing.T) {
	set := settings()
	set.MaxBuckets = 100
	c := with(set)
	assert.Zero(t, accept(t, c, shaped(1, shape{make([]float64, 49), 50})))
	assert.Equal(t, Dropped{TooMany: 1}, accept(t, c, shaped(2, shape{make([]float64, 50), 51})), "the total would have more")
	assert.Equal(t, Dropped{TooMany: 1}, accept(t, c, placed(2, layout{buckets: 1})))
	assert.Zero(t, accept(t, c, shaped(3, shape{make([]float64, 49), 50})), "what is there goes on")
	assert.Zero(t, accept(t, c, deltaSum(3, map[string]int64{"a": 1})))
	assert.Equal(t, 99, c.buckets)
	assert.Zero(t, accept(t, c, shaped(4, shape{nil, 1})))
	assert.Equal(t, 1, c.buckets, "a total that starts again")
	c.Sweep(time.Unix(0, 0).Add(2 * set.MaxIdle))
	assert.Zero(t, c.buckets)
}

// Points without buckets get those of their total.
func TestConvert_BoundsGrowth(t *testing.T) {
	set := settings()
	set.MaxGrowth = 1000
	c := with(set)
	accept(t, c, placed(1, layout{buckets: 160}))
	points := func(n int) pmetric.Metrics {
		md := placed(2, layout{})
		all := only(t, md).ExponentialHistogram().DataPoints()
		for i := range n - 1 {
			p := all.AppendEmpty()
			p.SetTimestamp(pcommon.Timestamp(3 + i))
		}
		return md
	}
	conversion, err := c.Convert(points(3), time.Now())
	require.NoError(t, err)
	conversion.Close()
	_, err = c.Convert(points(4), time.Now())
	require.ErrorIs(t, err, ErrGrowth)

	// Fields after the omitted points are decoded correctly.
	accept(t, c, deltaSum(1, map[string]int64{"a": 1}))
	mixed := points(5)
	for _, more := range []pmetric.Metrics{deltaSum(2, map[string]int64{"a": 1}), shaped(2, shape{make([]float64, 3), 4})} {
		more.ResourceMetrics().MoveAndAppendTo(mixed.ResourceMetrics())
	}
	_, err = c.Convert(mixed, time.Now())
	require.ErrorIs(t, err, ErrGrowth)

	md := placed(2, layout{})
	accept(t, c, md) // it is not locked, and has taken nothing over
	assert.Equal(t, 160, total(only(t, md).ExponentialHistogram().DataPoints().At(0).Positive()))
}

// A panic leaves the converter as it was.
func TestConvert_PanicsDoNotLock(t *testing.T) {
	c := converter()
	accept(t, c, deltaSum(1, map[string]int64{"a": 1}))
	shared := deltaSum(2, map[string]int64{"a": 1})
	shared.MarkReadOnly() // to change it panics
	for range 3 {
		assert.Panics(t, func() { _, _ = c.Convert(shared, time.Now()) })
	}
	md := deltaSum(2, map[string]int64{"a": 1})
	accept(t, c, md)
	assert.Equal(t, int64(2), only(t, md).Sum().DataPoints().At(0).IntValue())
}

func TestConvert_KeysThatOccurTwice(t *testing.T) {
	secret := newSeeds()
	id := func(values ...string) streamID {
		var pairs []string
		for _, v := range values {
			pairs = append(pairs, fmt.Sprintf(`{"key":"a","value":{"stringValue":%q}}`, v))
		}
		md, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics([]byte(`{"resourceMetrics":[{"resource":{"attributes":[` + strings.Join(pairs, ",") + `]}}]}`))
		require.NoError(t, err)
		m := md.ResourceMetrics().At(0).Resource().Attributes()
		require.Equal(t, len(values), m.Len())
		return (&identity{seeds: &secret}).point(m)
	}
	seen := make(map[streamID][]string)
	for _, values := range [][]string{{"1"}, {"2"}, {""}} {
		assert.NotContains(t, seen, id(values...), "%v is not %v", values, seen[id(values...)])
		seen[id(values...)] = values
	}
	for _, values := range [][]string{{"1", "1"}, {"1", "2"}, {"2", "1"}, {"3", "2", "1"}, {"2", "1", "2", "1"}} {
		assert.Equal(t, []string{"1"}, seen[id(values...)], "%v", values)
	}
}

// twice is a delta point whose attributes, and those of its resource and scope, are a with
// these values, and b.
func twice(t *testing.T, at int, gateway bool, values ...string) pmetric.Metrics {
	t.Helper()
	pairs := []string{`{"key":"b","value":{"intValue":"1"}}`}
	for _, v := range values {
		pairs = append(pairs, fmt.Sprintf(`{"key":"a","value":{"stringValue":%q}}`, v))
		if gateway {
			pairs = append(pairs, fmt.Sprintf(`{"key":"gateway","value":{"stringValue":%q}}`, v))
		}
	}
	attributes := `"attributes":[` + strings.Join(pairs, ",") + `]`
	md, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(fmt.Appendf(nil, `{"resourceMetrics":[{"resource":{%s},"scopeMetrics":[{"scope":{%s},`+
		`"metrics":[{"name":"m","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[{%s,"timeUnixNano":"%d","asInt":"1"}]}}]}]}]}`,
		attributes, attributes, attributes, at))
	require.NoError(t, err)
	return md
}

// Stores join the values of a key that occurs twice, or take one of them. Whatever their order,
// there is one time series, and stores see one.
func TestConvert_OneSeriesWhateverTheOrderOfRepeatedKeys(t *testing.T) {
	for _, gateway := range []bool{false, true} {
		set := settings()
		if gateway {
			set.GatewayKey, set.GatewayID = "gateway", "g"
		}
		c := with(set)
		for i, values := range [][]string{{"1"}, {"1", "2"}, {"2", "1"}, {"2", "3", "1", "1"}} {
			md := twice(t, 100+i, gateway, values...)
			assert.Zero(t, accept(t, c, md))
			points := only(t, md).Sum().DataPoints()
			assert.Equal(t, int64(i+1), points.At(points.Len()-1).IntValue(), "%v", values)
			for _, d := range points.All() {
				want := 2
				if gateway {
					want++
					v, _ := d.Attributes().Get("gateway")
					assert.Equal(t, "g", v.Str())
				}
				assert.Equal(t, want, d.Attributes().Len())
				v, _ := d.Attributes().Get("a")
				assert.Equal(t, "1", v.Str())
			}
			rm := md.ResourceMetrics().At(0)
			assert.Len(t, rm.Resource().Attributes().AsRaw(), rm.Resource().Attributes().Len())
			assert.Len(t, rm.ScopeMetrics().At(0).Scope().Attributes().AsRaw(), rm.ScopeMetrics().At(0).Scope().Attributes().Len())
		}
		assert.Len(t, c.streams, 1)
	}
}

func FuzzConvert(f *testing.F) {
	for n := range 12 {
		seed := make([]byte, 400)
		for i := range seed {
			seed[i] = byte((i + 1) * (2*n + 1))
		}
		f.Add(seed, seed[:50], seed[100:])
	}
	f.Fuzz(func(t *testing.T, first, second, third []byte) {
		set := settings()
		set.MaxStreams, set.MaxBuckets = 20, 10_000
		c := with(set)
		for _, raw := range [][]byte{first, second, first, third} {
			data := pdatagen.New(raw).Request(tenant.Metrics)
			decode := func() pmetric.Metrics {
				md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data)
				require.NoError(t, err)
				return md
			}
			encode := func(md pmetric.Metrics) []byte {
				out, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
				require.NoError(t, err)
				return out
			}
			discarded, md := decode(), decode()
			before := md.DataPointCount()
			now := time.Unix(0, 0)
			conversion, err := c.Convert(discarded, now)
			if err != nil {
				require.ErrorIs(t, err, ErrGrowth)
				continue
			}
			conversion.Close()
			conversion, err = c.Convert(md, now)
			require.NoError(t, err)
			conversion.Accept()
			conversion.Close()
			require.Equal(t, encode(discarded), encode(md), "what was not accepted has changed nothing")
			require.False(t, Needs(md))
			require.Equal(t, before, md.DataPointCount()-conversion.Zeros+conversion.Dropped.Total())
			held := 0
			for _, s := range c.streams {
				held += s.size()
				if s.total != nil && s.total.bounds == nil {
					require.LessOrEqual(t, len(s.total.negative.values), maxBuckets)
				}
			}
			require.Equal(t, held, c.buckets)
			require.LessOrEqual(t, held, set.MaxBuckets)
			require.LessOrEqual(t, len(c.streams), set.MaxStreams)
		}
		c.Sweep(time.Unix(0, 0).Add(2 * set.MaxIdle))
		require.Zero(t, c.buckets)
	})
}

// wide returns a delta point with n attributes of look-alike keys in any order.
func wide(n, at int) pmetric.Metrics {
	md := deltaSum(at, map[string]int64{"a": 1})
	m := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0).Attributes()
	m.EnsureCapacity(n + 1)
	raw := make(map[string]any, n)
	for i := range n {
		raw[fmt.Sprintf("http.request.header.x-forwarded-for.%06d", i*7919%n)] = "v"
	}
	if err := m.FromRaw(raw); err != nil {
		panic(err)
	}
	return md
}

func BenchmarkConvert_WideAttributes(b *testing.B) {
	for _, n := range []int{8, 100, 10_000, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := wide(n, 1).ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0).Attributes()
			secret := newSeeds()
			id := identity{seeds: &secret}
			b.ReportAllocs()
			for b.Loop() {
				id.point(m)
			}
		})
	}
}

// A large resource is read once, not for each of its points.
func BenchmarkConvert_LargeResource(b *testing.B) {
	for _, points := range []int{100, 10_000} {
		b.Run(fmt.Sprint(points), func(b *testing.B) {
			resource := pcommon.NewResource()
			resource.Attributes().PutStr("large", string(make([]byte, 1<<20)))
			m := pcommon.NewMap()
			m.PutStr("a", "b")
			secret := newSeeds()
			b.ReportAllocs()
			for b.Loop() {
				id := identity{seeds: &secret}
				id.resource(resource)
				id.scope(pcommon.NewInstrumentationScope())
				id.metric(pmetric.NewMetric())
				for range points {
					id.point(m)
				}
			}
		})
	}
}
