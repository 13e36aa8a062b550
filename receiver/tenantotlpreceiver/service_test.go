// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/sharedcomponent"
)

// fill puts a value of each kind that could refer to what it was decoded from.
func fill(attrs pcommon.Map) {
	attrs.PutStr("text", "a text that is long enough to be worth referring to")
	attrs.PutEmptyBytes("bytes").FromRaw([]byte("some bytes"))
	attrs.PutEmptySlice("slice").AppendEmpty().SetStr("nested \u00e9\"\n")
}

// TestService_DecodedDataDoesNotReferToTheRequest holds what the reuse of buffers
// relies on: one request never changes another.
func TestService_DecodedDataDoesNotReferToTheRequest(t *testing.T) {
	ld := plog.NewLogs()
	fill(ld.ResourceLogs().AppendEmpty().Resource().Attributes())
	record := ld.ResourceLogs().At(0).ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetSeverityText("INFO")
	record.SetEventName("event")
	record.Body().SetEmptyBytes().FromRaw([]byte("body"))
	record.SetTraceID([16]byte{1, 2})
	fill(record.Attributes())
	md := pmetric.NewMetrics()
	metric := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	metric.SetName("name")
	metric.SetUnit("By")
	point := metric.SetEmptyHistogram().DataPoints().AppendEmpty()
	point.BucketCounts().FromRaw([]uint64{1, 2, 3})
	point.ExplicitBounds().FromRaw([]float64{1, 2})
	fill(point.Attributes())
	fill(point.Exemplars().AppendEmpty().FilteredAttributes())
	td := ptrace.NewTraces()
	span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetName("name")
	span.TraceState().FromRaw("a=b")
	fill(span.Events().AppendEmpty().Attributes())
	fill(span.Links().AppendEmpty().Attributes())

	type marshaler interface {
		MarshalProto() ([]byte, error)
		MarshalJSON() ([]byte, error)
	}
	for _, f := range []format{formatProtobuf, formatJSON} {
		encoded := func(m marshaler) []byte {
			marshal := m.MarshalProto
			if f == formatJSON {
				marshal = m.MarshalJSON
			}
			data, err := marshal()
			require.NoError(t, err)
			return data
		}
		logs, metrics, traces := new(consumertest.LogsSink), new(consumertest.MetricsSink), new(consumertest.TracesSink)
		in := setup{open: true}.start(t).receiver.(*sharedcomponent.Handle[*otlpReceiver]).Component().http
		for s, data := range map[*service][]byte{
			newLogs(logs):       encoded(plogotlp.NewExportRequestFromLogs(ld)),
			newMetrics(metrics): encoded(pmetricotlp.NewExportRequestFromMetrics(md)),
			newTraces(traces):   encoded(ptraceotlp.NewExportRequestFromTraces(td)),
		} {
			export, err := s.decode(f, data)
			require.NoError(t, err)
			for i := range data {
				data[i] = 'X'
			}
			require.NoError(t, export(t.Context(), in))
		}
		assert.Equal(t, ld, logs.AllLogs()[0], f)
		assert.Equal(t, md, metrics.AllMetrics()[0], f)
		assert.Equal(t, td, traces.AllTraces()[0], f)
	}
}
