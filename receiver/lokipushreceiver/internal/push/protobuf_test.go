// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProtobuf(t *testing.T) {
	body := slices.Concat(
		protoStream(`{app="shop", env="prod"}`,
			protoEntry(1700000000, 1, "first"),
			protoEntry(1700000000, 2, "second", "user", "u1", "empty", ""),
			lenField(fieldEntries, lenField(fieldLine, []byte("parsed \xff")), lenField(fieldParsed, lenField(fieldName, []byte("p")), lenField(fieldValue, []byte("q"))))),
		numField(7, 1), // of a later version
		lenField(fieldStreams, protoEntry(5, 0, "before the labels"), numField(3, 99), lenField(fieldLabels, []byte(`{service_name="pay",level="warn"}`))),
		protoStream(`{job="none"}`))
	n, err := CountEntries(body)
	require.NoError(t, err)
	assert.Equal(t, 4, n)
	r, err := build((*Builder).Protobuf, Settings{}, body)
	require.NoError(t, err)
	assert.Equal(t, 3, r.Streams)
	assert.Equal(t, 4, r.Records)
	shop := map[string]any{"app": "shop", "env": "prod", "service.name": "shop"}
	want := []record{
		{Resource: shop, Attributes: map[string]any{}, Time: 1700000000000000001, Line: "first"},
		{Resource: shop, Attributes: map[string]any{"user": "u1"}, Time: 1700000000000000002, Line: "second"},
		{Resource: shop, Attributes: map[string]any{"p": "q"}, Line: "parsed \uFFFD"},
		{Resource: map[string]any{"service.name": "pay", "level": "warn"}, Attributes: map[string]any{}, Time: 5e9, Line: "before the labels", Severity: 13, Word: "warn"},
	}
	assert.Equal(t, want, records(r.Logs))
	for i := range body {
		body[i] = 'X'
	}
	assert.Equal(t, want, records(r.Logs), "texts do not use the body")
}

func TestProtobuf_Malformed(t *testing.T) {
	good := protoStream(`{a="b"}`, protoEntry(1, 2, "x", "k", "v"))
	for n := 1; n < len(good); n++ {
		_, err := build((*Builder).Protobuf, Settings{}, good[:n])
		assert.Error(t, err, "the first %d bytes", n)
	}
	for name, tt := range map[string]struct {
		body []byte
		want error
	}{
		"number 0":         {[]byte{0x02, 0}, errTag},
		"group":            {[]byte{0x0b, 0x0c}, errWireType},
		"long varint":      {slices.Concat([]byte{0x38}, slices.Repeat([]byte{0xff}, 11)), errVarint},
		"length over all":  {[]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}, errTruncated},
		"stream as number": {numField(fieldStreams, 1), errWireType},
		"entry as number":  {lenField(fieldStreams, numField(fieldEntries, 1)), errWireType},
		"line as number":   {protoStream("{}", lenField(fieldEntries, numField(fieldLine, 1))), errWireType},
		"seconds as text":  {protoStream("{}", lenField(fieldEntries, lenField(fieldTimestamp, lenField(fieldSeconds)))), errWireType},
		"name as number":   {protoStream("{}", lenField(fieldEntries, lenField(fieldMetadata, numField(fieldName, 1)))), errWireType},
		"fixed truncated":  {[]byte{0x39, 1, 2}, errTruncated},
		"labels":           {protoStream(`{a=}`, protoEntry(1, 0, "x")), errQuote},
		"labels, no entry": {protoStream(`{a=}`), errQuote},
		"a stream of none": {lenField(fieldStreams), errBrace},
		"entry, no labels": {lenField(fieldStreams, protoEntry(1, 0, "x")), errBrace},
	} {
		_, err := build((*Builder).Protobuf, Settings{}, tt.body)
		assert.ErrorIs(t, err, tt.want, name)
	}
}

func TestProtobuf_Timestamps(t *testing.T) {
	minus := func(n int64) uint64 { return uint64(-n) } //nolint:gosec // as protobuf encodes it
	for _, tt := range []struct {
		seconds, nanos uint64
		want           uint64
		attr           any
	}{
		{0, 0, 0, nil},
		{0, 999_999_999, 999_999_999, nil},
		{1, minus(1), 999_999_999, nil},
		{0, 2_000_000_000, 2_000_000_000, nil},
		{9223372036, 854775807, 1<<63 - 1, nil},
		{9223372036, 854775808, 0, "9223372036s854775808ns"},
		{9223372037, 0, 0, "9223372037s0ns"},
		{253402300799, 999999999, 0, "253402300799s999999999ns"},
		{minus(1), 0, 0, "-1s0ns"},
		{1 << 63, 0, 0, "-9223372036854775808s0ns"},
		{1<<63 - 1, 1<<31 - 1, 0, "9223372036854775807s2147483647ns"},
	} {
		r, err := build((*Builder).Protobuf, Settings{}, protoStream(`{a="b"}`, protoEntry(tt.seconds, tt.nanos, "x")))
		require.NoError(t, err)
		got := records(r.Logs)[0]
		assert.Equal(t, tt.want, got.Time, tt)
		assert.Equal(t, tt.attr, got.Attributes[timestampAttribute], tt)
	}
}

// Labels, attributes and the order in which Loki takes service_name.
func TestService(t *testing.T) {
	for set, want := range map[string]string{
		`{}`:                                  "unknown_service",
		`{x="y"}`:                             "unknown_service",
		`{job="j",app="a"}`:                   "a",
		`{app="a",service="s"}`:               "s",
		`{k8s_job_name="k",job="j"}`:          "j",
		`{container="c",container_name="cn"}`: "c",
		`{app="a",service_name="n"}`:          "n",
		`{app="a",service_name=""}`:           "a",
		`{app="a",app="b"}`:                   "b",
		`{"service.name"="n",app="a"}`:        "n",
	} {
		r, err := build((*Builder).Protobuf, Settings{}, protoStream(set, protoEntry(1, 0, "x")))
		require.NoError(t, err)
		assert.Equal(t, want, records(r.Logs)[0].Resource["service.name"], set)
	}
	for i := range serviceLabels {
		var labels []pair
		for j := len(serviceLabels) - 1; j >= i; j-- {
			labels = append(labels, pair{serviceLabels[j], serviceLabels[j]})
		}
		assert.Equal(t, serviceLabels[i], discoverService(labels))
	}
}
