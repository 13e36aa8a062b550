// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package wire

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatagen"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func formOf(signal tenant.Signal) Form {
	if signal == tenant.Metrics {
		return Points
	}
	return Records
}

// canonical returns a request as pdata encodes it, and how many records it has.
func canonical(t testing.TB, signal tenant.Signal, data []byte) ([]byte, int) {
	t.Helper()
	var records int
	var err error
	switch signal {
	case tenant.Metrics:
		r := pmetricotlp.NewExportRequest()
		require.NoError(t, r.UnmarshalProto(data))
		records = r.Metrics().DataPointCount()
		data, err = r.MarshalProto()
	case tenant.Traces:
		r := ptraceotlp.NewExportRequest()
		require.NoError(t, r.UnmarshalProto(data))
		records = r.Traces().SpanCount()
		data, err = r.MarshalProto()
	default:
		r := plogotlp.NewExportRequest()
		require.NoError(t, r.UnmarshalProto(data))
		records = r.Logs().LogRecordCount()
		data, err = r.MarshalProto()
	}
	require.NoError(t, err)
	return data, records
}

// single returns a request for each record of data: what the old implementation
// makes of it if nothing fits.
func single(t testing.TB, signal tenant.Signal, data []byte, records int) (all []string) {
	t.Helper()
	if records == 0 {
		return nil
	}
	pieces, err := split(signal, data, records, 0)
	require.NoError(t, err)
	for _, p := range pieces {
		data, err := window(signal, p.Data, 0, p.Records) // without messages that hold no records
		require.NoError(t, err)
		all = append(all, string(data))
	}
	return all
}

// requireCut checks pieces against the old implementation.
// requireCutEach compares CutEach with the pieces of Cut.
func requireCutEach(t testing.TB, signal tenant.Signal, data []byte, limit int, pieces []Piece) {
	t.Helper()
	want, most := []string{string(data)}, math.MaxInt
	if len(pieces) > 1 {
		want, most = nil, 0
		for _, p := range pieces {
			want, most = append(want, string(p.Data)), max(most, len(p.Data))
		}
	}
	limits := Limits{Piece: limit, Total: math.MaxInt}
	each := func(largest int, failure error) (got []string) {
		err := CutEach(formOf(signal), data, limits, largest, func(piece []byte) error {
			got = append(got, string(piece))
			return failure
		})
		require.ErrorIs(t, err, failure)
		return got
	}
	require.Equal(t, want, each(most, nil))
	if len(pieces) > 1 {
		require.Equal(t, []string{string(data)}, each(most-1, nil), "a piece is too large")
	}
	require.Equal(t, want[:1], each(most, errMalformed), "it ends with the first error")
}

func requireCut(t testing.TB, signal tenant.Signal, data []byte, records, limit int) []Piece {
	t.Helper()
	pieces, err := Cut(formOf(signal), data, Limits{Piece: limit, Total: math.MaxInt})
	requireCutEach(t, signal, data, limit, pieces)
	var large *TooLargeError
	if err == nil {
		var got []string
		for i, p := range pieces {
			_, n := canonical(t, signal, p.Data)
			require.Equal(t, p.Records, n)
			require.Positive(t, n)
			require.True(t, len(p.Data) <= limit || n == 1, "piece %d of %d bytes", i, len(p.Data))
			require.Equal(t, len(p.Data), cap(p.Data), "it was known")
			got = append(got, single(t, signal, p.Data, n)...)
		}
		require.Equal(t, single(t, signal, data, records), got)
		return pieces
	}
	require.ErrorAs(t, err, &large)
	require.Greater(t, large.Envelope, limit)
	return nil
}

func manyLogs(t testing.TB) (data []byte, records int) {
	ld := plog.NewLogs()
	for r := range 3 {
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutInt("r", int64(r))
		rl.SetSchemaUrl("https://example.com/1")
		for s := range 3 {
			sl := rl.ScopeLogs().AppendEmpty()
			sl.Scope().SetName(strings.Repeat(fmt.Sprint(s), 20*s))
			sl.SetSchemaUrl("https://example.com/2")
			for i := range 10 * s { // the first has none
				sl.LogRecords().AppendEmpty().Body().SetStr(fmt.Sprint(r, s, i) + strings.Repeat("x", i*i))
			}
		}
	}
	data, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	require.NoError(t, err)
	return data, ld.LogRecordCount()
}

