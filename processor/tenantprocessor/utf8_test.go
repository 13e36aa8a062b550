// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor/internal/metadatatest"
)

// mark is what every string of a filled message ends with. Its bytes are made invalid
// in the encoded message, because protobuf encodes no invalid strings.
const mark = "~~~"

// filler fills messages by reflection, so that it has every string that the definition of
// OTLP has, those of later versions too.
type filler struct {
	strings int // with a mark
	fields  map[string]bool
}

// nesting is how deeply the values of a filled message are nested.
const nesting = 2

// fill fills m. Of a oneof it sets the member with the number variant.
func (f *filler) fill(m protoreflect.Message, variant, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if o := fd.ContainingOneof(); o != nil && !fd.HasOptionalKeyword() && o.Fields().Get(variant%o.Fields().Len()) != fd {
			continue
		}
		switch {
		case fd.IsList() && fd.Message() != nil:
			f.list(m.Mutable(fd).List(), fd.Message().Name(), depth)
		case fd.IsList() && fd.Kind() == protoreflect.StringKind:
			m.Mutable(fd).List().Append(f.text(fd))
		case fd.Message() != nil:
			f.fill(m.Mutable(fd).Message(), variant, depth)
		case fd.Kind() == protoreflect.StringKind:
			m.Set(fd, f.text(fd))
		case fd.ContainingOneof() != nil:
			m.Set(fd, m.NewField(fd))
		}
	}
}

// list has an element for each member of the oneof in it.
func (f *filler) list(list protoreflect.List, name protoreflect.Name, depth int) {
	variants := 1
	switch name {
	case "Metric":
		variants = 5
	case "NumberDataPoint", "Exemplar":
		variants = 2
	case "KeyValue", "AnyValue":
		if depth--; depth > 0 {
			variants = 7 // the eighth is for profiles
		}
	}
	for variant := range variants {
		element := list.NewElement()
		f.fill(element.Message(), variant, depth)
		list.Append(element)
	}
}

func (f *filler) text(fd protoreflect.FieldDescriptor) protoreflect.Value {
	f.strings++
	f.fields[string(fd.FullName())] = true
	return protoreflect.ValueOfString(fmt.Sprintf("text%d%s", f.strings, mark))
}

// filled returns an encoded request with every string that there is, each invalid in its
// own way, and a message to decode it with.
func filled(t *testing.T, signal tenant.Signal) (*filler, []byte, proto.Message) {
	t.Helper()
	f := &filler{fields: map[string]bool{}}
	m := map[tenant.Signal]proto.Message{
		tenant.Logs: &logspb.LogsData{}, tenant.Metrics: &metricspb.MetricsData{}, tenant.Traces: &tracepb.TracesData{},
	}[signal]
	f.fill(m.ProtoReflect(), 0, nesting)
	data, err := proto.Marshal(m)
	require.NoError(t, err)
	invalid := []string{"\xff\xfe\xfd", "a\xc3b", "\xed\xa0\x80", "\xe2\x82z", "\x80zz"}
	for n := 0; bytes.Contains(data, []byte(mark)); n++ {
		data = bytes.Replace(data, []byte(mark), []byte(invalid[n%len(invalid)]), 1)
	}
	return f, data, m.ProtoReflect().New().Interface()
}

// processed returns what becomes of an encoded request.
func processed(t *testing.T, p *tenantProcessor, signal tenant.Signal, data []byte) []byte {
	t.Helper()
	ctx := caller(genuine, tenant.AllSignals()...)
	var out []byte
	var err error
	switch signal {
	case tenant.Metrics:
		md, decodeErr := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data)
		require.NoError(t, decodeErr)
		md, err = p.processMetrics(ctx, md)
		require.NoError(t, err)
		out, err = (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	case tenant.Traces:
		td, decodeErr := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
		require.NoError(t, decodeErr)
		td, err = p.processTraces(ctx, td)
		require.NoError(t, err)
		out, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	default:
		ld, decodeErr := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(data)
		require.NoError(t, decodeErr)
		ld, err = p.processLogs(ctx, ld)
		require.NoError(t, err)
		out, err = (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	}
	require.NoError(t, err)
	return out
}

// TestUTF8_EveryString has an invalid string in every field of OTLP that has one. A
// later version of pdata that has one more fails it.
func TestUTF8_EveryString(t *testing.T) {
	for _, signal := range tenant.AllSignals() {
		t.Run(signal.String(), func(t *testing.T) {
			f, data, m := filled(t, signal)
			require.Error(t, proto.Unmarshal(data, m), "it is as invalid as it should be")
			p, telemetry := started(t, authConfig(), signal, bareRegistry(t))
			out := processed(t, p, signal, data)
			require.NoError(t, proto.Unmarshal(out, m), "protobuf rejects what is not UTF-8")
			assert.Equal(t, f.strings, strings.Count(string(out), "text"), "none is lost, of %v", f.fields)
			assert.GreaterOrEqual(t, strings.Count(string(out), "\uFFFD"), f.strings)
			metadatatest.AssertEqualProcessorTenantInvalidUtf8Strings(t, telemetry, []metricdata.DataPoint[int64]{
				{Value: int64(f.strings), Attributes: attribute.NewSet(attribute.String("signal", signal.String()))},
			}, metricdatatest.IgnoreTimestamp())

			assert.Equal(t, out, processed(t, p, signal, out), "what is valid stays as it is")
			metadatatest.AssertEqualProcessorTenantInvalidUtf8Strings(t, telemetry, []metricdata.DataPoint[int64]{
				{Value: int64(f.strings), Attributes: attribute.NewSet(attribute.String("signal", signal.String()))},
			}, metricdatatest.IgnoreTimestamp())
		})
	}
}

// TestUTF8_LookAlikes has a key that becomes a look-alike of the tenant's attribute.
func TestUTF8_LookAlikes(t *testing.T) {
	p, _ := started(t, authConfig(), tenant.Logs, bareRegistry(t))
	ld := plog.NewLogs()
	record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.Attributes().PutStr("business\xffid", "tenant-b")
	_, err := p.processLogs(caller(genuine, tenant.Logs), ld)
	require.NoError(t, err)
	assert.Empty(t, record.Attributes().AsRaw())
}

// TestUTF8_ManyKeys has more keys than could be compared with each other.
func TestUTF8_ManyKeys(t *testing.T) {
	const keys = 300_000
	data := bytes.Repeat([]byte("\x0a\x02\xffa\x12\x00"), keys) // KeyValues
	list := make([]byte, 0, 2*len(data))
	for i := 0; i < len(data); i += 6 {
		list = append(append(list, 0x32, 6), data[i:i+6]...)
	}
	length := func(field int, content []byte) []byte {
		out := []byte{byte(field<<3 | 2)}
		for n := len(content); ; n >>= 7 {
			if n < 0x80 {
				return append(append(out, byte(n)), content...)
			}
			out = append(out, byte(n)|0x80)
		}
	}
	ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(length(1, length(2, length(2, list))))
	require.NoError(t, err)
	p, _ := started(t, authConfig(), tenant.Logs, bareRegistry(t))
	_, err = p.processLogs(caller(genuine, tenant.Logs), ld)
	require.NoError(t, err)
	attributes := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes()
	require.Equal(t, keys, attributes.Len())
	for key := range attributes.All() {
		require.Equal(t, "\uFFFDa", key)
	}
}
