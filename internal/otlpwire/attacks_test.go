// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// lenField returns a field of wire type 2.
func lenField(number int, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	b := binary.AppendUvarint(nil, uint64(number)<<3|wireLen)
	return append(binary.AppendUvarint(b, uint64(len(content))), content...)
}

func uvarint(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

// wrap puts content into messages that are fields with these numbers, the
// outermost first.
func wrap(content []byte, numbers ...int) []byte {
	for i := len(numbers) - 1; i >= 0; i-- {
		content = lenField(numbers[i], content)
	}
	return content
}

// attack is a shape that costs pdata more than its size lets expect: n times
// the unit, in a message or between two texts.
type attack struct {
	name   string
	signal tenant.Signal

	path []int  // protobuf: the fields around the units
	unit string // protobuf, or JSON where before is set

	before, after string // JSON
}

// build returns the request with n units.
func (a attack) build(n int) []byte {
	if a.before == "" {
		return wrap(bytes.Repeat([]byte(a.unit), n), a.path...)
	}
	units := strings.TrimSuffix(strings.Repeat(a.unit, n), ",")
	return []byte(a.before + units + a.after)
}

func (a attack) json() bool { return a.before != "" }

// attacks has one shape for each kind of element and of garbage.
func attacks() []attack {
	const logs, metrics, traces = tenant.Logs, tenant.Metrics, tenant.Traces
	var (
		rec    = []int{1, 2, 2}
		point  = []int{1, 2, 2, 5, 1}
		histo  = []int{1, 2, 2, 9, 1}
		expo   = []int{1, 2, 2, 10, 1}
		record = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[`
		body   = record + `{"body":{"arrayValue":{"values":[`
	)
	const recordEnd, bodyEnd = `]}]}]}`, `]}}}` + `]}]}]}`
	return []attack{
		{name: "resources", signal: logs, unit: "\x0a\x00"},
		{name: "resource spans", signal: traces, unit: "\x0a\x00"},
		{name: "resource metrics", signal: metrics, unit: "\x0a\x00"},
		{name: "scopes", signal: logs, path: []int{1}, unit: "\x12\x00"},
		{name: "deprecated scopes", signal: logs, path: []int{1}, unit: "\xc2\x3e\x00"},
		{name: "records", signal: logs, path: []int{1, 2}, unit: "\x12\x00"},
		{name: "deprecated records", signal: traces, path: []int{1, 1000}, unit: "\x12\x00"},
		{name: "record attributes", signal: logs, path: rec, unit: "\x32\x00"},
		{name: "record attributes with strings", signal: logs, path: rec, unit: "\x32\x08\x0a\x01k\x12\x03\x0a\x01v"},
		{name: "resource attributes", signal: logs, path: []int{1, 1}, unit: "\x0a\x00"},
		{name: "merged resources", signal: logs, path: []int{1}, unit: "\x0a\x02\x0a\x00"},
		{name: "merged scopes", signal: traces, path: []int{1, 2}, unit: "\x0a\x02\x1a\x00"},
		{name: "merged buckets", signal: metrics, path: expo, unit: "\x42\x02\x10\x01"},
		{name: "scope attributes", signal: traces, path: []int{1, 2, 1}, unit: "\x1a\x00"},
		{name: "entity references", signal: logs, path: []int{1, 1}, unit: "\x1a\x00"},
		{name: "entity keys", signal: logs, path: []int{1, 1, 3}, unit: "\x1a\x00"},
		{name: "entity descriptions", signal: logs, path: []int{1, 1, 3}, unit: "\x22\x01a"},
		{name: "body array", signal: logs, path: append(rec[:3:3], 5, 5), unit: "\x0a\x00"},
		{name: "body array of integers", signal: logs, path: append(rec[:3:3], 5, 5), unit: "\x0a\x02\x18\x01"},
		{name: "body array of arrays", signal: logs, path: append(rec[:3:3], 5, 5), unit: "\x0a\x02\x2a\x00"},
		{name: "body map", signal: logs, path: append(rec[:3:3], 5, 6), unit: "\x0a\x00"},
		{name: "repeated bodies", signal: logs, path: rec, unit: "\x2a\x02\x0a\x00"},
		{name: "repeated array value", signal: logs, path: append(rec[:3:3], 5), unit: "\x2a\x00"},
		{name: "repeated map value", signal: logs, path: append(rec[:3:3], 5), unit: "\x32\x00"},
		{name: "repeated map value with entry", signal: logs, path: append(rec[:3:3], 5), unit: "\x32\x02\x0a\x00"},
		{name: "repeated boolean value", signal: logs, path: append(rec[:3:3], 5), unit: "\x10\x01"},
		{name: "repeated string value", signal: logs, path: append(rec[:3:3], 5), unit: "\x0a\x01a"},
		{name: "repeated bytes value", signal: logs, path: append(rec[:3:3], 5), unit: "\x3a\x01a"},
		{name: "repeated severity text", signal: logs, path: rec, unit: "\x1a\x09too large"},
		{name: "metrics", signal: metrics, path: []int{1, 2}, unit: "\x12\x00"},
		{name: "metadata", signal: metrics, path: []int{1, 2, 2}, unit: "\x62\x00"},
		{name: "repeated gauge", signal: metrics, path: []int{1, 2, 2}, unit: "\x2a\x00"},
		{name: "repeated sum", signal: metrics, path: []int{1, 2, 2}, unit: "\x3a\x00"},
		{name: "repeated histogram with point", signal: metrics, path: []int{1, 2, 2}, unit: "\x4a\x02\x0a\x00"},
		{name: "repeated summary", signal: metrics, path: []int{1, 2, 2}, unit: "\x5a\x00"},
		{name: "gauge points", signal: metrics, path: []int{1, 2, 2, 5}, unit: "\x0a\x00"},
		{name: "sum points", signal: metrics, path: []int{1, 2, 2, 7}, unit: "\x0a\x00"},
		{name: "histogram points", signal: metrics, path: []int{1, 2, 2, 9}, unit: "\x0a\x00"},
		{name: "exponential points", signal: metrics, path: []int{1, 2, 2, 10}, unit: "\x0a\x00"},
		{name: "summary points", signal: metrics, path: []int{1, 2, 2, 11}, unit: "\x0a\x00"},
		{name: "quantiles", signal: metrics, path: []int{1, 2, 2, 11, 1}, unit: "\x32\x00"},
		{name: "exemplars", signal: metrics, path: point, unit: "\x2a\x00"},
		{name: "exemplar attributes", signal: metrics, path: append(point[:5:5], 5), unit: "\x3a\x00"},
		{name: "repeated point value", signal: metrics, path: point, unit: "\x21\x00\x00\x00\x00\x00\x00\x00\x00"},
		{name: "point attributes", signal: metrics, path: point, unit: "\x3a\x00"},
		{name: "packed buckets", signal: metrics, path: append(histo[:5:5], 6), unit: "\x01\x00\x00\x00\x00\x00\x00\x00"},
		{name: "unpacked buckets", signal: metrics, path: histo, unit: "\x31\x01\x00\x00\x00\x00\x00\x00\x00"},
		{name: "packed buckets again and again", signal: metrics, path: histo, unit: "\x32\x08\x01\x00\x00\x00\x00\x00\x00\x00"},
		{name: "bounds", signal: metrics, path: append(histo[:5:5], 7), unit: "\x01\x00\x00\x00\x00\x00\x00\x00"},
		{name: "packed exponential buckets", signal: metrics, path: append(expo[:5:5], 8, 2), unit: "\x01"},
		{name: "unpacked exponential buckets", signal: metrics, path: append(expo[:5:5], 9), unit: "\x10\x01"},
		{name: "spans", signal: traces, path: []int{1, 2}, unit: "\x12\x00"},
		{name: "events", signal: traces, path: rec, unit: "\x5a\x00"},
		{name: "links", signal: traces, path: rec, unit: "\x6a\x00"},
		{name: "event attributes", signal: traces, path: append(rec[:3:3], 11), unit: "\x1a\x00"},
		{name: "link attributes", signal: traces, path: append(rec[:3:3], 13), unit: "\x22\x00"},
		{name: "repeated status", signal: traces, path: rec, unit: "\x7a\x03\x12\x01a"},
		{name: "unknown fields", signal: logs, path: rec, unit: "\xa2\x06\x00"},
		{name: "unknown groups", signal: logs, path: rec, unit: "\xa3\x06\xa4\x06\x10\x01"},

		{name: "json resources", signal: logs, before: `{"resourceLogs":[`, unit: `{},`, after: `]}`},
		{name: "json null resources", signal: logs, before: `{"resource_logs":[`, unit: `null,`, after: `]}`},
		{name: "json records", signal: logs, before: record, unit: `{},`, after: recordEnd},
		{name: "json escaped key", signal: logs, before: `{"resourceLogs":[{"sco\u0070eLogs":[{"log\u0052ecords":[`, unit: `{},`, after: recordEnd},
		{name: "json attributes", signal: logs, before: record + `{"attributes":[`, unit: `{},`, after: `]}` + recordEnd},
		{name: "json duplicate attributes", signal: logs, before: record + `{"a":0,`, unit: `"attributes":[{}],`, after: `}` + recordEnd},
		{name: "json duplicate resource", signal: logs, before: `{"resourceLogs":[{`, unit: `"resource":{"attributes":[{}]},`, after: `}]}`},
		{name: "json array", signal: logs, before: body, unit: `{},`, after: bodyEnd},
		{name: "json strings", signal: logs, before: body, unit: `{"stringValue":"text"},`, after: bodyEnd},
		{name: "json escaped strings", signal: logs, before: body, unit: `{"stringValue":"a\nlonger text"},`, after: bodyEnd},
		{name: "json integers", signal: logs, before: body, unit: `{"intValue":"1"},`, after: bodyEnd},
		{name: "json doubles", signal: logs, before: body, unit: `{"double_value":1e5},`, after: bodyEnd},
		{name: "json bytes", signal: logs, before: body, unit: `{"bytesValue":"AAAA"},`, after: bodyEnd},
		{name: "json repeated value", signal: logs, before: record + `{"body":{`, unit: `"arrayValue":{},`, after: `}}` + recordEnd},
		{name: "json nulls", signal: logs, before: record + `{"body":{`, unit: `"arrayValue":null,`, after: `}}` + recordEnd},
		{name: "json exponents", signal: metrics, before: `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":[`, unit: `9e18,`, after: `]}]}}]}]}]}`},
		{name: "json unpadded bytes", signal: logs, before: body, unit: `{"bytesValue":"_w"},`, after: bodyEnd},
		{name: "json unknown keys", signal: logs, before: record + `{`, unit: `"unknown":0,`, after: `}` + recordEnd},
		{name: "json unknown objects", signal: logs, before: record + `{"x":[`, unit: `{"a":{"b":"forty characters with one escape in it\n"}},`, after: `]}` + recordEnd},
		{name: "json unknown numbers", signal: logs, before: record + `{"x":[`, unit: `0.00000000000000000000000001,`, after: `]}` + recordEnd},
		{name: "json buckets", signal: metrics, before: `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":[`, unit: `1,`, after: `]}]}}]}]}]}`},
		{name: "json text buckets", signal: metrics, before: `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":[`, unit: `"1",`, after: `]}]}}]}]}]}`},
		{name: "json bounds", signal: metrics, before: `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"explicitBounds":[`, unit: `1.5,`, after: `]}]}}]}]}]}`},
		{name: "json points", signal: metrics, before: `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"data_points":[`, unit: `{},`, after: `]}}]}]}]}`},
		{name: "json exemplars", signal: metrics, before: `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"dataPoints":[{"exemplars":[`, unit: `{"asInt":"1"},`, after: `]}]}}]}]}]}`},
		{name: "json spans", signal: traces, before: `{"resourceSpans":[{"scopeSpans":[{"spans":[`, unit: `{},`, after: `]}]}]}`},
		{name: "json events", signal: traces, before: `{"resourceSpans":[{"scopeSpans":[{"spans":[{"events":[`, unit: `{},`, after: `]}]}]}]}`},
		{name: "json links", signal: traces, before: `{"resourceSpans":[{"scopeSpans":[{"spans":[{"links":[`, unit: `{},`, after: `]}]}]}]}`},
	}
}
