// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// standardForm writes a JSON document again without what is read here in another way
// than protobuf's decoder reads it: IDs are in base64, as that has bytes, and not in
// hexadecimal form, and enumerations that are numbers in strings are numbers.
func standardForm(data []byte) ([]byte, error) {
	d := stdjson.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var out bytes.Buffer
	err := copyValue(&out, d, "")
	return out.Bytes(), err
}

func copyValue(out *bytes.Buffer, d *stdjson.Decoder, name string) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case stdjson.Delim:
		out.WriteByte(byte(v))
		for first := true; d.More(); first = false {
			if !first {
				out.WriteByte(',')
			}
			key := ""
			if v == '{' {
				if token, err = d.Token(); err != nil {
					return err
				}
				key = token.(string)
				text, _ := stdjson.Marshal(key)
				out.Write(append(text, ':'))
			}
			if err := copyValue(out, d, key); err != nil {
				return err
			}
		}
		token, err = d.Token()
		if err == nil {
			out.WriteByte(byte(token.(stdjson.Delim)))
		}
		return err
	case string:
		switch name {
		case "traceId", "trace_id", "spanId", "span_id", "parentSpanId", "parent_span_id":
			id, err := hex.DecodeString(v)
			if size := len(id); err != nil || size != 0 && size != 8+8*strings.Count(strings.ToLower(name), "trace") {
				out.WriteString("true") // which is no ID
				return nil
			}
			v = base64.StdEncoding.EncodeToString(id)
		case "severityNumber", "severity_number", "kind", "code", "aggregationTemporality", "aggregation_temporality":
			if _, err := strconv.ParseInt(v, 10, 32); err == nil {
				out.WriteString(strings.TrimPrefix(v, "+"))
				return nil
			}
		}
		text, err := stdjson.Marshal(v)
		out.Write(text)
		return err
	default:
		text, err := stdjson.Marshal(v)
		out.Write(text)
		return err
	}
}

// standardDecode is the second oracle: what protobuf's own decoder reads, in the form
// in which pdata writes it in protobuf.
func standardDecode(tb testing.TB, signal tenant.Signal, data []byte) ([]byte, error) {
	tb.Helper()
	data, err := standardForm(data)
	if err != nil {
		return nil, err
	}
	request := map[tenant.Signal]proto.Message{
		tenant.Logs: &logspb.LogsData{}, tenant.Metrics: &metricspb.MetricsData{}, tenant.Traces: &tracepb.TracesData{},
	}[signal]
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, request); err != nil {
		return nil, err
	}
	binary, err := proto.Marshal(request)
	require.NoError(tb, err)
	want, err := decode(tb, signal, false, binary)
	require.NoError(tb, err)
	return want.proto()
}

// compareStandard requires that what protobuf's decoder accepts is accepted and read
// with the same meaning.
func compareStandard(t *testing.T, signal tenant.Signal, data []byte) (compared bool) {
	t.Helper()
	want, err := standardDecode(t, signal, data)
	if err != nil {
		return false
	}
	counts, err := CheckJSON(signal, data, Limits{})
	var rejected *Error
	if errors.As(err, &rejected) && (rejected.detail == detailLong || rejected.Reason == ReasonDepth) {
		return false
	}
	require.NoError(t, err, "%s", data)
	form := data
	if counts.Rewritten > 0 {
		form = rewritten(t, signal, data, counts)
	}
	got, err := decode(t, signal, true, form)
	require.NoError(t, err, "%s", data)
	binary, err := got.proto()
	require.NoError(t, err)
	if !bytes.Equal(want, binary) {
		shown := func(data []byte) string {
			d, err := decode(t, signal, false, data)
			require.NoError(t, err)
			text, err := d.json()
			require.NoError(t, err)
			return string(text)
		}
		require.Equal(t, shown(want), shown(binary), "%s", data)
		require.Fail(t, "another meaning", "%s: %x is %x", data, want, binary)
	}
	return true
}

func TestStandard_Generated(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	compared, changed, total := 0, 0, 0
	for range 2000 {
		choices := make([]byte, 20+rng.IntN(2000))
		for i := range choices {
			choices[i] = byte(rng.Uint32())
		}
		for _, signal := range tenant.AllSignals() {
			g := generator{choices: choices, standard: true}
			data := g.request(signal, true)
			total++
			if compareStandard(t, signal, data) {
				compared++
				if counts, _ := CheckJSON(signal, data, Limits{}); counts.Rewritten > 0 {
					changed++
				}
			}
		}
	}
	t.Logf("%d of %d compared, %d of them written in another form", compared, total, changed)
	assert.Greater(t, compared, total/2)
	assert.Greater(t, changed, total/8)
}

