// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// fact is what an oracle finds of an entry.
type fact struct {
	labels, metadata map[string]string
	time             uint64
	invalid          string
	line             string
	dropped          [2]int
}

// factsOf returns the facts that records state, without what is derived from others.
func factsOf(r Result) []fact {
	out := []fact{}
	for _, rl := range r.Logs.ResourceLogs().All() {
		for _, lr := range rl.ScopeLogs().At(0).LogRecords().All() {
			f := fact{labels: texts(rl.Resource().Attributes()), metadata: texts(lr.Attributes()), time: uint64(lr.Timestamp()), line: lr.Body().Str()}
			f.dropped = [2]int{int(rl.Resource().DroppedAttributesCount()), int(lr.DroppedAttributesCount())}
			if id := lr.TraceID(); !id.IsEmpty() {
				f.metadata["trace_id"] = id.String()
			}
			if id := lr.SpanID(); !id.IsEmpty() {
				f.metadata["span_id"] = id.String()
			}
			f.invalid = f.metadata[timestampAttribute]
			delete(f.metadata, timestampAttribute)
			out = append(out, f)
		}
	}
	return out
}

func texts(m pcommon.Map) map[string]string {
	out := map[string]string{}
	for k, v := range m.All() {
		out[k] = v.AsString()
	}
	return out
}

// resourceOf returns the attributes that the labels of a stream become.
func resourceOf(p pairs) map[string]string {
	out := map[string]string{}
	for _, l := range p.list {
		if l.name == "service_name" {
			l.name = "service.name"
		}
		out[l.name] = l.value
	}
	if _, ok := out["service.name"]; !ok {
		out["service.name"] = "unknown_service"
		for _, name := range slices.Backward(serviceLabels[:]) {
			if v, ok := out[name]; ok {
				out["service.name"] = v
			}
		}
	}
	return out
}

func metadataOf(p pairs) map[string]string {
	out := map[string]string{}
	for _, l := range p.list {
		out[l.name] = l.value
	}
	delete(out, timestampAttribute)
	return out
}

// setTime sets the time of an entry, by the rules of package time.
func (f *fact) setTime(seconds, nanos int64) {
	if seconds > -1<<40 && seconds < 1<<40 {
		t := time.Unix(seconds, nanos)
		if !t.Before(time.Unix(0, 0)) && !t.After(time.Unix(0, 1<<63-1)) {
			f.time = uint64(t.UnixNano()) //nolint:gosec // it is positive
			return
		}
	}
	f.invalid = formatTime(seconds, nanos)
}

// grouped returns facts in the order of records: by stream, in the order in which the
// streams begin.
func grouped(keys []string, facts []fact) []fact {
	out := []fact{}
	done := map[string]bool{}
	for _, key := range keys {
		if done[key] {
			continue
		}
		done[key] = true
		for i := range facts {
			if keys[i] == key {
				out = append(out, facts[i])
			}
		}
	}
	return out
}

var errRule = errors.New("the request breaks a rule")

// jsonOracle reads requests with encoding/json.
type jsonOracle struct {
	data  []byte
	dec   *json.Decoder
	facts []fact
	keys  []string
}

// value is a value of JSON with its text.
type value struct {
	raw     []byte
	kind    byte // one of {["0tn
	text    string
	members []member
	items   []value
}

type member struct {
	name  string
	value value
}

func (o *jsonOracle) read() value {
	from := o.dec.InputOffset()
	token, err := o.dec.Token()
	if err != nil {
		panic(err) // the text is valid
	}
	var v value
	switch t := token.(type) {
	case json.Delim:
		v.kind = byte(t)
		for o.dec.More() {
			if t == '[' {
				v.items = append(v.items, o.read())
				continue
			}
			name, err := o.dec.Token()
			if err != nil {
				panic(err)
			}
			v.members = append(v.members, member{name.(string), o.read()})
		}
		if _, err := o.dec.Token(); err != nil {
			panic(err)
		}
	case string:
		v.kind, v.text = '"', t
	case json.Number:
		v.kind = '0'
	case bool:
		v.kind = 't'
	case nil:
		v.kind = 'n'
	}
	v.raw = bytes.TrimLeft(o.data[from:o.dec.InputOffset()], " \t\r\n,:")
	return v
}

func (v value) get(name string) (found value, ok bool, err error) {
	for _, m := range v.members {
		if m.name != name {
			continue
		}
		if ok {
			return found, ok, errRule
		}
		found, ok = m.value, true
	}
	return found, ok, nil
}