func TestCut_EqualsTheEarlierImplementation(t *testing.T) {
	data, records := manyLogs(t)
	for limit := 60; limit <= len(data)+1; limit += 1 + limit/7 {
		pieces := requireCut(t, tenant.Logs, data, records, limit)
		old, err := split(tenant.Logs, data, records, limit)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(pieces), len(old), "it fills pieces as they come")
	}
}

func TestCut_EveryKindOfMetric(t *testing.T) {
	md := pmetric.NewMetrics()
	metrics := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	add := func(name string) pmetric.Metric {
		m := metrics.AppendEmpty()
		m.SetName(name)
		m.SetUnit("s")
		m.Metadata().PutStr("a", "b")
		return m
	}
	gauge, sum := add("gauge").SetEmptyGauge(), add("sum").SetEmptySum()
	histogram, exponential, summary := add("histogram").SetEmptyHistogram(), add("exponential").SetEmptyExponentialHistogram(), add("summary").SetEmptySummary()
	sum.SetIsMonotonic(true)
	exponential.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	for i := range 7 { // a point with a count of 0 is smaller than the others
		gauge.DataPoints().AppendEmpty().SetIntValue(int64(i))
		sum.DataPoints().AppendEmpty().SetIntValue(int64(i))
		histogram.DataPoints().AppendEmpty().SetCount(uint64(i))
		exponential.DataPoints().AppendEmpty().SetCount(uint64(i))
		summary.DataPoints().AppendEmpty().SetCount(uint64(i))
	}
	data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	require.NoError(t, err)
	assert.Len(t, requireCut(t, tenant.Metrics, data, 35, 46), 35)
	assert.Len(t, requireCut(t, tenant.Metrics, data, 35, 70), 15)
	assert.Len(t, requireCut(t, tenant.Metrics, data, 35, len(data)), 1)
}

// envelopes returns requests in which one message around the records is large.
func envelopes(t testing.TB, size, records int) map[string][]byte {
	t.Helper()
	long := strings.Repeat("x", size)
	out := make(map[string][]byte)
	logs := func(name string, change func(plog.ResourceLogs)) {
		ld := plog.NewLogs()
		rl := ld.ResourceLogs().AppendEmpty()
		sl := rl.ScopeLogs().AppendEmpty()
		change(rl)
		for range records {
			sl.LogRecords().AppendEmpty()
		}
		data, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
		require.NoError(t, err)
		out[name] = data
	}
	logs("resource", func(rl plog.ResourceLogs) { rl.Resource().Attributes().PutStr("a", long) })
	logs("schema", func(rl plog.ResourceLogs) { rl.SetSchemaUrl(long) })
	logs("scope name", func(rl plog.ResourceLogs) { rl.ScopeLogs().At(0).Scope().SetName(long) })
	logs("scope attributes", func(rl plog.ResourceLogs) { rl.ScopeLogs().At(0).Scope().Attributes().PutStr("a", long) })
	metrics := func(name string, change func(pmetric.Metric)) {
		md := pmetric.NewMetrics()
		m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		change(m)
		for range records {
			m.SetEmptySum().DataPoints().AppendEmpty()
		}
		data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
		require.NoError(t, err)
		out["metric "+name] = data
	}
	metrics("name", func(m pmetric.Metric) { m.SetName(long) })
	metrics("description", func(m pmetric.Metric) { m.SetDescription(long) })
	metrics("metadata", func(m pmetric.Metric) { m.Metadata().PutStr("a", long) })
	return out
}