// TestStandard_Fields has in each field of the schema each kind of value, alone.
func TestStandard_Fields(t *testing.T) {
	values := []string{
		"null", "0", "1", "-1", "1.0", "1.5", "1e3", "17e-1", "1.7e18", "-0", "-0.0", "1e21", "1e400", `"1"`, `"1.0"`, `"1e3"`, `"-1.0e1"`, `" 1"`, `"NaN"`,
		`"Infinity"`, `"-Infinity"`, "4294967295", "4294967296", "2147483648", "-2147483648.0", "18446744073709551615", "1844674407370955161.5e1",
		"18446744073709551616", "9223372036854775808", "-9223372036854775808.00", "true", "false", `""`, `"text"`, "{}", "[]", "[null]", "[{}]", "[1.0]", `["1e2"]`, `["a"]`,
		`"_-8"`, `"AAA="`, `"A"`, `"0102030405060708"`, `"0102030405060708090A0b0c0d0e0f10"`, `"\u0030102030405060708090A0b0c0d0e0f10"`,
		`"SEVERITY_NUMBER_INFO"`, `"AGGREGATION_TEMPORALITY_DELTA"`, `"SPAN_KIND_SERVER"`, `"STATUS_CODE_OK"`, "2", "2.0", `"NO_SUCH"`,
	}
	compared := 0
	for _, p := range allPlaces(t) {
		for n, f := range messages[p.message].fields {
			if f.kind == kindUnknown || n == 0 {
				continue // 0 is a deprecated field
			}
			for _, name := range []string{f.name, snakeCase(f.name)} {
				for _, value := range values {
					if compareStandard(t, p.signal, []byte(p.json(`"`+name+`":`+value))) {
						compared++
					}
				}
			}
		}
	}
	t.Logf("%d compared", compared)
	assert.Greater(t, compared, 1000)
}

func TestRewriteJSON(t *testing.T) {
	record := func(s string) string { return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + s + `]}]}]}` }
	for name, c := range map[string]struct{ in, want string }{
		"as it is":                       {`{"timeUnixNano":"1","body":{"doubleValue":1.5},"severityText":null,"body":null,"attributes":null}`, ""},
		"NaN of JavaScript":              {`{"attributes":[{"key":"ratio","value":{"doubleValue":null}}]}`, `{"attributes":[{"key":"ratio","value":{"-":null}}]}`},
		"null in each kind of scalar":    {`{"timeUnixNano":null,"severityNumber":null,"flags": null,"traceId":null}`, `{"-":null,"-":null,"-": null,"-":null}`},
		"null in a oneof":                {`{"body":{"stringValue":null,"boolValue":null,"array_value":null}}`, `{"body":{"-":null,"-":null,"-":null}}`},
		"a name with an escape":          {`{"time\u0055nixNano":null}`, `{"-":null}`},
		"integers with a fraction":       {`{"timeUnixNano":17.0,"observedTimeUnixNano":"1.0"}`, `{"timeUnixNano":17,"observedTimeUnixNano":1}`},
		"integers with an exponent":      {`{"timeUnixNano":1.7e18 ,"observedTimeUnixNano":"1700E+15"}`, `{"timeUnixNano":1700000000000000000 ,"observedTimeUnixNano":1700000000000000000}`},
		"negative, small":                {`{"body":{"intValue":-120e-1}}`, `{"body":{"intValue":-12}}`},
		"Number.MAX_VALUE":               {`{"body":{"intValue":1.7976931348623157e+308}}`, `{"body":{"doubleValue":1.7976931348623157e+308}}`},
		"2 to the power of 63":           {`{"body":{"int_value":9223372036854776000}}`, `{"body":{"doubleValue":9223372036854776000}}`},
		"minus zero, unsigned":           {`{"flags":-0}`, `{"flags":0}`},
		"severity by number in a string": {`{"severityNumber":"9"}`, `{"severityNumber":9}`},
		"severity by no JSON number":     {`{"severityNumber":"+9","flags":1}`, `{"-":"+9","flags":1}`},
		"severity with a leading zero":   {`{"severityNumber":"09","flags":1}`, `{"-":"09","flags":1}`},
		"severity by unknown name":       {`{"severityNumber":"NOTICE"}`, `{"-":"NOTICE"}`},
		"base64 for URLs":                {`{"body":{"bytesValue":"_-8"}}`, `{"body":{"bytesValue":"/+8="}}`},
		"base64 with escapes":            {`{"body":{"bytesValue":"\/\u002b8=\n"}}`, `{"body":{"bytesValue":"/+8="}}`},
		"ID with an escape":              {`{"spanId":"\u0030\u0031020304050607F8"}`, `{"spanId":"01020304050607F8"}`},
		"empty key":                      {`{"":1,"flags":1}`, `{"-":1,"flags":1}`},
		"unknown number out of range":    {`{"x":[1e999]}`, `{"x":[0]}`},
	} {
		t.Run(name, func(t *testing.T) {
			data := []byte(record(c.in))
			counts, err := CheckJSON(tenant.Logs, data, Limits{})
			require.NoError(t, err)
			if c.want == "" {
				assert.Zero(t, counts.Rewritten)
				return
			}
			assert.Equal(t, record(c.want), string(rewritten(t, tenant.Logs, data, counts)))
		})
	}
}

