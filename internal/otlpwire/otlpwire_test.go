// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// allocated returns the bytes that f allocates. It calls f until that is within
// the limit, but at most ten times, because other goroutines may allocate too.
func allocated(limit float64, f func()) int64 {
	least := int64(math.MaxInt64)
	for range 10 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, int64(after.TotalAlloc-before.TotalAlloc))
		if float64(least) <= limit {
			break
		}
	}
	return least
}

// combinesTiny reports whether the runtime puts several objects of a few bytes
// into one block. With the race detector it does not.
var combinesTiny = sync.OnceValue(func() bool {
	const n = 1000
	flags := make([]*bool, n)
	return allocated(n*numberSize, func() {
		for i := range flags {
			flags[i] = new(bool)
		}
	}) < n*numberSize
})

// memoryBound returns what pdata may allocate at most for a request.
func memoryBound(counts Counts, data []byte) float64 {
	bound := 1.1*float64(counts.Memory) + 1024
	if !combinesTiny() {
		bound += 16 * float64(len(data))
	}
	return bound
}

func TestSamples(t *testing.T) {
	for _, signal := range tenant.AllSignals() {
		for _, json := range []bool{false, true} {
			for _, n := range []int{0, 1, 17, 1000} {
				data := sample(t, signal, json, n)
				counts, err := check(signal, json, data, Limits{})
				require.NoError(t, err)
				want, err := decode(t, signal, json, data)
				require.NoError(t, err)
				assert.Equal(t, want.records, counts.Records)
				assert.Equal(t, want.depth, counts.Depth)
				real := allocated(float64(counts.Memory), func() { require.NoError(t, unmarshal(signal, json, data)) })
				assert.LessOrEqual(t, float64(real), memoryBound(counts, data))
				assert.LessOrEqual(t, float64(counts.Memory), 1.3*float64(real)+1024)
				t.Logf("%s json=%v n=%d: %d bytes, %+v, allocated %d, estimate/real %.2f", signal, json, n, len(data), counts, real, float64(counts.Memory)/float64(real))
			}
		}
	}
}

// odd is a request that is malformed, or that looks as if it were.
type odd struct {
	name   string
	signal tenant.Signal
	json   bool
	data   string
	reason Reason // "" if it is accepted
}

