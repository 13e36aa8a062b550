// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package message

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// oracle decodes messages with protobuf's own reflection and the published schemas.
type oracle struct {
	v1, v2 protoreflect.MessageDescriptor
}

type fieldSpec struct {
	name   string
	number int32
	typ    descriptorpb.FieldDescriptorProto_Type
	of     string // the type of a message
	many   bool
	oneof  string
}

const (
	typeString  = descriptorpb.FieldDescriptorProto_TYPE_STRING
	typeDouble  = descriptorpb.FieldDescriptorProto_TYPE_DOUBLE
	typeInt64   = descriptorpb.FieldDescriptorProto_TYPE_INT64
	typeUint64  = descriptorpb.FieldDescriptorProto_TYPE_UINT64
	typeUint32  = descriptorpb.FieldDescriptorProto_TYPE_UINT32
	typeSint32  = descriptorpb.FieldDescriptorProto_TYPE_SINT32
	typeSint64  = descriptorpb.FieldDescriptorProto_TYPE_SINT64
	typeInt32   = descriptorpb.FieldDescriptorProto_TYPE_INT32 // as enumerations are on the wire
	typeMessage = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
)

func histogramSpec() []fieldSpec {
	return []fieldSpec{
		{name: "count_int", number: 1, typ: typeUint64, oneof: "count"},
		{name: "count_float", number: 2, typ: typeDouble, oneof: "count"},
		{name: "sum", number: 3, typ: typeDouble},
		{name: "schema", number: 4, typ: typeSint32},
		{name: "zero_threshold", number: 5, typ: typeDouble},
		{name: "zero_count_int", number: 6, typ: typeUint64, oneof: "zero_count"},
		{name: "zero_count_float", number: 7, typ: typeDouble, oneof: "zero_count"},
		{name: "negative_spans", number: 8, typ: typeMessage, of: "BucketSpan", many: true},
		{name: "negative_deltas", number: 9, typ: typeSint64, many: true},
		{name: "negative_counts", number: 10, typ: typeDouble, many: true},
		{name: "positive_spans", number: 11, typ: typeMessage, of: "BucketSpan", many: true},
		{name: "positive_deltas", number: 12, typ: typeSint64, many: true},
		{name: "positive_counts", number: 13, typ: typeDouble, many: true},
		{name: "reset_hint", number: 14, typ: typeInt32},
		{name: "timestamp", number: 15, typ: typeInt64},
		{name: "custom_values", number: 16, typ: typeDouble, many: true},
		{name: "start_timestamp", number: 17, typ: typeInt64},
	}
}

func newOracle(t testing.TB) *oracle {
	span := []fieldSpec{{name: "offset", number: 1, typ: typeSint32}, {name: "length", number: 2, typ: typeUint32}}
	sample := []fieldSpec{{name: "value", number: 1, typ: typeDouble}, {name: "timestamp", number: 2, typ: typeInt64}, {name: "start_timestamp", number: 3, typ: typeInt64}}
	v1 := schema(t, "v1", map[string][]fieldSpec{
		"Request":    {{name: "timeseries", number: 1, typ: typeMessage, of: "TimeSeries", many: true}, {name: "metadata", number: 3, typ: typeMessage, of: "Metadata", many: true}},
		"Metadata":   {{name: "type", number: 1, typ: typeInt32}, {name: "name", number: 2, typ: typeString}, {name: "help", number: 4, typ: typeString}, {name: "unit", number: 5, typ: typeString}},
		"TimeSeries": {{name: "labels", number: 1, typ: typeMessage, of: "Label", many: true}, {name: "samples", number: 2, typ: typeMessage, of: "Sample", many: true}, {name: "exemplars", number: 3, typ: typeMessage, of: "Exemplar", many: true}, {name: "histograms", number: 4, typ: typeMessage, of: "Histogram", many: true}},
		"Label":      {{name: "name", number: 1, typ: typeString}, {name: "value", number: 2, typ: typeString}},
		"Exemplar":   {{name: "labels", number: 1, typ: typeMessage, of: "Label", many: true}, {name: "value", number: 2, typ: typeDouble}, {name: "timestamp", number: 3, typ: typeInt64}},
		"Sample":     sample, "Histogram": histogramSpec(), "BucketSpan": span,
	})
	v2 := schema(t, "v2", map[string][]fieldSpec{
		"Request":    {{name: "symbols", number: 4, typ: typeString, many: true}, {name: "timeseries", number: 5, typ: typeMessage, of: "TimeSeries", many: true}},
		"TimeSeries": {{name: "labels_refs", number: 1, typ: typeUint32, many: true}, {name: "samples", number: 2, typ: typeMessage, of: "Sample", many: true}, {name: "histograms", number: 3, typ: typeMessage, of: "Histogram", many: true}, {name: "exemplars", number: 4, typ: typeMessage, of: "Exemplar", many: true}, {name: "metadata", number: 5, typ: typeMessage, of: "Metadata"}, {name: "created_timestamp", number: 6, typ: typeInt64}},
		"Metadata":   {{name: "type", number: 1, typ: typeInt32}, {name: "help_ref", number: 3, typ: typeUint32}, {name: "unit_ref", number: 4, typ: typeUint32}},
		"Exemplar":   {{name: "labels_refs", number: 1, typ: typeUint32, many: true}, {name: "value", number: 2, typ: typeDouble}, {name: "timestamp", number: 3, typ: typeInt64}},
		"Sample":     sample, "Histogram": histogramSpec(), "BucketSpan": span,
	})
	return &oracle{v1: v1, v2: v2}
}

