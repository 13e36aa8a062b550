// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// oddRequest is a request that pdata, an SDK or a generator of tests does not write.
type oddRequest struct {
	name   string
	signal tenant.Signal
	data   []byte
	want   Slow
	reason otlpwire.Reason // of its rejection
}

func varintField(number protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), n)
}

func fixed64Field(number protowire.Number, n uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(nil, number, protowire.Fixed64Type), n)
}

func textField(number protowire.Number, text string) []byte { return field(number, []byte(text)) }

// pair returns the content of an attribute with a text.
func pair(key, value string) []byte {
	return append(textField(1, key), field(2, textField(1, value))...)
}

// inside puts content into fields with these numbers, the outermost first.
func inside(content []byte, numbers ...protowire.Number) []byte {
	for i := len(numbers) - 1; i >= 0; i-- {
		content = field(numbers[i], content)
	}
	return content
}

// join is bytes.Join without a separator.
func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func oddRequests() []oddRequest {
	const logs, metrics, traces = tenant.Logs, tenant.Metrics, tenant.Traces
	var (
		inRecord   = func(parts ...[]byte) []byte { return inside(join(parts...), 1, 2, 2) }
		inResource = func(parts ...[]byte) []byte { return field(1, field(1, parts...), inside(nil, 2, 2)) } // and a record
		inMetric   = func(parts ...[]byte) []byte { return inside(join(parts...), 1, 2, 2) }
		named      = textField(1, "metric")
		number     = join(fixed64Field(3, 7), fixed64Field(6, 1))
		traceID    = field(1, bytes.Repeat([]byte{1}, 16))
		spanID     = field(2, bytes.Repeat([]byte{2}, 8))
		identity   = pair("business_id", "other")
		list       = field(6, make([]byte, 16))
	)
	all := []oddRequest{
		{name: "resource is missing", data: inRecord(varintField(2, 9))},
		{name: "resource is empty", data: inside(join(field(1), inside(nil, 2, 2)), 1)},
		{name: "resource is last", data: inside(join(inside(nil, 2, 2), field(1, field(1, pair("a", "b")))), 1)},
		{name: "resource is between scopes", data: inside(join(inside(varintField(2, 9), 2, 2), field(1), inside(varintField(2, 9), 2, 2)), 1)},
		{name: "resource twice", data: inside(join(field(1), field(1)), 1), want: SlowRepeated},
		{name: "two resources, one of them missing", data: join(inside(nil, 1, 2, 2), inside(nil, 1, 1), inside(nil, 1, 2, 2))},
		{name: "the last record has no time", data: inside(join(field(2, fixed64Field(1, 5)), field(2, varintField(2, 9))), 1, 2)},
		{name: "resources without anything", data: field(1)},
		{name: "the last resource has no scope", data: join(inRecord(fixed64Field(1, 5)), field(1))},
		{name: "the last scope has no record", data: inside(join(inside(fixed64Field(1, 5), 2, 2), field(2)), 1)},
		{name: "identity before other fields of the resource", data: inResource(field(1, pair("business_id", "acme")), varintField(2, 3))},
		{name: "identity twice", data: inResource(field(1, pair("business_id", "acme")), field(1, pair("business_id", "acme"))), want: SlowIdentity},
		{name: "value before key", data: inResource(field(1, field(2, textField(1, "acme")), textField(1, "business_id")))},
		{name: "wrong value before key", data: inResource(field(1, field(2, textField(1, "other")), textField(1, "business_id"))), want: SlowIdentity},
		{name: "attribute without a value", data: inResource(field(1, textField(1, "business_id"))), want: SlowIdentity},
		{name: "attribute without a key", data: inResource(field(1, field(2, textField(1, "a"))))},
		{name: "attribute without anything", data: inResource(field(1))},
		{name: "key twice in an attribute", data: inResource(field(1, pair("a", "b"), textField(1, "business_id"))), want: SlowRepeated},
		{name: "value twice in an attribute", data: inResource(field(1, pair("a", "b"), field(2))), want: SlowRepeated},
		{name: "value with two members", data: inResource(field(1, textField(1, "a"), field(2, textField(1, "b"), varintField(2, 1)))), want: SlowRepeated},
		{name: "value with a member twice", data: inResource(field(1, textField(1, "a"), field(2, textField(1, "b"), textField(1, "c")))), want: SlowRepeated},
		{name: "key by index", data: inResource(field(1, varintField(3, 1))), want: SlowIndex},
		{name: "value by index", data: inResource(field(1, textField(1, "a"), field(2, varintField(8, 1)))), want: SlowIndex},
		{name: "environment twice, the first counts", data: inResource(field(1, pair(keyEnvironment, "a")), field(1, pair(keyEnvironment, "b")))},
		{name: "environment twice, the first is empty", data: inResource(field(1, pair(keyEnvironment, "")), field(1, pair(keyEnvironment, "b")))},
		{name: "entity", data: inResource(field(3, textField(1, "url"), textField(2, "t"), textField(3, "a"), textField(3, "b"), textField(4, "c")))},
		{name: "entity with a key that is not UTF-8", data: inResource(field(3, textField(3, "\xff"))), want: SlowUTF8},

		{name: "identity in a scope", data: inside(inside(identity, 1, 3), 1, 2), want: SlowIdentity},
		{name: "right identity in a scope", data: inside(inside(pair("business_id", "acme"), 1, 3), 1, 2), want: SlowIdentity},
		{name: "identity in a record", data: inRecord(field(6, identity)), want: SlowIdentity},
		{name: "look-alike in a record", data: inRecord(field(6, pair("business.id", "acme"))), want: SlowIdentity},
		{name: "longer look-alike in a record", data: inRecord(field(6, pair("business-\u00e9-id", "acme"))), want: SlowIdentity},
		{name: "key of the identity before a list", data: inRecord(field(6, textField(1, "business_id"), field(2, inside(nil, 5, 1)))), want: SlowIdentity},
		{name: "key of the identity after a map", data: inRecord(field(6, field(2, inside(pair("a", "b"), 6, 1)), textField(1, "business_id"))), want: SlowIdentity},
		{name: "key of the identity before a long text", data: inRecord(field(6, textField(1, "business_id"), field(2, textField(1, string(make([]byte, 20_000)))))), want: SlowIdentity},
		{name: "key of the identity alone", data: inRecord(field(6, textField(1, "business_id"))), want: SlowIdentity},
		{name: "key of the identity in a map", data: inRecord(field(6, textField(1, "a"), field(2, inside(identity, 6, 1))))},
		{name: "key of the identity in the map of a body", data: inRecord(field(5, inside(identity, 6, 1)))},
		{name: "key of the identity in a map in a list", data: inRecord(field(5, inside(inside(identity, 6, 1), 5, 1)))},

		{name: "text before number", data: inRecord(textField(3, "WARNING"), varintField(2, 9))},
		{name: "text after number", data: inRecord(varintField(2, 9), textField(3, "WARNING"))},
		{name: "number twice", data: inRecord(varintField(2, 9), varintField(2, 13)), want: SlowRepeated},
		{name: "text twice", data: inRecord(varintField(2, 9), textField(3, "a"), textField(3, "b")), want: SlowRepeated},
		{name: "number is zero", data: inRecord(varintField(2, 0))},
		{name: "number is zero, text is known", data: inRecord(varintField(2, 0), textField(3, "warn")), want: SlowEncoding},
		{name: "number is zero, text is unknown", data: inRecord(varintField(2, 0), textField(3, "custom"))},
		{name: "number is negative", data: inRecord(varintField(2, 1<<64-1)), want: SlowSeverity},
		{name: "number has more than 32 bits", data: inRecord(varintField(2, 1<<32+9)), want: SlowEncoding},
		{name: "number is too long", data: inRecord([]byte{2 << 3, 0x89, 0}), want: SlowEncoding},
		{name: "text is empty", data: inRecord(varintField(2, 9), field(3))},
		{name: "text is empty without a number", data: inRecord(field(3))},
		{name: "level twice, the first counts", data: inRecord(field(6, pair("level", "info")), field(6, pair("level", "error")))},
		{name: "text is not UTF-8", data: inRecord(textField(3, "\xff")), want: SlowUTF8},
		{name: "body is not UTF-8", data: inRecord(field(5, textField(1, "\xff"))), want: SlowUTF8},
		{name: "key is not UTF-8", data: inRecord(field(6, pair("\xff", "a"))), want: SlowUTF8},
		{name: "value is not UTF-8", data: inRecord(field(6, pair("a", "0123456789\xff"))), want: SlowUTF8},
		{name: "value in a list is not UTF-8", data: inRecord(field(5, inside(textField(1, "\xc3"), 5, 1))), want: SlowUTF8},
		{name: "UTF-8", data: inRecord(field(6, pair("\u00fc", "\U0001f600")))},
		{name: "bytes", data: inRecord(field(5, field(7, []byte{0xff, 0xfe})))},

		{name: "time twice", data: inRecord(fixed64Field(1, 1), fixed64Field(1, 2)), want: SlowRepeated},
		{name: "time above the range", data: inRecord(fixed64Field(1, 1<<63))},
		{name: "observed time", data: inRecord(fixed64Field(11, 9), fixed64Field(1, 5))},
		{name: "observed time is zero", data: inRecord(fixed64Field(11, 0), fixed64Field(1, 5))},
		{name: "IDs are empty", data: inRecord(field(9), field(10))},
		{name: "ID of the wrong length", data: inRecord(field(9, make([]byte, 15))), reason: otlpwire.ReasonMalformed},
		{name: "boolean of two bytes", data: inRecord(field(5, varintField(2, 128))), want: SlowEncoding},
		{name: "boolean is 2", data: inRecord(field(5, varintField(2, 2)))},
		{name: "integer of ten bytes", data: inRecord(field(5, varintField(3, 1<<64-1)))},
		{name: "integer is too long", data: inRecord(field(5, []byte{3 << 3, 0x81, 0x80, 0})), want: SlowEncoding},
		{name: "integer above 64 bits", data: inRecord(field(5, []byte{3 << 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2})), want: SlowEncoding},
		{name: "integer of eleven bytes", data: inRecord(field(5, []byte{3 << 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})), reason: otlpwire.ReasonMalformed},
		{name: "count of dropped attributes above 32 bits", data: inRecord(varintField(7, 1<<32)), want: SlowEncoding},

		{name: "unknown field of a request", data: field(2), want: SlowUnknown},
		{name: "unknown field of a record", data: inRecord(varintField(4, 1)), want: SlowUnknown},
		{name: "unknown field of a value", data: inRecord(field(5, varintField(9, 1))), want: SlowUnknown},
		{name: "unknown field with a large number", data: inRecord(varintField(5000, 1)), want: SlowUnknown},
		{name: "group", data: inRecord([]byte{4<<3 | 3, 4<<3 | 4}, varintField(2, 9)), want: SlowUnknown},
		{name: "group that is known as a field", data: inRecord([]byte{5<<3 | 3, 5<<3 | 4}), reason: otlpwire.ReasonMalformed},
		{name: "deprecated field", data: field(1, inside(nil, 1000, 2)), want: SlowDeprecated},
		{name: "tag is too long", data: join([]byte{0x8a, 0}, []byte{0}), want: SlowEncoding},
		{name: "length is too long", data: []byte{0x0a, 0x80, 0}, want: SlowEncoding},
		{name: "length of an attribute's key is too long", data: inResource(field(1, []byte{0x0a, 0x81, 0, 'a'}, field(2))), want: SlowEncoding},
		{name: "length of an attribute's text is too long", data: inResource(field(1, textField(1, "a"), field(2, []byte{0x0a, 0x81, 0, 'a'}))), want: SlowEncoding},
		{name: "wrong wire type", data: inRecord(varintField(1, 1)), reason: otlpwire.ReasonMalformed},
		{name: "field number 0", data: []byte{0, 0}, reason: otlpwire.ReasonMalformed},
		{name: "field number 0 with a long tag", data: []byte{0x80, 0, 0}, reason: otlpwire.ReasonMalformed},
		{name: "end of a group", data: []byte{4<<3 | 4}, reason: otlpwire.ReasonMalformed},
		{name: "truncated tag", data: []byte{0x85}, reason: otlpwire.ReasonMalformed},
		{name: "truncated length", data: []byte{0x0a}, reason: otlpwire.ReasonMalformed},
		{name: "length beyond the request", data: []byte{0x0a, 5, 0}, reason: otlpwire.ReasonMalformed},
		{name: "length beyond its message", data: []byte{0x0a, 2, 0x0a, 1, 0}, reason: otlpwire.ReasonMalformed},
		{name: "truncated time", data: inRecord([]byte{1<<3 | 1, 1, 2}), reason: otlpwire.ReasonMalformed},
		{name: "nothing"},
		{name: "many empty resources", data: bytes.Repeat(field(1), 100_000), want: SlowMany},

		{name: "flags", signal: traces, data: inRecord(traceID, spanID, protowire.AppendFixed32(protowire.AppendTag(nil, 16, protowire.Fixed32Type), 257))},
		{name: "flags twice", signal: traces, data: inRecord(bytes.Repeat(protowire.AppendFixed32(protowire.AppendTag(nil, 16, protowire.Fixed32Type), 1), 2)), want: SlowRepeated},
		{name: "tag of flags is too long", signal: traces, data: inRecord([]byte{0x85, 0x81, 0, 1, 2, 3, 4}), want: SlowEncoding},
		{name: "field beside flags", signal: traces, data: inRecord([]byte{0x85, 2, 1, 2, 3, 4}), want: SlowUnknown},
		{name: "truncated flags", signal: traces, data: inRecord([]byte{0x85, 1, 1, 2, 3}), reason: otlpwire.ReasonMalformed},
		{name: "flags of another type", signal: traces, data: inRecord([]byte{0x80, 1, 1}), reason: otlpwire.ReasonMalformed},
		{name: "span with IDs", signal: traces, data: inRecord(traceID, spanID, fixed64Field(7, 1), fixed64Field(8, 2))},
		{name: "span without a trace ID", signal: traces, data: inRecord(spanID)},
		{name: "span without a span ID", signal: traces, data: inRecord(traceID)},
		{name: "span with an empty trace ID", signal: traces, data: inRecord(spanID, field(1))},
		{name: "span with a trace ID of zeros", signal: traces, data: inRecord(spanID, field(1, make([]byte, 16)))},
		{name: "span with a span ID of zeros", signal: traces, data: inRecord(traceID, field(2, make([]byte, 8)))},
		{name: "span without IDs before one with them", signal: traces, data: inside(join(field(2), field(2, traceID, spanID)), 1, 2)},
		{name: "IDs of a link are not those of its span", signal: traces, data: inRecord(field(13, traceID, spanID))},
		{name: "identity in a span", signal: traces, data: inRecord(field(9, identity)), want: SlowIdentity},
		{name: "identity in an event", signal: traces, data: inRecord(inside(identity, 11, 3)), want: SlowIdentity},
		{name: "identity in a link", signal: traces, data: inRecord(inside(identity, 13, 4)), want: SlowIdentity},
		{name: "state of a link is not UTF-8", signal: traces, data: inRecord(field(13, textField(3, "\xff"))), want: SlowUTF8},
		{name: "status twice", signal: traces, data: inRecord(field(15), field(15)), want: SlowRepeated},
		{name: "status message is not UTF-8", signal: traces, data: inRecord(field(15, textField(2, "\xff"))), want: SlowUTF8},

		{name: "metric without data", signal: metrics, data: inMetric(named)},
		{name: "gauge without points", signal: metrics, data: inMetric(field(5))},
		{name: "gauge", signal: metrics, data: inMetric(field(5, field(1, number)))},
		{name: "gauge after a metric without data", signal: metrics, data: inside(join(field(2, named), field(2, field(5, field(1, number)))), 1, 2)},
		{name: "the last metric has no point", signal: metrics, data: inside(join(field(2, field(5, field(1, number))), field(2, field(5))), 1, 2)},
		{name: "sum of deltas", signal: metrics, data: inMetric(field(7, varintField(2, 1), field(1, number)))},
		{name: "sum of deltas, in the other order", signal: metrics, data: inMetric(field(7, field(1, number), varintField(2, 1)))},
		{name: "cumulative sum", signal: metrics, data: inMetric(field(7, varintField(2, 2), field(1, number), field(1, number)))},
		{name: "sum without temporality", signal: metrics, data: inMetric(field(7, field(1, number)))},
		{name: "sum without temporality after one with it", signal: metrics, data: inside(join(field(2, field(7, varintField(2, 2))), field(2, field(7))), 1, 2)},
		{name: "histogram of an unknown temporality", signal: metrics, data: inMetric(field(9, varintField(2, 7)))},
		{name: "cumulative histogram", signal: metrics, data: inMetric(field(9, varintField(2, 2), field(1, list, field(7, make([]byte, 8)))))},
		{name: "exponential histogram of deltas", signal: metrics, data: inMetric(field(10, varintField(2, 1)))},
		{name: "summary", signal: metrics, data: inMetric(field(11, field(1, fixed64Field(3, 4), field(6, fixed64Field(1, 0)))))},
		{name: "data twice", signal: metrics, data: inMetric(field(5), field(7)), want: SlowRepeated},
		{name: "the same data twice", signal: metrics, data: inMetric(field(5), field(5)), want: SlowRepeated},
		{name: "point with two values", signal: metrics, data: inMetric(field(5, field(1, fixed64Field(4, 1), fixed64Field(6, 1)))), want: SlowRepeated},
		{name: "buckets twice", signal: metrics, data: inMetric(field(9, field(1, list, list))), want: SlowRepeated},
		{name: "buckets that are not packed", signal: metrics, data: inMetric(field(9, field(1, fixed64Field(6, 1)))), want: SlowEncoding},
		{name: "buckets of the wrong length", signal: metrics, data: inMetric(field(9, field(1, field(6, make([]byte, 7))))), reason: otlpwire.ReasonMalformed},
		{name: "packed varints", signal: metrics, data: inMetric(field(10, field(1, field(8, varintField(1, 5), field(2, []byte{1, 0x80, 1})))))},
		{name: "packed varint that is too long", signal: metrics, data: inMetric(field(10, field(1, field(8, field(2, []byte{0x80, 0}))))), want: SlowEncoding},
		{name: "truncated packed varint", signal: metrics, data: inMetric(field(10, field(1, field(8, field(2, []byte{0x80}))))), reason: otlpwire.ReasonMalformed},
		{name: "varints that are not packed", signal: metrics, data: inMetric(field(10, field(1, field(8, varintField(2, 1))))), want: SlowEncoding},
		{name: "positive buckets twice", signal: metrics, data: inMetric(field(10, field(1, field(8), field(8)))), want: SlowRepeated},
		{name: "identity in a point", signal: metrics, data: inMetric(field(5, inside(identity, 1, 7))), want: SlowIdentity},
		{name: "identity in a point of a histogram", signal: metrics, data: inMetric(field(9, inside(identity, 1, 9))), want: SlowIdentity},
		{name: "identity in a point of an exponential histogram", signal: metrics, data: inMetric(field(10, inside(identity, 1, 1))), want: SlowIdentity},
		{name: "identity in a point of a summary", signal: metrics, data: inMetric(field(11, inside(identity, 1, 7))), want: SlowIdentity},
		{name: "identity in an exemplar", signal: metrics, data: inMetric(field(7, inside(identity, 1, 5, 7))), want: SlowIdentity},
		{name: "identity in metadata", signal: metrics, data: inMetric(field(12, identity)), want: SlowIdentity},
		{name: "time of an exemplar is not that of its point", signal: metrics, data: inMetric(field(5, field(1, fixed64Field(3, 9), field(5, fixed64Field(2, 50)))))},
	}
	for i := range all {
		if all[i].signal != metrics && all[i].signal != traces {
			all[i].signal = logs
		}
	}
	return all
}

func TestEncoded_OddRequests(t *testing.T) {
	stamper := &Stamper{NormalizeSeverity: true}
	for _, tt := range oddRequests() {
		t.Run(tt.name, func(t *testing.T) {
			got, err := compare(t, stamper, tt.signal, tt.data, acme(), otlpwire.Limits{})
			if tt.reason != "" {
				var rejected *otlpwire.Error
				if assert.ErrorAs(t, err, &rejected) {
					assert.Equal(t, tt.reason, rejected.Reason)
				}
				return
			}
			assert.NoError(t, err)
			assert.Equal(t, tt.want.String(), got.Slow.String())
		})
	}
}
