// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package attack

import (
	"bytes"
	"math/rand/v2"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// message returns field number of wire type bytes with the concatenated parts.
func message(number protowire.Number, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	out := protowire.AppendTag(make([]byte, 0, len(body)+12), number, protowire.BytesType)
	return protowire.AppendBytes(out, body)
}

func fixed64(number protowire.Number, v uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(nil, number, protowire.Fixed64Type), v)
}

func varint(number protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), v)
}

// text returns an AnyValue with a string.
func text(s string) []byte { return message(1, []byte(s)) }

// attribute returns a KeyValue.
func attribute(key string, value []byte) []byte {
	return append(message(1, []byte(key)), message(2, value)...)
}

// request returns an export request with one resource and one scope. It has the
// same form for logs, metrics and traces.
func request(resource []byte, records ...[]byte) []byte {
	return message(1, message(1, resource), message(2, records...))
}

// Log returns an OTLP request with one log record with this body, in protobuf.
func Log(body string) []byte {
	return request(message(1, attribute("service.name", text("honest"))), message(2, fixed64(1, 1_760_000_000_000_000_000), message(5, text(body))))
}

// repeated returns n empty fields, of two bytes each.
func repeated(number protowire.Number, n int) []byte {
	return bytes.Repeat(message(number), n)
}

// nested returns a log record whose body is nested in levels of arrays, or of maps. It is built from
// the inside out, in linear time.
func nested(levels int, maps bool) []byte {
	out := make([]byte, levels*20+64)
	at := len(out)
	put := func(number protowire.Number) {
		head := protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.BytesType), uint64(len(out)-at))
		at -= len(head)
		copy(out[at:], head)
	}
	put(1) // an empty string
	for range levels {
		if maps {
			put(2) // KeyValue.value
			put(1) // KeyValueList.values
			put(6) // AnyValue.kvlist_value
		} else {
			put(1) // ArrayValue.values
			put(5) // AnyValue.array_value
		}
	}
	return request(nil, message(2, message(5, out[at:])))
}

// nestedJSON returns what nested returns for arrays, in JSON.
func nestedJSON(levels int) []byte {
	var b strings.Builder
	b.WriteString(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":`)
	b.WriteString(strings.Repeat(`{"arrayValue":{"values":[`, levels))
	b.WriteString(`{}`)
	b.WriteString(strings.Repeat(`]}}`, levels))
	b.WriteString(`}]}]}]}`)
	return []byte(b.String())
}

// empties returns requests that consist of n empty elements, by the name of the element, with the
// path of their signal.
func empties(n int) map[string]struct {
	path string
	body []byte
} {
	type payload = struct {
		path string
		body []byte
	}
	metric := func(kind protowire.Number, point ...[]byte) []byte {
		return message(2, message(1, []byte("m")), message(kind, point...))
	}
	return map[string]payload{
		"records":    {logsPath, request(nil, repeated(2, n))},
		"resources":  {logsPath, repeated(1, n)},
		"scopes":     {logsPath, message(1, repeated(2, n))},
		"attributes": {logsPath, request(nil, message(2, repeated(6, n)))},
		"values":     {logsPath, request(nil, message(2, message(5, message(5, repeated(1, n)))))},
		"map values": {logsPath, request(nil, message(2, message(5, message(6, repeated(1, n)))))},
		"spans":      {tracesPath, request(nil, repeated(2, n))},
		"events":     {tracesPath, request(nil, message(2, repeated(11, n)))},
		"links":      {tracesPath, request(nil, message(2, repeated(13, n)))},
		"metrics":    {metricsPath, request(nil, repeated(2, n))},
		"gauges":     {metricsPath, request(nil, metric(5, repeated(1, n)))},
		"sums":       {metricsPath, request(nil, metric(7, repeated(1, n)))},
		"histograms": {metricsPath, request(nil, metric(9, repeated(1, n)))},
		"exponents":  {metricsPath, request(nil, metric(10, repeated(1, n)))},
		"summaries":  {metricsPath, request(nil, metric(11, repeated(1, n)))},
		"quantiles":  {metricsPath, request(nil, metric(11, message(1, repeated(6, n))))},
		"exemplars":  {metricsPath, request(nil, metric(5, message(1, repeated(5, n))))},
	}
}

// wide returns a log record with n attributes of different names.
func wide(n int) []byte {
	var attributes []byte
	for i := range n {
		attributes = append(attributes, message(6, attribute("k"+string(protowire.AppendVarint(nil, uint64(i)+1<<20)), text("v")))...)
	}
	return request(nil, message(2, attributes))
}

// wideDelta returns a delta sum of one point with n attributes of different names.
func wideDelta(n int) []byte {
	point := append(fixed64(3, 1_760_000_000_000_000_000), fixed64(6, 1)...)
	for i := range n {
		point = append(point, message(7, attribute("k"+string(protowire.AppendVarint(nil, uint64(i)+1<<20)), text("v")))...)
	}
	return request(nil, message(2, message(1, []byte("m")), message(7, message(1, point), varint(2, 1), varint(3, 1))))
}

// envelope returns n small records that share a resource of size bytes.
func envelope(size, n int) []byte {
	return request(message(1, attribute("p", text(strings.Repeat("x", size)))), repeated(2, n))
}

// histograms returns delta histograms of one series whose points have different
// shapes: no buckets, more counts than bounds, fewer, and counts of zero.
func histograms() []byte {
	point := func(count uint64, buckets, bounds int) []byte {
		var counts, limits []byte
		for range buckets {
			counts = protowire.AppendFixed64(counts, count)
		}
		for i := range bounds {
			limits = protowire.AppendFixed64(limits, 0x3ff0000000000000+uint64(i)<<48)
		}
		return message(1, fixed64(3, uint64(1_760_000_000_000_000_000+rand.Int64N(1e9))), fixed64(4, count), message(6, counts), message(7, limits))
	}
	var points []byte
	for _, shape := range [][3]int{{0, 0, 0}, {1, 3, 2}, {0, 7, 6}, {0, 2, 9}, {5, 0, 4}, {0, 1, 0}, {2, 64, 1}} {
		points = append(points, point(uint64(shape[0]), shape[1], shape[2])...)
	}
	points = append(points, varint(2, 1)...) // delta
	return request(nil, message(2, message(1, []byte("h")), message(9, points)))
}

// noise returns a log record of n bytes that do not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(b) // it never fails
	return request(nil, message(2, message(5, message(7, b))))
}