func schema(t testing.TB, pkg string, messages map[string][]fieldSpec) protoreflect.MessageDescriptor {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{Name: proto.String(pkg + ".proto"), Package: proto.String(pkg), Syntax: proto.String("proto3")}
	for name, fields := range messages {
		m := &descriptorpb.DescriptorProto{Name: proto.String(name)}
		oneofs := map[string]int32{}
		for _, f := range fields {
			d := &descriptorpb.FieldDescriptorProto{Name: proto.String(f.name), Number: proto.Int32(f.number), Type: f.typ.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
			if f.many {
				d.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
			}
			if f.of != "" {
				d.TypeName = proto.String("." + pkg + "." + f.of)
			}
			if f.oneof != "" {
				if _, ok := oneofs[f.oneof]; !ok {
					oneofs[f.oneof] = int32(len(oneofs))
					m.OneofDecl = append(m.OneofDecl, &descriptorpb.OneofDescriptorProto{Name: proto.String(f.oneof)})
				}
				d.OneofIndex = proto.Int32(oneofs[f.oneof])
			}
			m.Field = append(m.Field, d)
		}
		file.MessageType = append(file.MessageType, m)
	}
	built, err := protodesc.NewFile(file, nil)
	require.NoError(t, err)
	return built.Messages().ByName("Request")
}

// node reads fields of a message of the oracle by name.
type node struct{ protoreflect.Message }

func (n node) get(name string) protoreflect.Value {
	return n.Get(n.Descriptor().Fields().ByName(protoreflect.Name(name)))
}

func (n node) has(name string) bool {
	return n.Has(n.Descriptor().Fields().ByName(protoreflect.Name(name)))
}

func (n node) list(name string, f func(protoreflect.Value)) {
	l := n.get(name).List()
	for i := range l.Len() {
		f(l.Get(i))
	}
}

// decode returns what a message holds, by the rules of this package for what is left out
// and what has no effect, or an error if it is not a message.
func (o *oracle) decode(v Version, body []byte) (out []string, err error) {
	descriptor := o.v1
	if v == V2 {
		descriptor = o.v2
	}
	m := dynamicpb.NewMessage(descriptor)
	if err := proto.Unmarshal(body, m); err != nil {
		return nil, err
	}
	root := node{m}
	var symbols []string
	if v == V2 {
		root.list("symbols", func(s protoreflect.Value) { symbols = append(symbols, s.String()) })
	}
	root.list("timeseries", func(ts protoreflect.Value) {
		s := oracleSeries(v, node{ts.Message()}, symbols)
		if len(s.Samples)+len(s.Histograms)+len(s.Exemplars) > 0 {
			out = append(out, render(&s))
		}
	})
	if v == V1 {
		root.list("metadata", func(f protoreflect.Value) {
			n := node{f.Message()}
			out = append(out, sprintFamily(Family{n.get("name").String(), Metadata{typeOf(uint64(n.get("type").Int())), n.get("help").String(), n.get("unit").String()}}))
		})
	}
	return out, nil
}

func oracleLabels(v Version, n node, symbols []string) (labels []Label) {
	if v == V1 {
		n.list("labels", func(l protoreflect.Value) {
			labels = append(labels, Label{node{l.Message()}.get("name").String(), node{l.Message()}.get("value").String()})
		})
		return labels
	}
	var refs []string
	n.list("labels_refs", func(r protoreflect.Value) {
		text := "reference out of range"
		if r.Uint() < uint64(len(symbols)) {
			text = symbols[r.Uint()]
		}
		refs = append(refs, text)
	})
	for i := 0; i+1 < len(refs); i += 2 {
		labels = append(labels, Label{refs[i], refs[i+1]})
	}
	return labels
}

func oracleSeries(v Version, n node, symbols []string) (s Series) {
	for _, l := range oracleLabels(v, n, symbols) {
		switch {
		case l.Name == "__name__":
			s.Name = l.Value
		case l.Value != "":
			at := 0
			for at < len(s.Labels) && s.Labels[at].Name < l.Name {
				at++
			}
			s.Labels = append(s.Labels[:at], append([]Label{l}, s.Labels[at:]...)...)
		}
	}
	created := int64(0)
	if v == V2 {
		created = n.get("created_timestamp").Int()
		meta := node{n.get("metadata").Message()}
		text := func(name string) string {
			if ref := meta.get(name).Uint(); ref < uint64(len(symbols)) {
				return symbols[ref]
			}
			return ""
		}
		s.Metadata = Metadata{typeOf(uint64(meta.get("type").Int())), text("help_ref"), text("unit_ref")}
	}
	start := func(own int64) int64 {
		if own == 0 {
			return created
		}
		return own
	}
	n.list("samples", func(x protoreflect.Value) {
		sample := node{x.Message()}
		s.Samples = append(s.Samples, Sample{sample.get("value").Float(), sample.get("timestamp").Int(), start(sample.get("start_timestamp").Int())})
	})
	n.list("exemplars", func(x protoreflect.Value) {
		e := node{x.Message()}
		s.Exemplars = append(s.Exemplars, Exemplar{e.get("value").Float(), e.get("timestamp").Int(), oracleLabels(v, e, symbols)})
	})
	n.list("histograms", func(x protoreflect.Value) {
		h := node{x.Message()}
		out := NativeHistogram{
			Float: h.has("count_float"), Count: h.get("count_int").Uint(), CountFloat: h.get("count_float").Float(),
			ZeroCount: h.get("zero_count_int").Uint(), ZeroCountFloat: h.get("zero_count_float").Float(),
			Sum: h.get("sum").Float(), ZeroThreshold: h.get("zero_threshold").Float(), Schema: int32(h.get("schema").Int()),
			ResetHint: ResetHint(min(uint32(h.get("reset_hint").Int()), 255)), Timestamp: h.get("timestamp").Int(), Start: start(h.get("start_timestamp").Int()),
		}
		h.list("custom_values", func(c protoreflect.Value) { out.CustomValues = append(out.CustomValues, c.Float()) })
		for name, b := range map[string]*Buckets{"negative": &out.Negative, "positive": &out.Positive} {
			h.list(name+"_spans", func(c protoreflect.Value) {
				span := node{c.Message()}
				b.Spans = append(b.Spans, Span{int32(span.get("offset").Int()), uint32(span.get("length").Uint())})
			})
			h.list(name+"_deltas", func(c protoreflect.Value) { b.Deltas = append(b.Deltas, c.Int()) })
			h.list(name+"_counts", func(c protoreflect.Value) { b.Counts = append(b.Counts, c.Float()) })
		}
		s.Histograms = append(s.Histograms, out)
	})
	return s
}

// render returns all of a series as a text, with the bits of its numbers.
func render(s *Series) string {
	var b strings.Builder
	bits := func(values ...float64) (out []uint64) {
		for _, v := range values {
			out = append(out, math.Float64bits(v))
		}
		return out
	}
	fmt.Fprintf(&b, "%q %q %+v", s.Name, s.Labels, s.Metadata)
	for _, x := range s.Samples {
		fmt.Fprintf(&b, "\nsample %d %d %d", bits(x.Value), x.Timestamp, x.Start)
	}
	for _, x := range s.Exemplars {
		fmt.Fprintf(&b, "\nexemplar %d %d %q", bits(x.Value), x.Timestamp, x.Labels)
	}
	for _, h := range s.Histograms {
		fmt.Fprintf(&b, "\nhistogram %v %d %d %d %d %d %d %d %d", h.Float, h.Count, h.ZeroCount, bits(h.CountFloat, h.ZeroCountFloat, h.Sum, h.ZeroThreshold), h.Schema, h.ResetHint, bits(h.CustomValues...), h.Timestamp, h.Start)
		for _, side := range []Buckets{h.Negative, h.Positive} {
			fmt.Fprintf(&b, " %v %v %d", side.Spans, side.Deltas, bits(side.Counts...))
		}
	}
	return b.String()
}

func sprintFamily(f Family) string { return fmt.Sprintf("family %+v", f) }
