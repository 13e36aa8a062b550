// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package wire

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatagen"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// requireWindow compares a window with what decoding and encoding makes.
func requireWindow(t testing.TB, signal tenant.Signal, data []byte, first, end int) {
	t.Helper()
	want, err := window(signal, data, first, end)
	require.NoError(t, err)
	got, err := Window(formOf(signal), data, first, end)
	require.NoError(t, err)
	require.Equal(t, len(got), cap(got), "its size was known")
	got, _ = canonical(t, signal, got)
	require.Equal(t, string(want), string(got), "%d to %d", first, end)
}

func TestWindow_AsDecodingHasIt(t *testing.T) {
	data, records := manyLogs(t)
	for first := 0; first <= records; first += 7 {
		for end := first; end <= records+1; end += 5 {
			requireWindow(t, tenant.Logs, data, first, end)
		}
	}
}

func TestWindow_EveryKindOfMetric(t *testing.T) {
	md := pmetric.NewMetrics()
	metrics := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	metrics.AppendEmpty().SetName("without points")
	for i := range 4 {
		metrics.AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(int64(i))
		metrics.AppendEmpty().SetEmptySum().DataPoints().AppendEmpty().SetIntValue(int64(i))
		metrics.AppendEmpty().SetEmptyHistogram().DataPoints().AppendEmpty().SetCount(uint64(i))
		metrics.AppendEmpty().SetEmptyExponentialHistogram().DataPoints().AppendEmpty().SetCount(uint64(i))
		metrics.AppendEmpty().SetEmptySummary().DataPoints().AppendEmpty().SetCount(uint64(i))
	}
	data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	require.NoError(t, err)
	for first := range 20 {
		requireWindow(t, tenant.Metrics, data, first, first+1)
		requireWindow(t, tenant.Metrics, data, first, 20)
		requireWindow(t, tenant.Metrics, data, 0, first+1)
	}
}

func TestWindow_Malformed(t *testing.T) {
	data, _ := manyLogs(t)
	for _, bad := range [][]byte{data[:len(data)-1], {0xff}, {0x0a, 2, 0x12, 5}} {
		_, err := Window(Records, bad, 0, 1)
		assert.ErrorIs(t, err, errMalformed)
	}
	got, err := Window(Records, nil, 0, 1)
	require.NoError(t, err)
	assert.Empty(t, got)
}

func FuzzWindow(f *testing.F) {
	f.Add(uint8(0), []byte("\x03\x01\x03\x02\x03"), uint8(0), uint8(1))
	f.Add(uint8(1), bytes.Repeat([]byte{3, 1}, 300), uint8(2), uint8(9))
	f.Add(uint8(2), bytes.Repeat([]byte{1, 2, 3}, 300), uint8(1), uint8(200))
	f.Fuzz(func(t *testing.T, s uint8, raw []byte, first, end uint8) {
		signal := tenant.Signal(s % 3)
		request := pdatagen.New(raw).Request(signal)
		if len(request) > 8<<10 {
			return // decoding takes long
		}
		data, _ := canonical(t, signal, request)
		requireWindow(t, signal, data, int(first), int(end))
		// Data that was never decoded must not cause a panic.
		_, _ = Window(formOf(signal), raw, int(first), int(end))
	})
}
