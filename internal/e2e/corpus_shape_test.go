// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // headers of requests with deep values
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// zipped posts a compressed body and returns the answer.
func (r *rig) zipped(id, signal, contentType string, body []byte) (status int, text string) {
	r.t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	_, err := zip.Write(body)
	require.NoError(r.t, err)
	require.NoError(r.t, zip.Close())
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+r.http+"/v1/"+signal, &b)
	require.NoError(r.t, err)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Content-Encoding", "gzip")
	req.Header.Set("Authorization", "Bearer "+r.keys[id])
	resp, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return resp.StatusCode, string(raw)
}

// nested makes a log record whose body nests this many maps and lists, with a word in the
// innermost.
func nested(levels int) plog.Logs {
	ld := logOf("")
	v := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body()
	for i := range levels {
		if i%2 == 0 {
			v = v.SetEmptySlice().AppendEmpty()
		} else {
			v = v.SetEmptyMap().PutEmpty("m")
		}
	}
	v.SetStr("bottom")
	return ld
}

func depthOf(v pcommon.Value) (levels int, bottom string) {
	for ; ; levels++ {
		switch v.Type() {
		case pcommon.ValueTypeSlice:
			v = v.Slice().At(0)
		case pcommon.ValueTypeMap:
			v, _ = v.Map().Get("m")
		default:
			return levels, v.AsString()
		}
	}
}

// protoNested is nested in protobuf, for more levels than encoders support.
func protoNested(levels int) []byte {
	field := func(number byte, content []byte) []byte {
		out := []byte{number<<3 | 2}
		for n := len(content); ; n >>= 7 {
			if n < 0x80 {
				return append(append(out, byte(n)), content...)
			}
			out = append(out, byte(n)|0x80)
		}
	}
	value := field(1, []byte("bottom"))
	for range levels {
		value = field(5, field(1, value)) // array_value, values
	}
	return field(1, field(2, field(2, field(5, value))))
}

// TestCorpus_Deep sends nested values over each protocol and in each form. What the gateway
// accepts arrives unchanged, and deeper values are rejected for their depth.
func TestCorpus_Deep(t *testing.T) {
	t.Parallel()
	s := newRecorder(t)
	r := newRig(t, fmt.Sprintf(recorded, s.url), "acme")
	g := r.run()
	conn, err := grpc.NewClient(r.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	sent := 0
	for _, levels := range []int{1, 2, 9, 30} {
		ld := nested(levels)
		r.post("acme", ld)
		body, err := plogotlp.NewExportRequestFromLogs(ld).MarshalJSON()
		require.NoError(t, err)
		code, text := r.zipped("acme", "logs", "application/json", body)
		require.Equal(t, http.StatusOK, code, text)
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+r.keys["acme"])
		_, err = plogotlp.NewGRPCClient(conn).Export(ctx, plogotlp.NewExportRequestFromLogs(ld), grpc.UseCompressor("gzip"))
		require.NoError(t, err)
		sent += 3
	}
	for _, levels := range []int{200, 3000, 12_000} {
		code, text := r.zipped("acme", "logs", "application/x-protobuf", protoNested(levels))
		assert.Equal(t, http.StatusRequestEntityTooLarge, code, "%d levels of protobuf: %s", levels, text)
		body := `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":` + strings.Repeat(`{"arrayValue":{"values":[`, levels) + `{"intValue":"7"}` +
			strings.Repeat(`]}}`, levels) + `}]}]}]}`
		code, text = r.zipped("acme", "logs", "application/json", []byte(body))
		assert.Equal(t, http.StatusRequestEntityTooLarge, code, "%d levels of JSON: %s", levels, text)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+r.keys["acme"])
	_, err = plogotlp.NewGRPCClient(conn).Export(ctx, plogotlp.NewExportRequestFromLogs(nested(700)), grpc.UseCompressor("gzip"))
	assert.Equal(t, codes.ResourceExhausted, status.Code(err), err)
	r.drained()

	s.mu.Lock()
	defer s.mu.Unlock()
	require.Len(t, s.logs, sent)
	got := map[int]int{}
	for _, lr := range s.logs {
		levels, bottom := depthOf(lr.Body())
		assert.Equal(t, "bottom", bottom)
		got[levels]++
	}
	assert.Equal(t, map[int]int{1: 3, 2: 3, 9: 3, 30: 3}, got)
	g.stop()
}