func malformedCases() []odd {
	const logs, metrics, traces = tenant.Logs, tenant.Metrics, tenant.Traces
	rec := func(s string) string { return string(wrap([]byte(s), 1, 2, 2)) }
	jrec := func(s string) string { return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + s + `]}]}]}` }
	jval := func(s string) string { return jrec(`{"body":{` + s + `}}`) }
	return []odd{
		{"empty", logs, false, "", ""},
		{"truncated tag", logs, false, "\x8a", ReasonMalformed},
		{"truncated length", logs, false, "\x0a\x05", ReasonMalformed},
		{"length over the end of the parent", logs, false, "\x0a\x02\x12\x05\x12\x00", ReasonMalformed},
		{"negative length", logs, false, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ReasonMalformed},
		{"field 0", logs, false, "\x02\x00", ReasonMalformed},
		{"tag of the highest byte", metrics, false, "\xff\x00", ReasonMalformed},
		{"field 0 in two bytes", logs, false, "\x82\x00\x00", ReasonMalformed},
		{"known field in three bytes", logs, false, rec("\xaa\x80\x00\x02\x18\x01"), ""},
		{"field number over 32 bits", logs, false, "\x8a\x80\x80\x80\x80\x80\x01\x00", ""},
		{"overlong tag", logs, false, "\x8a\x80\x00\x00", ""},
		{"overlong varint", logs, false, rec("\x10\x89\x80\x80\x80\x80\x80\x80\x80\x80\x00"), ""},
		{"varint of 11 bytes", logs, false, rec("\x10\x89\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), ReasonMalformed},
		{"wrong wire type", logs, false, rec("\x08\x00"), ReasonMalformed},
		{"wire type 6", logs, false, rec("\xa6\x06"), ReasonMalformed},
		{"group", logs, false, rec("\xa3\x06\xa4\x06\x10\x01"), ""},
		{"group at the end", logs, false, rec("\xa3\x06\xa4\x06"), ReasonMalformed},
		{"group in a group", logs, false, rec("\xa3\x06\xab\x06\xac\x06\xa4\x06\x10\x01"), ""},
		{"group that ends with a number", logs, false, rec("\xa3\x06\xa0\x06\x01\x10\x01"), ""},
		{"end of no group", logs, false, rec("\xa4\x06\x10\x01"), ReasonMalformed},
		{"group for a field", logs, false, rec("\x33\x34"), ReasonMalformed},
		{"trace ID of 15 bytes", logs, false, rec("\x4a\x0f0123456789abcde"), ReasonMalformed},
		{"empty span ID", logs, false, rec("\x52\x00"), ""},
		{"invalid UTF-8", logs, false, rec("\x1a\x01\xff"), ""},
		{"string index", logs, false, rec("\x2a\x02\x40\x05\x32\x02\x18\x05"), ""},
		{"packed buckets of 7 bytes", metrics, false, string(wrap([]byte("0123456"), 1, 2, 2, 9, 1, 6)), ReasonMalformed},
		{"packed buckets, truncated varint", metrics, false, string(wrap([]byte("\x80"), 1, 2, 2, 10, 1, 8, 2)), ReasonMalformed},
		{"packed booleans", metrics, false, string(wrap([]byte("\x01"), 1, 2, 2, 7, 3)), ReasonMalformed},
		{"replaced data", metrics, false, string(wrap([]byte("\x2a\x04\x0a\x00\x0a\x00\x3a\x02\x0a\x00"), 1, 2, 2)), ""},
		{"deprecated scopes", traces, false, string(wrap([]byte("\x12\x00"), 1, 1000)), ""},
		{"deprecated scopes beside an empty one", traces, false, "\x0a\x07\x12\x00\xc2\x3e\x02\x12\x00", ""},

		{"nothing", logs, true, "", ReasonMalformed},
		{"white space", logs, true, " \n", ReasonMalformed},
		{"null", logs, true, " null ", ""},
		{"no object", logs, true, "[]", ReasonMalformed},
		{"byte order mark", logs, true, "\ufeff{}", ReasonMalformed},
		{"white space around", logs, true, "\r\n\t {\t} \r\n", ""},
		{"second document", logs, true, "{}{}", ReasonTrailingData},
		{"second document on a line of its own", logs, true, "{}\n{\"resourceLogs\":[{}]}\n", ReasonTrailingData},
		{"NUL after the document", logs, true, "{}\x00", ReasonTrailingData},
		{"bracket too many", logs, true, "{}}", ReasonTrailingData},
		{"unclosed", logs, true, `{"resourceLogs":[`, ReasonMalformed},
		{"trailing comma", logs, true, `{"resourceLogs":[{},]}`, ReasonMalformed},
		{"missing comma", logs, true, `{"resourceLogs":[{}{}]}`, ReasonMalformed},
		{"missing comma that pdata forgives", logs, true, `{"a":1{"b":2}`, ReasonMalformed},
		{"empty key at the end", logs, true, `{"resourceLogs":[{}],"":1}`, ""},
		{"empty key that moves an array", logs, true, `{"resourceLogs":[{"":[{},{}]}]}`, ""},
		{"empty key in an unknown field", logs, true, `{"x":{"":[{"":1}]}}`, ""},
		{"numbers for objects", logs, true, `{"resourceLogs":[1,2]}`, ReasonMalformed},
		{"object for an array", logs, true, `{"resourceLogs":{}}`, ReasonMalformed},
		{"null for an array", logs, true, `{"resourceLogs":null}`, ""},
		{"control character", logs, true, "{\"a\":\"\x01\"}", ReasonMalformed},
		{"control character after an escape", logs, true, "{\"a\":\"\\n\x01\"}", ReasonMalformed},
		{"invalid escape", logs, true, `{"a":"\x"}`, ReasonMalformed},
		{"short escape", logs, true, `{"a":"\u12"}`, ReasonMalformed},
		{"surrogates", logs, true, `{"\ud83d\ude00":"\ud800","b":"\udc00\ud800\n","c":"\ud800\ud83d\ude00"}`, ""},
		{"invalid UTF-8 in JSON", logs, true, "{\"\xff\":\"\xff\"}", ""},
		{"escaped names", logs, true, `{"res\u006furceLogs":[{"\u0073copeLogs":[{"log_records":[{},{}]}]}]}`, ""},
		{"names in another case", logs, true, `{"resourcelogs":[{},{}]}`, ""},
		{"deprecated scopes, JSON", logs, true, `{"resourceLogs":[{"deprecatedScopeLogs":[{"logRecords":[{}]}],"scopeLogs":[]}]}`, ""},
		{"replaced data, JSON", metrics, true, `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{},{}]},"sum":{"dataPoints":[{}]}}]}]}]}`, ""},
		{"replaced by null", metrics, true, `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{},{}]},"sum":null}]}]}]}`, ""},
		{"time as number and as text", logs, true, jrec(`{"timeUnixNano":"1796000000000000000"},{"timeUnixNano":1796000000000000000}`), ""},
		{"negative time", logs, true, jrec(`{"timeUnixNano":-1}`), ReasonMalformed},
		{"time with a fraction", logs, true, jrec(`{"timeUnixNano":1.0}`), ""},
		{"time with an exponent", logs, true, jrec(`{"timeUnixNano":1e3}`), ""},
		{"time null", logs, true, jrec(`{"timeUnixNano":null}`), ""},
		{"overflow that pdata sees", logs, true, jrec(`{"timeUnixNano":18446744073709551616}`), ReasonMalformed},
		{"overflow that pdata overlooks", logs, true, jrec(`{"timeUnixNano":30000000000000000000}`), ReasonMalformed},
		{"overflow of 32 bits", logs, true, jrec(`{"flags":4294967296}`), ReasonMalformed},
		{"largest integers", logs, true, jval(`"intValue":-9223372036854775808`), ""},
		{"integer too small", logs, true, jval(`"intValue":-9223372036854775809`), ""},
		{"integer text too small", logs, true, jval(`"intValue":"-9223372036854775809"`), ReasonMalformed},
		{"integer text with sign and zeros", logs, true, jval(`"intValue":"+0000000000000000000000000000000000000000000000000000000000000000000000001"`), ""},
		{"integer text with escapes", logs, true, jval(`"intValue":"\u0031\u0032"`), ""},
		{"empty integer", logs, true, jval(`"intValue":""`), ReasonMalformed},
		{"minus zero", logs, true, jval(`"intValue":-0`), ""},
		{"leading zero", logs, true, jval(`"intValue":01`), ReasonMalformed},
		{"double", logs, true, jval(`"doubleValue":-1.5E+3`), ""},
		{"double text", logs, true, jval(`"doubleValue":"-Inf"`), ""},
		{"double NaN", logs, true, jval(`"doubleValue":"NaN"`), ""},
		{"double null, as JavaScript writes NaN", logs, true, jval(`"doubleValue":null`), ""},
		{"double in hexadecimal form", logs, true, jval(`"doubleValue":"0x1p-2"`), ""},
		{"double in long hexadecimal form", logs, true, jval(`"doubleValue":"0x1` + strings.Repeat("0", 70) + `p-2"`), ReasonMalformed},
		{"double text of many digits", logs, true, jval(`"doubleValue":"+1` + strings.Repeat("0", 400) + `.0e-100"`), ""},
		{"long double text with an escape", logs, true, jval(`"doubleValue":"\u0031` + strings.Repeat("0", 70) + `"`), ReasonMalformed},
		{"double with underscores", logs, true, jval(`"doubleValue":"1_0"`), ""},
		{"double with underscores where none may be", logs, true, jval(`"doubleValue":"1_"`), ReasonMalformed},
		{"largest double", logs, true, jval(`"doubleValue":1.7976931348623158079e308`), ""},
		{"double too large", logs, true, jval(`"doubleValue":1.797693134862315808e308`), ReasonMalformed},
		{"double text too large", logs, true, jval(`"doubleValue":"1e309"`), ReasonMalformed},
		{"zero with a huge exponent", logs, true, jval(`"doubleValue":0e999999999999`), ""},
		{"tiny double", logs, true, jval(`"doubleValue":1e-999999999999`), ""},
		{"unknown double too large", logs, true, `{"x":1e309}`, ""},
		{"unknown number of many digits", logs, true, `{"x":1` + strings.Repeat("0", 400) + `}`, ""},
		{"unknown number of many digits with an exponent", logs, true, `{"x":1` + strings.Repeat("0", 400) + `e0}`, ""},
		{"unknown small number too large for a float32", logs, true, `{"x":0.5e39}`, ""},
		{"unknown small number", logs, true, `{"x":0.34e39}`, ""},
		{"minus alone", logs, true, `{"x":-}`, ReasonMalformed},
		{"bare point", logs, true, `{"x":1.}`, ReasonMalformed},
		{"severity by name", logs, true, jrec(`{"severityNumber":"SEVERITY_NUMBER_INFO"}`), ""},
		{"severity by escaped name", logs, true, jrec(`{"severityNumber":"SEVERITY\u005fNUMBER_INFO"}`), ""},
		{"severity by unknown name", logs, true, jrec(`{"severityNumber":"INFO"}`), ""},
		{"trace ID", logs, true, jrec(`{"traceId":"0102030405060708090a0B0c0d0e0f10","spanId":""}`), ""},
		{"trace ID too short", logs, true, jrec(`{"traceId":"01"}`), ReasonMalformed},
		{"trace ID null", logs, true, jrec(`{"traceId":null}`), ""},
		{"trace ID with an escape", logs, true, jrec(`{"traceId":"\u0030102030405060708090a0b0c0d0e0f10"}`), ""},
		{"trace ID in base64", logs, true, jrec(`{"traceId":"AQIDBAUGBwgJCgsMDQ4PEA=="}`), ReasonMalformed},
		{"bytes", logs, true, jval(`"bytesValue":"YWI="`), ""},
		{"bytes without padding", logs, true, jval(`"bytesValue":"YWI"`), ""},
		{"bytes with inner padding", logs, true, jval(`"bytesValue":"Y=I="`), ReasonMalformed},
		{"bytes with a quote", logs, true, jval(`"bytesValue":"YW\""`), ReasonMalformed},
		{"boolean as text", logs, true, jval(`"boolValue":"true"`), ReasonMalformed},
		{"boolean null", logs, true, jval(`"boolValue":null`), ""},
		{"text null", logs, true, jval(`"stringValue":null`), ""},
		{"text as number", logs, true, jval(`"stringValue":1`), ReasonMalformed},
		{"misspelled literal", logs, true, `{"x":nulx}`, ReasonMalformed},
	}
}

// TestOdd also is what shows the difference between the encodings and pdata.
func TestOdd(t *testing.T) {
	for _, c := range malformedCases() {
		t.Run(c.name, func(t *testing.T) {
			_, err := check(c.signal, c.json, []byte(c.data), Limits{})
			if c.reason == "" {
				require.NoError(t, err)
			} else {
				var rejected *Error
				require.ErrorAs(t, err, &rejected)
				assert.Equal(t, c.reason, rejected.Reason)
			}
			compare(t, c.signal, c.json, []byte(c.data))
		})
	}
}

// TestMemory compares the estimate with what pdata allocates for each kind of
// element.
func TestMemory(t *testing.T) {
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			for _, n := range []int{1000, 100_000} {
				data := a.build(n)
				counts, err := check(a.signal, a.json(), data, Limits{})
				require.NoError(t, err)
				if counts.Rewritten > 0 {
					data = rewritten(t, a.signal, data, counts)
				}
				var decodeErr error
				limit := memoryBound(counts, data)
				real := float64(allocated(limit, func() { decodeErr = unmarshal(a.signal, a.json(), data) }))
				require.NoError(t, decodeErr)
				t.Logf("n %d: %d bytes, %+v, real %.0f, estimate/real %.2f", n, len(data), counts, real, float64(counts.Memory)/real)
				assert.LessOrEqual(t, real, limit)
				assert.LessOrEqual(t, float64(counts.Memory), 2*real+1024)
			}
		})
	}
}