func (v value) pairsInto(p *pairs) {
	for _, m := range v.members {
		text := string([]rune(string(m.value.raw)))
		switch m.value.kind {
		case '"':
			text = m.value.text
		case 'n':
			text = ""
		}
		if p.full() {
			p.dropped++
			continue
		}
		p.add(m.name, text)
	}
}

func (o *jsonOracle) request() error {
	top := o.read()
	if top.kind != '{' {
		return errRule
	}
	streams, _, err := top.get("streams")
	if err != nil {
		return err
	}
	switch streams.kind {
	case 0, 'n':
		return nil
	case '[':
	default:
		return errRule
	}
	for _, s := range streams.items {
		if err := o.stream(s); err != nil {
			return err
		}
	}
	return nil
}

func (o *jsonOracle) stream(s value) error {
	if s.kind != '{' {
		return errRule
	}
	labels, modern, err1 := s.get("stream")
	set, legacy, err2 := s.get("labels")
	values, _, err3 := s.get("values")
	entries, _, err4 := s.get("entries")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	if modern == legacy || modern && labels.kind != '{' || legacy && set.kind != '"' {
		return errRule
	}
	for _, list := range []value{values, entries} {
		if list.kind != 0 && list.kind != 'n' && list.kind != '[' {
			return errRule
		}
	}
	of, key := pairs{most: MaxLabels}, string(labels.raw)
	if legacy {
		p := newLabelParser() // which has an oracle of its own
		if err := p.parse([]byte(set.text)); err != nil {
			return errRule
		}
		of, key = p.labels, string(set.raw)
	} else {
		labels.pairsInto(&of)
	}
	// Records are in the order of the request, except that entries that come before the
	// labels wait, and then "values" are first.
	var lists []func() error
	seen := false
	later := [2]func() error{}
	for _, m := range s.members {
		switch m.name {
		case "stream", "labels":
			seen = true
		case "values", "entries":
			kind := 0
			read := func() error { return o.values(m.value, of, key) }
			if m.name == "entries" {
				kind, read = 1, func() error { return o.entries(m.value, of, key) }
			}
			if seen {
				lists = append(lists, read)
			} else {
				later[kind] = read
			}
		}
	}
	for _, read := range append(lists, later[:]...) {
		if read == nil {
			continue
		}
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

func (o *jsonOracle) add(f fact, labels, metadata pairs, key string) {
	f.labels, f.metadata = resourceOf(labels), metadataOf(metadata)
	f.dropped = [2]int{labels.dropped, metadata.dropped}
	o.facts, o.keys = append(o.facts, f), append(o.keys, key)
}

func (o *jsonOracle) values(list value, labels pairs, key string) error {
	for _, e := range list.items {
		if e.kind != '[' || len(e.items) < 2 || len(e.items) > 3 || e.items[0].kind != '"' || e.items[1].kind != '"' {
			return errRule
		}
		raw := string(e.items[0].raw)
		n, err := strconv.ParseInt(raw[1:len(raw)-1], 10, 64)
		if err != nil || len(raw) > 34 {
			return errRule
		}
		f := fact{line: e.items[1].text}
		f.setTime(n/1e9, n%1e9)
		metadata := pairs{most: MaxMetadata}
		if len(e.items) == 3 {
			if metadata, err = metadataValue(e.items[2]); err != nil {
				return err
			}
		}
		o.add(f, labels, metadata, key)
	}
	return nil
}

func metadataValue(v value) (pairs, error) {
	p := pairs{most: MaxMetadata}
	switch v.kind {
	case 'n':
		return p, nil
	case '{':
	default:
		return p, errRule
	}
	for _, m := range v.members {
		if m.value.kind == '{' && (m.name == "structuredMetadata" || m.name == "parsed") {
			m.value.pairsInto(&p)
			continue
		}
		value{members: []member{m}}.pairsInto(&p)
	}
	return p, nil
}

func (o *jsonOracle) entries(list value, labels pairs, key string) error {
	for _, e := range list.items {
		if e.kind != '{' {
			return errRule
		}
		ts, hasTime, err1 := e.get("ts")
		line, hasLine, err2 := e.get("line")
		structured, has, err3 := e.get("structuredMetadata")
		if errors.Join(err1, err2, err3) != nil || !hasTime || !hasLine || ts.kind != '"' || line.kind != '"' || len(ts.raw) > 66 {
			return errRule
		}
		t, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(string(ts.raw[1:len(ts.raw)-1])))
		if err != nil {
			return errRule
		}
		metadata := pairs{most: MaxMetadata}
		if has {
			if metadata, err = metadataValue(structured); err != nil {
				return err
			}
		}
		f := fact{line: line.text}
		f.setTime(t.Unix(), int64(t.Nanosecond()))
		o.add(f, labels, metadata, key)
	}
	return nil
}

func (o *jsonOracle) decode(body []byte) ([]fact, error) {
	if !json.Valid(body) {
		return nil, errRule
	}
	o.data, o.dec = body, json.NewDecoder(bytes.NewReader(body))
	o.dec.UseNumber()
	err := o.request()
	return grouped(o.keys, o.facts), err
}

func FuzzJSON(f *testing.F) {
	for _, body := range []string{
		`{"streams":[{"stream":{"app":"a","n":1},"values":[["1700000000000000000","line",{"k":"v"}],["1","\u00e9\ud83d\ude00"]]}]}`,
		`{"streams":[{"values":[["1",""]],"stream":{"service_name":"x","job":"j"}}]}`,
		`{"streams":[{"labels":"{a=\"b\",c=\"d\"}","entries":[{"ts":"2023-11-14T22:13:20.5Z","line":"x","structuredMetadata":{"a":null}}]}]}`,
		`{"streams":[{"stream":{},"values":[["-1","x",{"structuredMetadata":{"a":"b"},"parsed":{"c":[1,2]}}]]},{"stream":{},"values":null}],"x":{"y":[true,false,null,-1.5e+3]}}`,
		`{"streams":[{"entries":[{"line":"x","ts":"0001-01-01T00:00:00Z"}],"values":[["9223372036854775807","y"]],"stream":{"a":"\ud800"}}]}`,
		"{\"streams\":[{\"stream\":{\"a\xff\":\"b\"},\"values\":[[\"1\",\"\xc3\"]]}]}",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := build((*Builder).JSON, Settings{}, body)
		if errors.Is(err, errDepth) {
			return
		}
		var o jsonOracle
		want, wantErr := o.decode(body)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, the oracle: %v", body, err, wantErr)
		}
		if err == nil {
			assert.Equal(t, want, factsOf(r))
			assert.Equal(t, len(want), r.Records)
		}
	})
}

