// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package message

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/golang/snappy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// decode decodes a message into texts, and returns how much memory it reserved.
func decode(v Version, body []byte) (out []string, reserved int64, err error) {
	counts, err := Scan(v, body)
	if err != nil {
		return nil, 0, err
	}
	var families []string
	d := Decoder{
		Series: func(s *Series) error {
			out = append(out, render(s))
			return nil
		},
		Family: func(f Family) error {
			families = append(families, sprintFamily(f))
			return nil
		},
		Reserve: func(n int64) error {
			reserved += n
			return nil
		},
	}
	err = d.Decode(v, counts, slices.Clone(body))
	return append(out, families...), reserved, err
}

// compare holds the decoder against the oracle: what it accepts, the oracle reads as the
// same; what is damaged for it is damaged for the oracle.
func compare(t *testing.T, o *oracle, v Version, body []byte) {
	t.Helper()
	got, _, err := decode(v, body)
	want, oracleErr := o.decode(v, body)
	switch {
	case err == nil:
		require.NoError(t, oracleErr)
		require.Equal(t, want, got)
	case errors.Is(err, errTag), errors.Is(err, errVarint), errors.Is(err, errTruncated):
		require.Error(t, oracleErr)
	}
}

// captured returns the messages that Prometheus 3.16 sent of itself.
func captured(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*.sz")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := make(map[string][]byte)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		body, err := snappy.Decode(nil, data)
		require.NoError(t, err)
		all[filepath.Base(file)] = body
	}
	return all
}

func versionOfFile(name string) Version {
	if strings.HasPrefix(name, "prometheus-v2") {
		return V2
	}
	return V1
}

func TestDecoder_ReadsWhatPrometheusSends(t *testing.T) {
	o := newOracle(t)
	histograms, families, metadata := 0, 0, 0
	for name, body := range captured(t) {
		v := versionOfFile(name)
		compare(t, o, v, body)
		got, _, err := decode(v, body)
		require.NoError(t, err, name)
		require.NotEmpty(t, got, name)
		for _, text := range got {
			switch {
			case strings.Contains(text, "\nhistogram"):
				histograms++
			case strings.HasPrefix(text, "family"):
				families++
			case strings.Contains(text, "Help:Total number"):
				metadata++
			}
		}
	}
	assert.Positive(t, histograms)
	assert.Positive(t, metadata)
	assert.Positive(t, families)
}

// Every prefix of a message is one that both read, or that neither does.
func TestDecoder_Truncated(t *testing.T) {
	o := newOracle(t)
	for name, body := range captured(t) {
		for n := 0; n < min(len(body), 4000); n += 7 {
			compare(t, o, versionOfFile(name), body[:n])
		}
	}
}

// field writes a field of wire type 2.
func field(number protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), slices.Concat(parts...))
}

func number(n protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), v)
}

func double(n protowire.Number, v uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(nil, n, protowire.Fixed64Type), v)
}

func refs(numbers ...byte) []byte { return field(1, numbers) }

func symbols(all ...string) (out []byte) {
	for _, s := range all {
		out = append(out, field(4, []byte(s))...)
	}
	return out
}

func label1(name, value string) []byte {
	return field(1, field(1, []byte(name)), field(2, []byte(value)))
}

func histogram2(fields ...[]byte) []byte {
	return slices.Concat(symbols("", "__name__", "h"), field(5, refs(1, 2), field(3, fields...)))
}

func spans(n protowire.Number, offset int64, length uint64) []byte {
	return field(n, number(1, protowire.EncodeZigZag(offset)), number(2, length))
}