// The error names common mistakes of senders at the beginning of a document.
func TestCheckJSON_NamesTheFirstUnknownField(t *testing.T) {
	for data, want := range map[string]string{
		`{}`:                                    "",
		`{"resourceLogs":[]}`:                   "",
		`{"a":{"b":1},"c":2}`:                   "a",
		`{"resourceLogs":[{"a":1}]}`:            "a",
		`{"":1,"a":2}`:                          "a",
		`{"` + strings.Repeat("a", 65):          "",
		`{"` + strings.Repeat("a", 65) + `":1}`: strings.Repeat("a", 64),
		`{"a":1,"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}`: "",
		`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"a":1}]}]}]}`:  "",
	} {
		counts, _ := CheckJSON(tenant.Logs, []byte(data), Limits{})
		assert.Equal(t, want, counts.Unknown, data)
	}
}

func TestCheck_NamesDataBeforeADocument(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "it is empty, which is not JSON; a request without data is {}",
		" \n\t":                 "it is empty",
		"\xef\xbb\xbf{}":        "it begins with a byte order mark, which JSON does not have",
		"\xff\xfe{\x00}\x00":    "it is UTF-16, and JSON is UTF-8",
		"\xfe\xff\x00{\x00}":    "it is UTF-16",
		"hello":                 "a field has a value of the wrong type",
		`{"resourceLogs"}`:      "it is not JSON",
		"{}\xef\xbb\xbf":        "other data follows",
		"{\xef\xbb\xbf\"a\":1}": "it is not JSON",
	} {
		for _, signal := range tenant.AllSignals() {
			_, err := CheckJSON(signal, []byte(text), Limits{})
			require.ErrorContains(t, err, want, "%q", text)
		}
	}
}
