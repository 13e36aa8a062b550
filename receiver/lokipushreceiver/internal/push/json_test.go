// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestJSON(t *testing.T) {
	r := mustJSON(t, `{"streams":[
		{"stream":{"app":"shop","env":"prod","empty":""},"values":[
			["1700000000000000001","first"],
			["1700000000000000002","second \"quoted\" \u00e9\n",{"user":"u1","trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331"}],
			["1700000000000000003","",{}]]},
		{"values":[["5","before the labels"]],"stream":{"service_name":"pay","app":"x","level":"warn"}},
		{"stream":{"job":"none"},"values":[]},
		{"values":[],"stream":{"job":"none"},"entries":null},
		{"labels":"{job=\"none\"}"}]}`)
	assert.Equal(t, 5, r.Streams)
	assert.Equal(t, 4, r.Records)
	assert.Equal(t, 2, r.Logs.ResourceLogs().Len(), "a stream without entries is none")
	shop := map[string]any{"app": "shop", "env": "prod", "service.name": "shop"}
	assert.Equal(t, []record{
		{Resource: shop, Attributes: map[string]any{}, Time: 1700000000000000001, Line: "first"},
		{Resource: shop, Attributes: map[string]any{"user": "u1"}, Time: 1700000000000000002, Line: "second \"quoted\" é\n", Trace: "0af7651916cd43dd8448eb211c80319c", Span: "b7ad6b7169203331"},
		{Resource: shop, Attributes: map[string]any{}, Time: 1700000000000000003},
		{
			Resource: map[string]any{"service.name": "pay", "app": "x", "level": "warn"}, Attributes: map[string]any{},
			Time: 5, Line: "before the labels", Severity: 13, Word: "warn",
		},
	}, records(r.Logs))
	assert.Equal(t, arrived, r.Logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).ObservedTimestamp())
}

func TestJSON_OfTheLegacyPath(t *testing.T) {
	r := mustJSON(t, `{"streams":[{"labels":"{job=\"a\", level=\"error\"}","entries":[
		{"ts":"2023-11-14T22:13:20.123456789Z","line":"one"},{"line":"two","ts":"2023-11-14T23:13:21+01:00","structuredMetadata":{"k":"v"},"x":[1]}]}]}`)
	resource := map[string]any{"service.name": "a", "job": "a", "level": "error"}
	assert.Equal(t, []record{
		{Resource: resource, Attributes: map[string]any{}, Time: 1700000000123456789, Line: "one", Severity: 17, Word: "error"},
		{Resource: resource, Attributes: map[string]any{"k": "v"}, Time: 1700000001000000000, Line: "two", Severity: 17, Word: "error"},
	}, records(r.Logs))
}