func TestDecoder_Refuses(t *testing.T) {
	ok := symbols("", "__name__", "m", "a", "b")
	sample := field(2, double(1, 0), number(2, 1))
	manyLabels := []byte{}
	for range MaxLabels + 1 {
		manyLabels = append(manyLabels, 3, 4)
	}
	for name, tt := range map[string]struct {
		v    Version
		body []byte
		want error
	}{
		"symbols missing":               {V2, field(5, refs(), sample), errNoSymbols},
		"symbols without an empty one":  {V2, slices.Concat(symbols("a"), field(5, refs(0, 0), sample)), errNoSymbols},
		"a message of 1.0 as 2.0":       {V2, field(1, label1("__name__", "m"), sample), errNoSymbols},
		"reference out of range":        {V2, slices.Concat(ok, field(5, refs(1, 5), sample)), errSymbol},
		"reference beyond 32 bits":      {V2, slices.Concat(ok, field(5, field(1, protowire.AppendVarint(protowire.AppendVarint(nil, 1<<32+1), 2)), sample)), errSymbol},
		"odd references":                {V2, slices.Concat(ok, field(5, refs(1, 2, 3), sample)), errOddRefs},
		"labels not sorted":             {V2, slices.Concat(ok, field(5, refs(3, 4, 1, 2), sample)), errSorted},
		"label twice":                   {V2, slices.Concat(ok, field(5, refs(1, 2, 3, 4, 3, 2), sample)), errDuplicate},
		"label without a name":          {V2, slices.Concat(ok, field(5, refs(0, 4, 1, 2), sample)), errLabelName},
		"no name":                       {V2, slices.Concat(ok, field(5, refs(3, 4), sample)), errNoName},
		"empty name":                    {V2, slices.Concat(ok, field(5, refs(1, 0), sample)), errNoName},
		"nothing in it":                 {V2, slices.Concat(ok, field(5, refs(1, 2))), errNothing},
		"samples and histograms":        {V2, slices.Concat(ok, field(5, refs(1, 2), sample, field(3))), errBoth},
		"too many labels":               {V2, slices.Concat(ok, field(5, field(1, manyLabels), sample)), errManyLabels},
		"symbol that is not UTF-8":      {V2, slices.Concat(symbols("", "__name__", "\xff"), field(5, refs(1, 2), sample)), errUTF8},
		"symbols UTF-8 only together":   {V2, slices.Concat(symbols("", "__name__", "\xc3", "\xa4"), field(5, refs(1, 2), sample)), errUTF8},
		"help out of range":             {V2, slices.Concat(ok, field(5, refs(1, 2), sample, field(5, number(3, 99)))), errSymbol},
		"time before 1970":              {V2, slices.Concat(ok, field(5, refs(1, 2), field(2, number(2, 1<<63)))), errTimestamp},
		"time after 2262":               {V2, slices.Concat(ok, field(5, refs(1, 2), field(2, number(2, 1<<62)))), errTimestamp},
		"start before 1970":             {V2, slices.Concat(ok, field(5, refs(1, 2), sample, number(6, 1<<63))), errTimestamp},
		"1.0: label twice":              {V1, field(1, label1("a", "1"), label1("__name__", "m"), label1("a", "2"), sample), errDuplicate},
		"1.0: label that is not UTF-8":  {V1, field(1, label1("__name__", "m"), label1("a", "\xff"), sample), errUTF8},
		"1.0: no name":                  {V1, field(1, label1("a", "1"), sample), errNoName},
		"1.0: help that is not UTF-8":   {V1, field(3, field(4, []byte("\xff"))), errUTF8},
		"wrong wire type":               {V1, number(1, 1), errWireType},
		"group":                         {V1, []byte{0x0b}, errWireType},
		"field 0":                       {V1, []byte{0x02, 0x00}, errTag},
		"length beyond the end":         {V1, []byte{0x0a, 0x7f}, errTruncated},
		"length of 2^64-1":              {V1, append([]byte{0x0a}, protowire.AppendVarint(nil, 1<<64-1)...), errTruncated},
		"schema":                        {V2, histogram2(number(4, protowire.EncodeZigZag(9))), errSchema},
		"spans without buckets":         {V2, histogram2(spans(11, 0, 1<<31)), errSpans},
		"buckets without spans":         {V2, histogram2(field(12, []byte{2})), errSpans},
		"second span goes back":         {V2, histogram2(spans(11, 0, 1), spans(11, -2, 1), field(12, []byte{2, 2})), errSpans},
		"index beyond float64":          {V2, histogram2(spans(11, 1<<30, 1), field(12, []byte{2})), errBucketIndex},
		"negative count":                {V2, histogram2(spans(11, 0, 1), field(12, []byte{1})), errBucketCount},
		"count is not that of buckets":  {V2, histogram2(number(1, 5), spans(11, 0, 1), field(12, []byte{2})), errCount},
		"float counts in an integer":    {V2, histogram2(spans(11, 0, 1), field(13, make([]byte, 8))), errMixed},
		"custom: bounds fall":           {V2, histogram2(number(4, protowire.EncodeZigZag(-53)), double(16, 0x4000000000000000), double(16, 0x3ff0000000000000)), errBounds},
		"custom: infinite bound":        {V2, histogram2(number(4, protowire.EncodeZigZag(-53)), double(16, 0x7ff0000000000000)), errBounds},
		"custom: more than the bounds":  {V2, histogram2(number(4, protowire.EncodeZigZag(-53)), spans(11, 1, 1), field(12, []byte{2})), errBucketIndex},
		"custom: with a zero bucket":    {V2, histogram2(number(4, protowire.EncodeZigZag(-53)), number(6, 1)), errCustom},
		"custom: with negative buckets": {V2, histogram2(number(4, protowire.EncodeZigZag(-53)), spans(8, 0, 1)), errCustom},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := decode(tt.v, tt.body)
			assert.ErrorIs(t, err, tt.want)
		})
	}
}

