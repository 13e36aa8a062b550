// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

const arrived = pcommon.Timestamp(1_800_000_000_000_000_000)

// ledger counts what a builder reserves.
type ledger struct {
	most, reserved int64
	exhausted      bool
}

func (l *ledger) reserve(n int64) error {
	if n < 0 || l.most > 0 && l.reserved+n > l.most {
		l.exhausted = true
		return rejection.New(rejection.TooLarge, "over the test's limit")
	}
	l.reserved += n
	return nil
}

func build(read func(*Builder, []byte) error, set Settings, body []byte) (Result, error) {
	if set.Reserve == nil {
		set.Reserve = new(ledger).reserve
	}
	set.Arrived = arrived
	b, err := NewBuilder(set, len(body))
	if err != nil {
		return Result{}, err
	}
	if err := read(b, body); err != nil {
		return Result{}, err
	}
	return b.Finish()
}

func mustJSON(t testing.TB, body string) Result {
	t.Helper()
	r, err := build((*Builder).JSON, Settings{}, []byte(body))
	require.NoError(t, err)
	return r
}

// record is a log record with its resource, in a form that tests can compare.
type record struct {
	Resource   map[string]any
	Attributes map[string]any
	Time       uint64
	Line       string
	Severity   int
	Word       string
	Trace      string
	Span       string
	Dropped    uint32
}

func records(logs plog.Logs) []record {
	out := []record{}
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				out = append(out, record{
					Resource: rl.Resource().Attributes().AsRaw(), Attributes: lr.Attributes().AsRaw(), Time: uint64(lr.Timestamp()), Line: lr.Body().Str(),
					Severity: int(lr.SeverityNumber()), Word: lr.SeverityText(), Trace: lr.TraceID().String(), Span: lr.SpanID().String(),
					Dropped: lr.DroppedAttributesCount(),
				})
			}
		}
	}
	return out
}

func lenField(number protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), slices.Concat(parts...))
}

func numField(number protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), v)
}

// protoEntry returns an entry in protobuf. metadata are names and values.
func protoEntry(seconds, nanos uint64, line string, metadata ...string) []byte {
	var pairs []byte
	for i := 0; i < len(metadata); i += 2 {
		pairs = append(pairs, lenField(fieldMetadata, lenField(fieldName, []byte(metadata[i])), lenField(fieldValue, []byte(metadata[i+1])))...)
	}
	return lenField(fieldEntries, lenField(fieldTimestamp, numField(fieldSeconds, seconds), numField(fieldNanos, nanos)), lenField(fieldLine, []byte(line)), pairs)
}

func protoStream(labels string, entries ...[]byte) []byte {
	return lenField(fieldStreams, lenField(fieldLabels, []byte(labels)), slices.Concat(entries...))
}