func TestCut_DropsFieldsAroundARecord(t *testing.T) {
	for name, data := range envelopes(t, 1000, 1) {
		form := Records
		if strings.HasPrefix(name, "metric") {
			form = Points
		}
		allocated := testing.AllocsPerRun(1, func() {
			_, err := Cut(form, data, Limits{Piece: 1000, Total: math.MaxInt})
			var large *TooLargeError
			require.ErrorAs(t, err, &large, name)
			assert.Equal(t, len(data), large.Size)
			assert.Greater(t, large.Envelope, 1000)
			assert.ErrorContains(t, err, fmt.Sprintf("are %d bytes without the record, and a destination takes at most 1000 bytes", large.Envelope))
		})
		assert.Less(t, allocated, 60.0, name)
	}
}

// How much pieces are in all is known before one is made.
func TestCut_BoundsTheSumOfPieces(t *testing.T) {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("a", strings.Repeat("x", 9000))
	sl := rl.ScopeLogs().AppendEmpty()
	for range 100 {
		sl.LogRecords().AppendEmpty().Body().SetStr(strings.Repeat("y", 600))
	}
	data, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	require.NoError(t, err)
	pieces, err := Cut(Records, data, Limits{Piece: 10_000, Total: math.MaxInt})
	require.NoError(t, err)
	require.Len(t, pieces, 100)
	total := 0
	for _, p := range pieces {
		total += len(p.Data)
	}
	_, err = Cut(Records, data, Limits{Piece: 10_000, Total: total})
	require.NoError(t, err)
	_, err = Cut(Records, data, Limits{Piece: 10_000, Total: total - 1})
	assert.ErrorContains(t, err, fmt.Sprintf("splitting the request of %d bytes would make more than %d bytes", len(data), total-1))
}

func TestCut_RecordsLargerThanTheLimitAreAlone(t *testing.T) {
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for _, n := range []int{10, 2000, 10, 10, 3000, 4000, 10} {
		records.AppendEmpty().Body().SetStr(strings.Repeat("x", n))
	}
	data, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	require.NoError(t, err)
	var got []int
	for _, p := range requireCut(t, tenant.Logs, data, 7, 1000) {
		got = append(got, p.Records)
	}
	assert.Equal(t, []int{1, 1, 2, 1, 1, 1}, got)
}

func TestCut_Malformed(t *testing.T) {
	data, _ := manyLogs(t)
	for _, bad := range [][]byte{data[:len(data)-1], {0xff}, {0x0a, 2, 0x12, 5}, protowire.AppendVarint(nil, 0x0a), {0x0b}} {
		_, err := Cut(Records, bad, Limits{Piece: 100, Total: math.MaxInt})
		assert.ErrorIs(t, err, errMalformed)
	}
	pieces, err := Cut(Records, nil, Limits{Piece: 1, Total: 1})
	require.NoError(t, err)
	assert.Empty(t, pieces)
}

func FuzzCut(f *testing.F) {
	f.Add(uint8(0), []byte("\x03\x01\x03\x02\x03"), uint16(10))
	f.Add(uint8(1), bytes.Repeat([]byte{3, 1}, 300), uint16(100))
	f.Add(uint8(2), bytes.Repeat([]byte{1, 2, 3}, 300), uint16(70))
	f.Fuzz(func(t *testing.T, s uint8, raw []byte, limit uint16) {
		signal := tenant.Signal(s % 3)
		request := pdatagen.New(raw).Request(signal)
		if len(request) > 8<<10 {
			return // the old implementation takes long
		}
		data, records := canonical(t, signal, request)
		if records > 200 {
			return
		}
		requireCut(t, signal, data, records, int(limit))
		// Data that was never decoded must not cause a panic.
		_, _ = Cut(formOf(signal), raw, Limits{Piece: int(limit), Total: 10 * len(raw)})
	})
}

func BenchmarkCut(b *testing.B) {
	ld := plog.NewLogs()
	for range 20 {
		sl := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
		for range 1000 {
			sl.LogRecords().AppendEmpty().Body().SetStr(strings.Repeat("x", 200))
		}
	}
	data, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	require.NoError(b, err)
	b.Run("wire", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			_, err := Cut(Records, data, Limits{Piece: 1 << 20, Total: math.MaxInt})
			require.NoError(b, err)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			_, err := split(tenant.Logs, data, ld.LogRecordCount(), 1<<20)
			require.NoError(b, err)
		}
	})
}