// TestCorpus_Split has resources of about the size limit of a destination with many small
// records. Split requests arrive completely, each record with its resource. A request that
// would repeat too much is rejected.
func TestCorpus_Split(t *testing.T) {
	t.Parallel()
	s := newRecorder(t)
	r := newRig(t, `
    destinations:
      recorder: {max_batch_bytes: 100000, otlp_http: {endpoint: "`+s.url+`", compression: none}}
    routes: {logs: [recorder]}
`, "acme")
	biggest := 0
	s.refuse = func(body []byte) bool {
		biggest = max(biggest, len(body))
		return false
	}
	g := r.run()
	want := map[string]int{}
	for _, c := range []struct {
		name             string
		resource, record int // bytes
		records          int
		status           int
	}{
		{"small resource", 100, 50, 5000, http.StatusOK},
		{"half of the cap", 40_000, 3000, 40, http.StatusOK},
		{"all of the cap", 99_990, 10, 3, http.StatusRequestEntityTooLarge},
		{"above the cap", 1_500_000, 10, 20_000, http.StatusRequestEntityTooLarge},
		{"one record of the cap", 10, 150_000, 1, http.StatusOK},
		{"repeated too often", 99_000, 500, 3000, http.StatusRequestEntityTooLarge},
	} {
		ld := plog.NewLogs()
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("process.environment", strings.Repeat("e", c.resource))
		records := rl.ScopeLogs().AppendEmpty().LogRecords()
		for i := range c.records {
			lr := records.AppendEmpty()
			lr.Body().SetStr(fmt.Sprintf("%s %d", c.name, i))
			lr.Attributes().PutStr("padding", strings.Repeat("p", c.record))
		}
		_, body := encoded(t, ld)
		code, text := r.zipped("acme", "logs", "application/x-protobuf", body)
		require.Equal(t, c.status, code, "%s: %s", c.name, text)
		if c.status == http.StatusOK {
			for i := range c.records {
				want[fmt.Sprintf("%s %d", c.name, i)]++
			}
		}
	}
	r.drained()
	got := map[string]int{}
	for _, body := range s.bodies() {
		got[body]++
	}
	assert.Equal(t, want, got)
	assert.Greater(t, s.requests, 5)
	assert.Less(t, biggest, 151_000)
	g.stop()
}

// TestCorpus_Empties has a very large number of records of two bytes each. They are
// rejected for their number, or all arrive.
func TestCorpus_Empties(t *testing.T) {
	t.Parallel()
	s := newRecorder(t)
	r := newRig(t, fmt.Sprintf(recorded, s.url), "acme")
	g := r.run()
	want := 0
	for _, n := range []int{0, 1, 777, 50_000, 3_000_000} {
		scope := bytes.Repeat([]byte{0x12, 0}, n) // log_records
		field := func(number byte, content []byte) []byte {
			out := []byte{number<<3 | 2}
			for size := len(content); ; size >>= 7 {
				if size < 0x80 {
					return append(append(out, byte(size)), content...)
				}
				out = append(out, byte(size)|0x80)
			}
		}
		code, text := r.zipped("acme", "logs", "application/x-protobuf", field(1, field(2, scope)))
		if n <= 50_000 {
			require.Equal(t, http.StatusOK, code, "%d records: %s", n, text)
			want += n
		} else {
			require.Equal(t, http.StatusRequestEntityTooLarge, code, "%d records: %s", n, text)
		}
	}
	r.drained()
	assert.Len(t, s.bodies(), want)
	g.stop()
}