// TestRewriteJSON_Rejected has numbers that are invalid for their field in every form.
func TestRewriteJSON_Rejected(t *testing.T) {
	for _, value := range []string{
		"1.5", "1e-1", "1e20", "18446744073709551616", "184467440737095516160e-1", `"1.5"`, `"1e400"`, "1e999999999999", "-1", "-1.0", `"0x1"`, `" 1"`, `"1 "`, `""`, `"."`, `"1."`, `"1e"`,
		"true", "{}", "[]", "0." + strings.Repeat("0", 9999) + "1e100001",
	} {
		_, err := CheckJSON(tenant.Logs, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":`+value+`}]}]}]}`), Limits{})
		var rejected *Error
		if assert.ErrorAs(t, err, &rejected, value) {
			assert.Equal(t, ReasonMalformed, rejected.Reason)
		}
	}
}

// FuzzStandard compares with protobuf's own decoder.
func FuzzStandard(f *testing.F) {
	addSeeds(f, true)
	f.Fuzz(func(t *testing.T, signal uint8, data []byte) {
		if !stdjson.Valid(data) || twice(data) {
			return
		}
		compareStandard(t, signalOf(signal), data)
	})
}

// FuzzGeneratedStandard does so with requests by the schema.
func FuzzGeneratedStandard(f *testing.F) {
	f.Add(uint8(0), []byte{})
	f.Add(uint8(1), bytes.Repeat([]byte{1, 2, 3, 4, 5, 0, 3}, 100))
	f.Fuzz(func(t *testing.T, signal uint8, choices []byte) {
		g := generator{choices: choices, standard: true}
		compareStandard(t, signalOf(signal), g.request(signalOf(signal), true))
	})
}

// twice reports whether the data has what the two decoders read in their own way:
// fields of older versions, which only pdata knows, and bytes that are no UTF-8.
func twice(data []byte) bool {
	return bytes.Contains(bytes.ToLower(data), []byte("deprecated")) || strings.ToValidUTF8(string(data), "") != string(data)
}

// BenchmarkRewrite compares the check of a request that has one null among its
// attributes, and its writing in another form, with what pdata takes to decode it.
func BenchmarkRewrite(b *testing.B) {
	data := sample(b, tenant.Logs, true, 100)
	i := bytes.LastIndex(data, []byte(`{"stringValue"`))
	odd := append(append(data[:i:i], `{"doubleValue":null,"stringValue"`...), data[i+len(`{"stringValue"`):]...)
	counts, err := CheckJSON(tenant.Logs, odd, Limits{})
	require.NoError(b, err)
	require.NotZero(b, counts.Rewritten)
	buffer := make([]byte, 0, counts.Rewritten)
	for name, step := range map[string]func() error{
		"check":   func() error { _, err := CheckJSON(tenant.Logs, odd, Limits{}); return err },
		"rewrite": func() error { _, err := RewriteJSON(buffer, tenant.Logs, odd); return err },
		"pdata":   func() error { return unmarshal(tenant.Logs, true, data) },
	} {
		b.Run(fmt.Sprintf("logs/100/%s", name), func(b *testing.B) {
			b.SetBytes(int64(len(odd)))
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, step())
			}
		})
	}
}