func TestDecoder_Accepts(t *testing.T) {
	sample := field(2, double(1, 0x4000000000000000), number(2, 7))
	for name, tt := range map[string]struct {
		v    Version
		body []byte
		want string
	}{
		"symbols after the series":         {V2, slices.Concat(field(5, refs(1, 2), sample), symbols("", "__name__", "m")), `"m" []`},
		"references that are not packed":   {V2, slices.Concat(symbols("", "__name__", "m"), field(5, number(1, 1), number(1, 2), sample)), `"m" []`},
		"UTF-8 names":                      {V2, slices.Concat(symbols("", "__name__", "größe", "ä.b", "ü"), field(5, refs(1, 2, 3, 4), sample)), `"größe" [{"ä.b" "ü"}]`},
		"label without a value":            {V2, slices.Concat(symbols("", "__name__", "m", "a"), field(5, refs(1, 2, 3, 0), sample)), `"m" []`},
		"start of the series (rc.3)":       {V2, slices.Concat(symbols("", "__name__", "m"), field(5, refs(1, 2), sample, number(6, 5))), "[4611686018427387904] 7 5"},
		"start of the sample (rc.4)":       {V2, slices.Concat(symbols("", "__name__", "m"), field(5, refs(1, 2), field(2, number(2, 7), number(3, 6)), number(6, 5))), "[0] 7 6"},
		"1.0: labels that are not sorted":  {V1, field(1, label1("z", "1"), label1("__name__", "m"), label1("a", "2"), sample), `"m" [{"a" "2"} {"z" "1"}]`},
		"fields that nobody knows":         {V1, slices.Concat(number(99, 1), field(1, label1("__name__", "m"), sample, field(98, []byte("x")))), `"m" []`},
		"a type of a later version":        {V2, slices.Concat(symbols("", "__name__", "m"), field(5, refs(1, 2), sample, field(5, number(1, 77)))), "Type:unknown"},
		"float histogram":                  {V2, histogram2(double(2, 0x3ff8000000000000), number(15, 9)), "histogram true"},
		"stale histogram":                  {V2, histogram2(double(3, staleBits), number(1, 3)), "histogram false"},
		"observations of NaN in no bucket": {V2, histogram2(number(1, 3), double(3, 0x7ff8000000000001)), "histogram false 3"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := decode(tt.v, tt.body)
			require.NoError(t, err)
			require.Len(t, got, 1)
			assert.Contains(t, got[0], tt.want)
			compare(t, newOracle(t), tt.v, tt.body)
		})
	}
}