// protoOracle reads requests with protobuf's own reflection and the published schema.
func protoOracle(t testing.TB) protoreflect.MessageDescriptor {
	t.Helper()
	type spec struct {
		name   string
		number int32
		typ    descriptorpb.FieldDescriptorProto_Type
		of     string
		many   bool
	}
	const (
		// Not string, for which protobuf rejects what is not UTF-8.
		typeText    = descriptorpb.FieldDescriptorProto_TYPE_BYTES
		typeMessage = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	)
	file := &descriptorpb.FileDescriptorProto{Name: proto.String("push.proto"), Package: proto.String("push"), Syntax: proto.String("proto3")}
	for name, fields := range map[string][]spec{
		"Request": {{"streams", 1, typeMessage, "Stream", true}},
		"Stream":  {{"labels", 1, typeText, "", false}, {"entries", 2, typeMessage, "Entry", true}},
		"Entry":   {{"timestamp", 1, typeMessage, "Time", false}, {"line", 2, typeText, "", false}, {"metadata", 3, typeMessage, "Pair", true}, {"parsed", 4, typeMessage, "Pair", true}},
		"Time":    {{"seconds", 1, descriptorpb.FieldDescriptorProto_TYPE_INT64, "", false}, {"nanos", 2, descriptorpb.FieldDescriptorProto_TYPE_INT32, "", false}},
		"Pair":    {{"name", 1, typeText, "", false}, {"value", 2, typeText, "", false}},
	} {
		m := &descriptorpb.DescriptorProto{Name: proto.String(name)}
		for _, s := range fields {
			d := &descriptorpb.FieldDescriptorProto{Name: proto.String(s.name), Number: proto.Int32(s.number), Type: s.typ.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
			if s.many {
				d.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
			}
			if s.of != "" {
				d.TypeName = proto.String(".push." + s.of)
			}
			m.Field = append(m.Field, d)
		}
		file.MessageType = append(file.MessageType, m)
	}
	built, err := protodesc.NewFile(file, nil)
	require.NoError(t, err)
	return built.Messages().ByName("Request")
}

func get(m protoreflect.Message, name string) protoreflect.Value {
	return m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(name)))
}

func eachOf(l protoreflect.List, f func(protoreflect.Message)) {
	for i := range l.Len() {
		f(l.Get(i).Message())
	}
}