// TestCorpus_JSONNull has null for unset fields, in each kind of value, as JSON.stringify
// writes NaN and infinity, and integers as floats, as some languages write them. No other
// data of the request is lost.
func TestCorpus_JSONNull(t *testing.T) {
	t.Parallel()
	s := newRecorder(t)
	r := newRig(t, fmt.Sprintf(recorded, s.url), "acme")
	g := r.run()
	values := []string{
		`{"doubleValue":null}`, `{"intValue":null}`, `{"stringValue":null}`, `{"boolValue":null}`, `{"bytesValue":null}`,
		`{"arrayValue":null}`, `{"kvlistValue":null}`, `null`, `{"arrayValue":{"values":[{"doubleValue":null},{"intValue":"3"}]}}`,
		`{"kvlistValue":{"values":[{"key":"k","value":{"doubleValue":null}}]}}`, `{"intValue":7.0}`, `{"intValue":1.7e3}`, `{"doubleValue":12}`,
	}
	var logs, points, spans []string
	for i, v := range values {
		logs = append(logs, fmt.Sprintf(`{"timeUnixNano":"1790000000000000000","body":{"stringValue":"log %d"},"attributes":[{"key":"ratio","value":%s}]}`, i, v))
		points = append(points, fmt.Sprintf(`{"name":"metric %d","gauge":{"dataPoints":[{"timeUnixNano":"1790000000000000000","asInt":"%d","attributes":[{"key":"ratio","value":%s}]}]}}`, i, i, v))
		spans = append(spans, fmt.Sprintf(`{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"span %d","attributes":[{"key":"ratio","value":%s}]}`, i, v))
	}
	for _, field := range []string{
		`"timeUnixNano":null`, `"severityNumber":null`, `"severityText":null`, `"attributes":null`, `"droppedAttributesCount":null`, `"flags":null`, `"traceId":null`,
		`"spanId":null`, `"eventName":null`, `"timeUnixNano":1.79e18`, `"observedTimeUnixNano":1790000000000000000`, `"severityNumber":9.0`,
	} {
		logs = append(logs, fmt.Sprintf(`{"body":{"stringValue":"log %d"},%s}`, len(logs), field))
	}
	for _, field := range []string{`"asDouble":null`, `"asInt":null`, `"asInt":5.0`, `"exemplars":null`, `"startTimeUnixNano":null`, `"flags":null`} {
		points = append(points, fmt.Sprintf(`{"name":"metric %d","sum":{"isMonotonic":null,"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1790000000000000000",%s}]}}`, len(points), field))
	}
	for _, field := range []string{`"parentSpanId":null`, `"kind":null`, `"status":null`, `"status":{"code":null,"message":null}`, `"events":null`, `"links":null`, `"endTimeUnixNano":1.79e18`} {
		spans = append(spans, fmt.Sprintf(`{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"span %d",%s}`, len(spans), field))
	}
	for signal, c := range map[string]struct {
		form    string
		records []string
	}{
		"logs":    {`{"resourceLogs":[{"resource":null,"scopeLogs":[{"scope":null,"schemaUrl":null,"logRecords":[%s]}]}]}`, logs},
		"metrics": {`{"resourceMetrics":[{"resource":{"attributes":null},"scopeMetrics":[{"metrics":[%s]}]}]}`, points},
		"traces":  {`{"resourceSpans":[{"scopeSpans":[{"scope":{"name":null,"version":null},"spans":[%s]}]}]}`, spans},
	} {
		for i, record := range c.records {
			code, text := r.zipped("acme", signal, "application/json", fmt.Appendf(nil, c.form, record))
			assert.Equal(t, http.StatusOK, code, "%s %d: %s: %s", signal, i, record, text)
		}
		code, text := r.zipped("acme", signal, "application/json", fmt.Appendf(nil, c.form, strings.Join(c.records, ",")))
		assert.Equal(t, http.StatusOK, code, "all %s: %s", signal, text)
	}
	r.drained()
	assert.Len(t, s.bodies(), 2*len(logs))
	assert.Len(t, s.metricNames(), 2*len(points))
	assert.Len(t, s.spanNames(), 2*len(spans))
	g.stop()
}

// TestCorpus_JSNaN lets the JavaScript SDK export a record with NaN among others.
func TestCorpus_JSNaN(t *testing.T) {
	t.Parallel()
	dir := nodeProject(t)
	s := newRecorder(t)
	r := newRig(t, fmt.Sprintf(recorded, s.url), "acme")
	g := r.run()
	program(t, dir, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + r.http, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_LOGS_EXPORTER": "otlp",
		"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer " + r.keys["acme"],
	}, "node", filepath.Join("sdk", "nan.cjs"))
	eventually(t, func() bool { return len(s.bodies()) >= 13 }, "records are lost")
	want := []string{"not a number", "infinite", "in a list"}
	for i := range 10 {
		want = append(want, fmt.Sprintf("good %d", i))
	}
	assert.ElementsMatch(t, want, s.bodies())
	g.stop()
}