// What Loki refuses and clients send is accepted.
func TestJSON_IsLenient(t *testing.T) {
	for name, tt := range map[string]struct {
		labels, metadata string
		want             record
	}{
		"labels that are no strings": {
			`{"pid":12,"ok":true,"none":null,"o":{"a":[1]},"n":-1.5e3}`, `{}`,
			record{Resource: map[string]any{"pid": "12", "ok": "true", "o": `{"a":[1]}`, "n": "-1.5e3", "service.name": "unknown_service"}, Attributes: map[string]any{}},
		},
		"metadata that are no strings": {
			`{"app":"a"}`, `{"i":7,"o":[1, 2],"none":null}`,
			record{Resource: map[string]any{"app": "a", "service.name": "a"}, Attributes: map[string]any{"i": "7", "o": "[1, 2]"}},
		},
		"no labels":     {`{}`, `null`, record{Resource: map[string]any{"service.name": "unknown_service"}, Attributes: map[string]any{}}},
		"names of ours": {`{"a.b":"c","service.name":"s"}`, `{}`, record{Resource: map[string]any{"a.b": "c", "service.name": "s"}, Attributes: map[string]any{}}},
		"the form of answers to queries": {
			`{"app":"a"}`, `{"structuredMetadata":{"m":"1"},"parsed":{"p":"2"}}`,
			record{Resource: map[string]any{"app": "a", "service.name": "a"}, Attributes: map[string]any{"m": "1", "p": "2"}},
		},
		"ids that are none": {
			`{"app":"a"}`, `{"trace_id":"0AF7651916CD43DD8448EB211C80319C","span_id":"0000000000000000"}`,
			record{Resource: map[string]any{"app": "a", "service.name": "a"}, Attributes: map[string]any{"trace_id": "0AF7651916CD43DD8448EB211C80319C", "span_id": "0000000000000000"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := mustJSON(t, `{"streams":[{"stream":`+tt.labels+`,"values":[["1","x",`+tt.metadata+`]]}]}`)
			tt.want.Time, tt.want.Line = 1, "x"
			assert.Equal(t, []record{tt.want}, records(r.Logs))
		})
	}
}

func TestJSON_Malformed(t *testing.T) {
	entry := func(values string) string { return `{"streams":[{"stream":{"a":"b"},"values":[` + values + `]}]}` }
	for body, want := range map[string]error{
		``:                            errEnd,
		`{`:                           errEnd,
		`[]`:                          errTop,
		`{"streams":{}}`:              errStreams,
		`{"streams":[1]}`:             errStream,
		`{"streams":[{"values":[]}]}`: errNoLabels,
		`{"streams":[{"stream":[]}]}`: errLabels,
		`{"streams":[{"labels":{}}]}`: errLabelText,
		`{"streams":[{"stream":{},"labels":"{}"}]}`:    errTwoForms,
		`{"streams":[],"streams":[]}`:                  errTwice,
		`{"streams":[{"stream":{},"stream":{}}]}`:      errTwice,
		`{"streams":[{"stream":{},"values":{}}]}`:      errValues,
		`{"streams":[]}x`:                              errTrailing,
		`{"streams":[]}{}`:                             errTrailing,
		`{"streams":[],}`:                              errSyntax,
		`{"streams":[}`:                                errStream,
		`{"streams":[null}`:                            errStream,
		`{"streams":[{"stream":{"a":[1}}]}`:            errSyntax,
		`{"x":01}`:                                     errSyntax,
		`{"x":-}`:                                      errNumber,
		`{"x":tru}`:                                    errSyntax,
		`{"x":"\q"}`:                                   errEscape,
		`{"x":"\u12g4"}`:                               errEscape,
		"{\"x\":\"a\tb\"}":                             errControl,
		entry(`[1700000000000000000,"l"]`):             errTimestamp,
		entry(`["1.5","l"]`):                           errTimestamp,
		entry(`["NaN","l"]`):                           errTimestamp,
		entry(`["9223372036854775808","l"]`):           errTimestamp,
		entry(`["","l"]`):                              errTimestamp,
		entry(`["1"]`):                                 errValue,
		entry(`[]`):                                    errValue,
		entry(`"x"`):                                   errValue,
		entry(`["1",2]`):                               errLine,
		entry(`["1","l",[]]`):                          errMetadata,
		entry(`["1","l",{},1]`):                        errValue,
		`{"streams":[{"labels":"{}","entries":[{}]}]}`: errNoLineTime,
		`{"streams":[{"labels":"{}","entries":[{"ts":"1","line":""}]}]}`:                      errTimeText,
		`{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`:                   errDepth,
		`{"streams":[{"labels":"{a=}","entries":[{"ts":"2023-11-14T22:13:20Z","line":""}]}]}`: errQuote,
		`{"streams":[{"labels":"{a=}","entries":[]}]}`:                                        errQuote,
		`{"streams":[{"entries":[],"labels":"{a=}"}]}`:                                        errQuote,
		`{"streams":[{"labels":"a"}]}`:                                                        errBrace,
	} {
		_, err := build((*Builder).JSON, Settings{}, []byte(body))
		assert.ErrorIs(t, err, want, body)
	}
}

func TestJSON_Timestamps(t *testing.T) {
	for text, want := range map[string]struct {
		time uint64
		attr any
	}{
		"0": {}, "1": {time: 1}, "0000000000000000001": {time: 1}, "+7": {time: 7},
		"1700000000123456789": {time: 1700000000123456789},
		"9223372036854775807": {time: 1<<63 - 1},
		"-1":                  {attr: "0s-1ns"},
		"-5000000000":         {attr: "-5s0ns"},
	} {
		r := mustJSON(t, `{"streams":[{"stream":{"a":"b"},"values":[["`+text+`","x"]]}]}`)
		got := records(r.Logs)[0]
		assert.Equal(t, want.time, got.Time, text)
		assert.Equal(t, want.attr, got.Attributes[timestampAttribute], text)
		assert.Equal(t, want.attr != nil, r.InvalidTimestamps == 1, text)
	}
}

// What is too long or too much is cut and marked.
func TestJSON_Limits(t *testing.T) {
	labels, metadata := make([]string, MaxLabels+3), make([]string, MaxMetadata+2)
	for i := range labels {
		labels[i] = `"l` + strconv.Itoa(i) + `":"v"`
	}
	for i := range metadata {
		metadata[i] = `"m` + strconv.Itoa(i) + `":"v"`
	}
	body := `{"streams":[{"stream":{` + strings.Join(labels, ",") + `},"values":[["1","aé-----",{` + strings.Join(metadata, ",") + `,"":"x"}],["2","ab"]]}]}`
	r, err := build((*Builder).JSON, Settings{MaxLineSize: 2}, []byte(body))
	require.NoError(t, err)
	assert.Equal(t, 1, r.CutLines)
	assert.Equal(t, 6, r.DroppedAttributes)
	resource := r.Logs.ResourceLogs().At(0).Resource()
	assert.Equal(t, uint32(3), resource.DroppedAttributesCount())
	assert.Equal(t, MaxLabels+1, resource.Attributes().Len())
	got := records(r.Logs)
	assert.Equal(t, "a", got[0].Line, "no half of a rune")
	assert.Equal(t, int64(8), got[0].Attributes[truncatedAttribute])
	assert.Len(t, got[0].Attributes, MaxMetadata+1)
	assert.Equal(t, uint32(3), got[0].Dropped)
	assert.Equal(t, "ab", got[1].Line)
}

// pino-loki makes a stream of each line.
func TestJSON_EqualStreamsAreOne(t *testing.T) {
	one := `{"stream":{"a":"b"},"values":[["1","x"]]}`
	r := mustJSON(t, `{"streams":[`+one+`,{"stream":{"a":"c"},"values":[["1","x"]]},`+one+`]}`)
	assert.Equal(t, 3, r.Streams)
	require.Equal(t, 2, r.Logs.ResourceLogs().Len())
	assert.Equal(t, 2, r.Logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().Len())
}

func TestJSON_TextsDoNotUseTheBody(t *testing.T) {
	body := []byte(`{"streams":[{"stream":{"app":"shop"},"values":[["1","line",{"k":"v"}],["1","e\u00e9"]]}]}`)
	r, err := build((*Builder).JSON, Settings{}, body)
	require.NoError(t, err)
	want := records(r.Logs)
	for i := range body {
		body[i] = 'X'
	}
	assert.Equal(t, want, records(r.Logs))
}

func TestMemoryIsReserved(t *testing.T) {
	for name, unit := range map[string]struct {
		read  func(*Builder, []byte) error
		begin string
		unit  string
		end   string
	}{
		"entries":           {(*Builder).JSON, `{"streams":[{"stream":{},"values":[["1",""]`, `,["1",""]`, `]}]}`},
		"streams":           {(*Builder).JSON, `{"streams":[{"stream":{},"values":[["1",""]]}`, `,{"stream":{"a":"%"},"values":[["1",""]]}`, `]}`},
		"metadata":          {(*Builder).JSON, `{"streams":[{"stream":{},"values":[["1",""]`, `,["1","",{"a":"1","b":"1","c":"1","d":"1"}]`, `]}]}`},
		"protobuf entries":  {(*Builder).Protobuf, "", string(protoStream("{}", []byte{0x12, 0, 0x12, 0})), ""},
		"protobuf streams":  {(*Builder).Protobuf, "", string(protoStream(`{a="%"}`, []byte{0x12, 0})), ""},
		"protobuf metadata": {(*Builder).Protobuf, "", string(protoStream("{}", protoEntry(1, 0, "", "a", "1", "b", "2"))), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var body strings.Builder
			body.WriteString(unit.begin)
			for i := range 20_000 {
				body.WriteString(strings.ReplaceAll(unit.unit, "%", string(rune('a'+i%26))))
			}
			body.WriteString(unit.end)
			l := &ledger{}
			data := []byte(body.String())
			var r Result
			size := allocated(func() {
				var err error
				r, err = build(unit.read, Settings{Reserve: l.reserve}, data)
				require.NoError(t, err)
			})
			assert.Positive(t, r.Records)
			assert.GreaterOrEqual(t, 2*l.reserved, size, "reserved %d for %d", l.reserved, size)
			few := &ledger{most: l.reserved / 2}
			_, err := build(unit.read, Settings{Reserve: few.reserve}, data)
			require.Error(t, err)
			assert.True(t, isReserve(err))
		})
	}
}