func decodeOracle(d protoreflect.MessageDescriptor, body []byte) ([]fact, error) {
	m := dynamicpb.NewMessage(d)
	if err := proto.Unmarshal(body, m); err != nil {
		return nil, err
	}
	var (
		facts []fact
		keys  []string
		err   error
	)
	eachOf(get(m, "streams").List(), func(s protoreflect.Message) {
		set := get(s, "labels").Bytes()
		p := newLabelParser()
		if p.parse(set) != nil {
			err = errRule
			return
		}
		eachOf(get(s, "entries").List(), func(e protoreflect.Message) {
			f := fact{line: valid(string(get(e, "line").Bytes())), labels: resourceOf(p.labels)}
			ts := get(e, "timestamp").Message()
			f.setTime(get(ts, "seconds").Int(), get(ts, "nanos").Int())
			of := pairs{most: MaxMetadata}
			for _, list := range []string{"metadata", "parsed"} {
				eachOf(get(e, list).List(), func(kv protoreflect.Message) {
					if of.full() {
						of.dropped++
						return
					}
					of.add(valid(string(get(kv, "name").Bytes())), valid(string(get(kv, "value").Bytes())))
				})
			}
			f.metadata, f.dropped = metadataOf(of), [2]int{p.labels.dropped, of.dropped}
			facts, keys = append(facts, f), append(keys, string(set))
		})
	})
	return grouped(keys, facts), err
}

func FuzzProtobuf(f *testing.F) {
	f.Add(protoStream(`{a="b"}`, protoEntry(1700000000, 5, "line", "k", "v")))
	f.Add(slices.Concat(protoStream(`{a="b"}`, protoEntry(1, 0, "x")), protoStream(`{c="d"}`, protoEntry(2, 0, "y")), protoStream(`{a="b"}`, protoEntry(3, 0, "z"))))
	f.Add(protoStream(`{a="x"y"}`, lenField(fieldEntries, lenField(fieldTimestamp, numField(1, 1<<63), numField(2, 1<<40)))))
	d := protoOracle(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := build((*Builder).Protobuf, Settings{}, body)
		want, wantErr := decodeOracle(d, body)
		n, countErr := CountEntries(body)
		switch {
		case err == nil && wantErr == nil:
			// Order differs if a message has structured metadata and what is parsed of
			// the line in turns; the last one of a name counts.
			if !mixed(body) {
				assert.Equal(t, want, factsOf(r))
			}
			assert.Equal(t, n, r.Records)
			require.NoError(t, countErr)
		case err == nil:
			t.Fatalf("%x: the oracle: %v", body, wantErr)
		case wantErr == nil && !tolerated(body, kindsRequest):
			t.Fatalf("%x: %v", body, err)
		}
	})
}

// fieldOf is a field of a message in a test.
type fieldOf struct {
	message
	kind byte
}

// fieldsOf returns the fields of a message up to one that is not valid.
func fieldsOf(data []byte) (all []fieldOf, err error) {
	m := message{data: data}
	for len(m.data) > 0 {
		kind, err := m.any()
		if err != nil {
			return all, err
		}
		all = append(all, fieldOf{m, kind})
	}
	return all, nil
}

// mixed reports whether an entry has both structured metadata and parsed fields.
func mixed(body []byte) bool {
	streams, _ := fieldsOf(body)
	for _, s := range streams {
		entries, _ := fieldsOf(s.content)
		for _, e := range entries {
			var has [8]bool
			pairs, _ := fieldsOf(e.content)
			for _, p := range pairs {
				has[min(p.number, 7)] = true
			}
			if s.number == fieldStreams && e.number == fieldEntries && has[fieldMetadata] && has[fieldParsed] {
				return true
			}
		}
	}
	return false
}

// tolerated reports whether a message has what protobuf accepts and a push request never
// has: a field of another type than the schema says, which protobuf takes for an unknown
// one, a group, or a number that is too long.
func tolerated(data []byte, kinds string) bool {
	all, err := fieldsOf(data)
	if errors.Is(err, errWireType) || errors.Is(err, errVarint) || errors.Is(err, errTag) {
		return true
	}
	for _, f := range all {
		if f.number > uint64(len(kinds)) {
			continue
		}
		if kinds[f.number-1] != f.kind+'0' {
			return true
		}
		inner := ""
		switch {
		case kinds == kindsRequest:
			inner = kindsStream
		case kinds == kindsStream && f.number == fieldEntries:
			inner = kindsEntry
		case kinds == kindsEntry && f.number == fieldTimestamp:
			inner = kindsTimestamp
		case kinds == kindsEntry && f.number >= fieldMetadata:
			inner = kindsPair
		}
		if inner != "" && tolerated(f.content, inner) {
			return true
		}
	}
	return false
}