// What a decoder holds for a series is reserved before, whatever the series is made of.
func TestDecoder_ReservesWhatItHolds(t *testing.T) {
	const n = 100_000
	head := symbols("", "__name__", "m")
	for name, body := range map[string][]byte{
		"empty samples":    slices.Concat(head, field(5, refs(1, 2), slices.Repeat([]byte{0x12, 0}, n))),
		"empty histograms": slices.Concat(head, field(5, refs(1, 2), slices.Repeat([]byte{0x1a, 0}, n))),
		"empty exemplars":  slices.Concat(head, field(5, refs(1, 2), slices.Repeat([]byte{0x22, 0}, n))),
	} {
		t.Run(name, func(t *testing.T) {
			_, reserved, err := decode(V2, body)
			require.NoError(t, err)
			assert.Greater(t, reserved, int64(n*24))
			denied := errors.New("denied")
			d := Decoder{Series: func(*Series) error { return nil }, Reserve: func(int64) error { return denied }}
			counts, err := Scan(V2, body)
			require.NoError(t, err)
			assert.ErrorIs(t, d.Decode(V2, counts, body), denied)
			assert.Less(t, cap(d.series.Samples)+cap(d.series.Histograms)+cap(d.series.Exemplars), 1000)
		})
	}
}

// The symbols of a message are counted before they are held.
func TestCounts_MemoryCoversSymbols(t *testing.T) {
	counts, err := Scan(V2, slices.Repeat([]byte{0x22, 0}, 1000))
	require.NoError(t, err)
	assert.Equal(t, 1000, counts.Symbols)
	assert.Equal(t, int64(16_000), counts.Memory())
}

// small returns the first series of a message, or the first families, and of a message of 2.0
// the first symbols.
func small(t testing.TB, v Version, body []byte) (out []byte) {
	t.Helper()
	elements, texts := 12, 4<<10
	for r := (reader{data: body}); elements > 0; {
		from := r.at
		more, err := r.next()
		require.NoError(t, err)
		switch {
		case !more:
			return out
		case v == V1 || r.number == fieldSeriesV2:
			elements--
		default:
			texts -= r.size()
		}
		if texts > 0 || r.number == fieldSeriesV2 {
			out = append(out, body[from:r.at]...)
		}
	}
	return out
}

// fuzz compares the decoder with the oracle. Its seeds are small, so that there are many
// tries.
func fuzz(f *testing.F, v Version) {
	for name, body := range captured(f) {
		if versionOfFile(name) == v {
			f.Add(small(f, v, body))
		}
	}
	if v == V1 {
		f.Add(slices.Concat(field(1, label1("__name__", "m"), label1("a", "b"), field(2, double(1, 1), number(2, 7)), field(3, label1("trace_id", "1"), double(2, 1), number(3, 7))),
			field(3, number(1, 2), field(2, []byte("m")), field(4, []byte("help")), field(5, []byte("seconds")))))
	} else {
		f.Add(slices.Concat(symbols("", "__name__", "m", "trace_id", "a", "help", "seconds"),
			field(5, refs(1, 2, 4, 3), field(2, double(1, 1), number(2, 7), number(3, 6)), field(4, refs(3, 2), double(2, 1), number(3, 2)), field(5, number(1, 1), number(3, 5), number(4, 6)), number(6, 5))))
		f.Add(slices.Concat(symbols("", "__name__", "h"), field(5, refs(1, 2), field(3, number(4, protowire.EncodeZigZag(-53)), number(1, 3), number(15, 7), number(17, 6),
			spans(11, 0, 2), field(12, []byte{2, 2}), double(16, 0x3ff0000000000000), double(16, 0x4000000000000000)))))
		f.Add(slices.Concat(symbols("", "__name__", "h"), field(5, refs(1, 2), field(3, double(2, 0x4008000000000000), double(7, 0x3ff0000000000000), double(5, 0x3ff0000000000000), number(14, 3),
			spans(8, -2, 1), field(10, double(1, 0x3ff0000000000000)[1:]), spans(11, 5, 1), field(13, double(1, 0x3ff0000000000000)[1:])))))
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, body []byte) { compare(t, o, v, body) })
}

func FuzzDecodeV1(f *testing.F) { fuzz(f, V1) }
func FuzzDecodeV2(f *testing.F) { fuzz(f, V2) }
