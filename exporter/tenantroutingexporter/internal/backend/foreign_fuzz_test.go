// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatagen"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// recordsIn returns how many records a request has, in protobuf or JSON.
func recordsIn(t *testing.T, signal tenant.Signal, data []byte, json bool) int {
	t.Helper()
	var err error
	switch signal {
	case tenant.Metrics:
		var md pmetric.Metrics
		if json {
			md, err = (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(data)
		} else {
			md, err = (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data)
		}
		require.NoError(t, err)
		return md.DataPointCount()
	case tenant.Traces:
		var td ptrace.Traces
		if json {
			td, err = (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(data)
		} else {
			td, err = (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
		}
		require.NoError(t, err)
		return td.SpanCount()
	}
	var ld plog.Logs
	if json {
		ld, err = (&plog.JSONUnmarshaler{}).UnmarshalLogs(data)
	} else {
		ld, err = (&plog.ProtoUnmarshaler{}).UnmarshalLogs(data)
	}
	require.NoError(t, err)
	return ld.LogRecordCount()
}

// FuzzLines writes any telemetry as lines of an archive and as dead letters, and
// reads it again.
func FuzzLines(f *testing.F) {
	for n := range 9 {
		seed := make([]byte, 300)
		for i := range seed {
			seed[i] = byte((i + 1) * (2*n + 1))
		}
		f.Add(uint8(n), seed)
	}
	f.Fuzz(func(t *testing.T, s uint8, raw []byte) {
		signal := tenant.Signal(s % 3)
		payload := pdatagen.New(raw).Request(signal)
		if len(payload) == 0 {
			return // lanes hold no payloads without records
		}
		want := recordsIn(t, signal, payload, false)
		data, err := linesFor(signal, [][]byte{payload, payload})
		require.NoError(t, err)
		lines := linesOf(t, data)
		require.Len(t, lines, 2)
		for _, line := range lines {
			require.Equal(t, want, recordsIn(t, signal, line, true))
		}

		b := &lane.Batch{Key: lane.Key{Tenant: "a", Destination: "d", Signal: signal}, Payloads: [][]byte{payload, payload}}
		data, err = lettersOf(t, b, lane.Result{Reason: "http_400"}, time.Unix(1, 0))
		require.NoError(t, err)
		lines = linesOf(t, data)
		require.Len(t, lines, 2)
		for _, line := range lines {
			require.Equal(t, want, recordsIn(t, signal, line, true), "readers of OTLP JSON pass over the note")
			request, note, err := deadletter.Parse(line)
			require.NoError(t, err)
			require.Equal(t, "http_400", note.Reason)
			require.Equal(t, want, recordsIn(t, signal, request, true))
		}
	})
}

// JSON is many times as large as a payload, so what can be cut is.
func TestLines_OfLargePayloads(t *testing.T) {
	logs := func(records, bytes int) []byte {
		ld := plog.NewLogs()
		all := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for range records {
			all.AppendEmpty().Body().SetStr(strings.Repeat("\x00", bytes))
		}
		data, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
		require.NoError(t, err)
		return data
	}
	for name, c := range map[string]struct{ records, bytes, lines int }{
		"small": {10, 100, 1}, "large": {3000, 1000, 3}, "one large record": {1, 3 << 20, 1}, "large and small": {2, 2 << 20, 2},
	} {
		t.Run(name, func(t *testing.T) {
			payload := logs(c.records, c.bytes)
			data, err := linesFor(tenant.Logs, [][]byte{payload})
			require.NoError(t, err)
			letters := &lane.Batch{Key: lane.Key{Signal: tenant.Logs}, Payloads: [][]byte{payload}, Bytes: len(payload)}
			dead, err := lettersOf(t, letters, lane.Result{}, time.Now())
			require.NoError(t, err)
			for _, data := range [][]byte{data, dead} {
				lines := linesOf(t, data)
				require.Len(t, lines, c.lines)
				records := 0
				for _, line := range lines {
					records += recordsIn(t, tenant.Logs, line, true)
				}
				require.Equal(t, c.records, records)
			}
		})
	}
}

// linesOf returns lines without their line feeds, of which there is one at the end of
// each and none inside.
func linesOf(t *testing.T, data []byte) [][]byte {
	t.Helper()
	data, ok := bytes.CutSuffix(data, []byte("\n"))
	require.True(t, ok)
	return bytes.Split(data, []byte("\n"))
}

// linesFor returns what an archive gets.
func linesFor(signal tenant.Signal, payloads [][]byte) ([]byte, error) {
	var b bytes.Buffer
	err := writeLines(&b, signal, payloads)
	return b.Bytes(), err
}

// lettersOf returns what the dead letters of a batch get.
func lettersOf(t *testing.T, batch *lane.Batch, res lane.Result, now time.Time) ([]byte, error) {
	t.Helper()
	var b bytes.Buffer
	_, write := newPool(t).DeadLetters(batch, res, now)
	err := write(&b)
	return b.Bytes(), err
}
