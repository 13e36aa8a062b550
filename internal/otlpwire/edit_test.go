// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// testEditor adds attributes to every resource, and changes every severity.
type testEditor struct {
	adds    int    // attributes
	text    string // of severities
	refuses bool
}

func (e testEditor) Resource(m Attributes, dst []byte) ([]byte, bool) {
	n := 0
	for range m.All() {
		n++
	}
	for i := range e.adds {
		switch i % 3 {
		case 0:
			dst = AppendIntAttribute(dst, fmt.Sprintf("count %d", i), int64(-n))
		case 1:
			dst = AppendTextAttribute(dst, fmt.Sprintf("text %d", i), e.text)
		default:
			dst = AppendAttribute(dst, fmt.Sprintf("list %d", i), Value{5<<3 | wireLen, 0})
		}
	}
	return dst, !e.refuses
}

func (e testEditor) Severity(r LogRecord) (int32, string, bool) {
	number := r.Number
	if number == 0 {
		number = 24
	}
	return number, e.text, !e.refuses
}

// edit does the same with decoded data.
func (e testEditor) edit(t *testing.T, signal tenant.Signal, data []byte) []byte {
	t.Helper()
	resource := func(r pcommon.Resource) {
		n := r.Attributes().Len()
		for i := range e.adds {
			switch i % 3 {
			case 0:
				r.Attributes().PutInt(fmt.Sprintf("count %d", i), int64(-n))
			case 1:
				r.Attributes().PutStr(fmt.Sprintf("text %d", i), e.text)
			default:
				r.Attributes().PutEmptySlice(fmt.Sprintf("list %d", i))
			}
		}
	}
	var out []byte
	switch signal {
	case tenant.Metrics:
		md, err := decodeMetrics(false, data)
		require.NoError(t, err)
		for _, rm := range md.ResourceMetrics().All() {
			resource(rm.Resource())
		}
		out, err = (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
		require.NoError(t, err)
	case tenant.Traces:
		td, err := decodeTraces(false, data)
		require.NoError(t, err)
		for _, rs := range td.ResourceSpans().All() {
			resource(rs.Resource())
		}
		out, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
		require.NoError(t, err)
	default:
		ld, err := decodeLogs(false, data)
		require.NoError(t, err)
		for _, rl := range ld.ResourceLogs().All() {
			resource(rl.Resource())
			for _, sl := range rl.ScopeLogs().All() {
				for _, r := range sl.LogRecords().All() {
					if r.SeverityNumber() == 0 && e.text != "" {
						r.SetSeverityNumber(24)
					}
					if e.text != "" {
						r.SetSeverityText(e.text)
					}
				}
			}
		}
		out, err = (&plog.ProtoMarshaler{}).MarshalLogs(ld)
		require.NoError(t, err)
	}
	return out
}

// compareEdit compares an edit with what pdata does, and the checks of Edit with CheckProto.
func compareEdit(t *testing.T, e *Edit, editor testEditor, signal tenant.Signal, data []byte, limits Limits) Edited {
	t.Helper()
	got, err := e.Run(signal, data, EditRules{Limits: limits, Editor: editor, Key: "business_id", Severities: true})
	counts, wantErr := CheckProto(signal, data, limits)
	require.Equal(t, wantErr, err, "%x", data)
	require.Equal(t, counts, got.Counts, "%x", data)
	if err != nil || got.Odd != OddNone {
		require.Nil(t, got.Data)
		return got
	}
	require.True(t, Plain(signal, data), "%x", data)
	require.False(t, editor.refuses && len(data) > 0, "%x", data)
	if counts.Records == 0 {
		require.Nil(t, got.Data)
		return got
	}
	require.True(t, Plain(signal, got.Data), "%x became %x", data, got.Data)
	again, err := decode(t, signal, false, got.Data)
	require.NoError(t, err)
	out, err := again.proto()
	require.NoError(t, err)
	require.Equal(t, editor.edit(t, signal, data), out, "%x became %x", data, got.Data)
	return got
}

// TestEdit_Generated edits random requests of the schema. Half of them have the form that SDKs
// write, and none of those is odd.
func TestEdit_Generated(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var edit Edit
	odd := map[Oddity]int{}
	for i := range 6000 {
		choices := make([]byte, 20+random.IntN(1500))
		for i := range choices {
			choices[i] = byte(random.Uint32())
		}
		for _, signal := range tenant.AllSignals() {
			g := generator{choices: choices, plain: i%2 == 0}
			data := g.proto(root(signal), maxGenerated)
			editor := testEditor{adds: random.IntN(7), text: string(bytes.Repeat([]byte("s"), random.IntN(128))), refuses: i%50 == 0}
			if g.plain && signal == tenant.Logs {
				editor.text = "" // generated severities may be an explicit zero
			}
			got := compareEdit(t, &edit, editor, signal, data, Limits{})
			odd[got.Odd]++
			if g.plain && got.Odd != OddNone && got.Odd != OddRefused {
				t.Fatalf("odd %d: %x", got.Odd, data)
			}
			compareEdit(t, &edit, editor, signal, data, Limits{
				Depth: 1 + random.IntN(got.Counts.Depth+1), Elements: 1 + random.IntN(got.Counts.Elements+1), Memory: 1 + random.Int64N(got.Counts.Memory+1),
			})
			if len(data) > 0 {
				data[random.IntN(len(data))] ^= 1 << random.IntN(8)
				compareEdit(t, &edit, editor, signal, data, Limits{})
				compareEdit(t, &edit, editor, signal, data[:random.IntN(len(data))], Limits{})
			}
		}
	}
	t.Log(odd)
	for reason := OddNone; reason <= OddRefused; reason++ {
		if reason != OddText && reason != OddKey && reason != OddMany { // the generator writes none of these
			assert.Greater(t, odd[reason], 10, reason)
		}
	}
}

func FuzzEdit(f *testing.F) {
	addSeeds(f, false)
	var edit Edit
	f.Fuzz(func(t *testing.T, signal uint8, data []byte) {
		compareEdit(t, &edit, testEditor{adds: int(signal) % 4, text: "warn"}, signalOf(signal), data, Limits{})
	})
}

// TestTags compares the tags of the editor with the schema.
func TestTags(t *testing.T) {
	for _, tt := range []struct {
		message messageID
		field   string
		tag     byte
	}{
		{resourceLogs, "resource", tagResource},
		{resourceMetrics, "resource", tagResource},
		{resourceSpans, "resource", tagResource},
		{resource, "attributes", tagResourceAttributes},
		{logRecord, "attributes", tagRecordAttributes},
		{logRecord, "severityNumber", tagSeverityNumber},
		{logRecord, "severityText", tagSeverityText},
		{keyValue, "key", tagKey},
		{keyValue, "value", tagValue},
		{anyValue, "stringValue", tagStringValue},
		{anyValue, "boolValue", tagBoolValue},
		{anyValue, "intValue", tagIntValue},
		{anyValue, "doubleValue", tagDoubleValue},
	} {
		n := messages[tt.message].names.find([]byte(tt.field))
		require.Positive(t, n, tt.field)
		f := messages[tt.message].fields[n]
		assert.Equal(t, byte(n)<<3|f.wire, tt.tag, tt.field)
	}
}

// TestScanFields compares the two forms of the schema that the protobuf walkers use.
func TestScanFields(t *testing.T) {
	for id := range messages {
		m := &messages[id]
		fields := 0
		for n := 1; n <= lastField; n++ {
			f := m.fields[n]
			if f.kind == kindUnknown {
				continue
			}
			fields++
			s := newScanField(n, f)
			assert.Equal(t, s, m.scan[s.tag>>3], "another field of message %d has the place of %s", id, f.name)
			assert.Equal(t, f.role == roleIndex, s.op == scanNothing, "%s of message %d", f.name, id)
			assert.Equal(t, f.entry, int64(s.entry))
			assert.Equal(t, f.alloc, int64(s.alloc))
			switch s.op {
			case scanAttribute:
				assert.EqualValues(t, keyValueSize, s.entry, f.name)
			case scanTexts:
				assert.EqualValues(t, stringSize, s.entry, f.name)
			case scanDoubles, scanVarints:
				assert.EqualValues(t, numberSize, s.entry, f.name)
			}
		}
		for i, s := range m.scan {
			switch {
			case s.op != scanNothing || s.role == roleIndex:
				fields--
			case s.tag != 0:
				assert.Equal(t, byte(noTag), s.tag)
				assert.Zero(t, i)
			}
		}
		assert.Zero(t, fields, "fields of message %d without a place", id)
	}
}

// TestEdit_GrowsLengths edits requests at whose sizes a length needs one byte more or less.
func TestEdit_GrowsLengths(t *testing.T) {
	var edit Edit
	for _, size := range []int{0, 1, 60, 90, 100, 110, 120, 127, 128, 16_200, 16_300, 16_383} {
		for _, text := range []string{"", "warn", string(make([]byte, 100))} {
			for _, old := range []string{"", "x", "warn", string(make([]byte, 120))} {
				for adds := range 3 {
					record := append(lenField(5, lenField(1, make([]byte, size))), lenField(3, []byte(old))...)
					scope := append(lenField(2, record), lenField(2, record)...)
					data := lenField(1, lenField(1, lenField(1, lenField(1, make([]byte, size%20_000)))), lenField(2, scope), lenField(2, scope))
					data = append(data, data...)
					compareEdit(t, &edit, testEditor{adds: adds, text: text}, tenant.Logs, data, Limits{})
				}
			}
		}
	}
}

// TestEdit_KeepsLittleMemory: a large request must not leave its memory to all later ones.
func TestEdit_KeepsLittleMemory(t *testing.T) {
	record := append(lenField(3, []byte("WARNING")), 2<<3, 9)
	logs := func(records int) []byte { return lenField(1, lenField(2, bytes.Repeat(lenField(2, record), records))) }
	for _, large := range []struct {
		name   string
		signal tenant.Signal
		data   []byte
		editor testEditor
		want   Oddity
	}{
		{"many records", tenant.Logs, logs(7000), testEditor{text: "warn"}, OddNone},
		{"long words", tenant.Logs, logs(650), testEditor{text: strings.Repeat("x", 100)}, OddNone},
		{"very many records", tenant.Logs, logs(100_000), testEditor{text: "warn"}, OddNone},
		{"long attributes", tenant.Traces, lenField(1, lenField(2, lenField(2))), testEditor{adds: 2, text: strings.Repeat("x", maxKept+1)}, OddMany},
	} {
		t.Run(large.name, func(t *testing.T) {
			var edit Edit
			got := compareEdit(t, &edit, large.editor, large.signal, large.data, Limits{})
			assert.Equal(t, large.want, got.Odd)
			assert.Zero(t, cap(edit.scan.edits.plan))
			assert.Zero(t, cap(edit.scan.edits.text))
			assert.Nil(t, edit.scan.data)
			compareEdit(t, &edit, testEditor{text: "warn"}, tenant.Logs, logs(1), Limits{})
			assert.NotZero(t, cap(edit.scan.edits.plan), "nothing is kept of an ordinary request")
		})
	}
}

// TestEdit_PlansAreSmall: a small part of a request must not need a large part of a plan, not
// even after a part that needs none.
func TestEdit_PlansAreSmall(t *testing.T) {
	for _, unit := range []struct {
		name   string
		data   []byte
		editor testEditor
	}{
		{"resources", lenField(1), testEditor{adds: 2, text: "warn"}},
		{"resources with a record", lenField(1, lenField(2, lenField(2, []byte{2 << 3, 9}))), testEditor{adds: 2, text: "warn"}},
		{"records in resources", lenField(1, lenField(2, lenField(2, []byte{2 << 3, 9}))), testEditor{text: "warn"}},
		{"records with a long word", lenField(1, lenField(2, lenField(2, []byte{2 << 3, 9}))), testEditor{text: strings.Repeat("x", 100)}},
	} {
		for _, before := range []int{0, 1 << 20} {
			t.Run(fmt.Sprintf("%s after %d bytes", unit.name, before), func(t *testing.T) {
				data := append(lenField(1, lenField(3, make([]byte, before))), bytes.Repeat(unit.data, 500_000)...)
				s := scan{}
				s.start(data, EditRules{Editor: unit.editor, Key: "business_id", Severities: true})
				assert.False(t, s.request(logsRequest))
				assert.Equal(t, OddMany, s.odd)
				assert.Less(t, len(s.edits.plan), 2*(freePlan+before), "the walk went on")
				assert.Less(t, cap(s.edits.plan), 2*(freePlan+len(data)))

				var edit Edit
				got := compareEdit(t, &edit, unit.editor, tenant.Logs, data, Limits{})
				assert.Equal(t, OddMany, got.Odd)
			})
		}
	}
}
