// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lokipushreceiver

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

const typeProtobuf = "application/x-protobuf"

func field(number protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), slices.Concat(parts...))
}

// protoLine returns a message in protobuf with a line of a stream.
func protoLine(labels, line string) []byte {
	seconds := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1_700_000_000)
	return field(1, field(1, []byte(labels)), field(2, field(1, seconds), field(2, []byte(line))))
}

// jsonLine is protoLine in JSON. Labels are an object.
func jsonLine(labels, line string) []byte {
	return []byte(`{"streams":[{"stream":` + labels + `,"values":[["1700000000000000000",` + strconv.Quote(line) + `]]}]}`)
}

func snap(body []byte) []byte { return snappy.Encode(nil, body) }

func compressed(t testing.TB, open func(io.Writer) io.WriteCloser, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := open(&b)
	_, err := w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func toGzip(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
func toZlib(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
func toRawDeflate(w io.Writer) io.WriteCloser {
	f, err := flate.NewWriter(w, flate.BestSpeed)
	if err != nil {
		panic(err)
	}
	return f
}

// lines returns the lines that a sink has, by service.
func lines(sink *consumertest.LogsSink) map[string][]string {
	out := map[string][]string{}
	for _, ld := range sink.AllLogs() {
		for _, rl := range ld.ResourceLogs().All() {
			service, _ := rl.Resource().Attributes().Get("service.name")
			for _, lr := range rl.ScopeLogs().At(0).LogRecords().All() {
				out[service.Str()] = append(out[service.Str()], lr.Body().Str())
			}
		}
	}
	return out
}

func TestReceiver_FormatsAndEncodings(t *testing.T) {
	text, message := jsonLine(`{"app":"a"}`, "x"), protoLine(`{app="a"}`, "x")
	legacy := []byte(`{"streams":[{"labels":"{app=\"a\"}","entries":[{"ts":"2023-11-14T22:13:20Z","line":"x"}]}]}`)
	damaged := snap(message)
	damaged = damaged[:len(damaged)-1]
	for _, tt := range []struct {
		name string
		request
		want int
		text string
	}{
		{"json", request{body: text}, 204, ""},
		{"json with parameters", request{contentType: "application/json; charset=utf-8", body: text}, 204, ""},
		{"json in capitals", request{contentType: "Application/JSON", body: text}, 204, ""},
		{"json identity", request{encoding: "identity", body: text}, 204, ""},
		{"json gzip", request{encoding: "gzip", body: compressed(t, toGzip, text)}, 204, ""},
		{"json GZIP", request{encoding: " GZIP ", body: compressed(t, toGzip, text)}, 204, ""},
		{"json zlib", request{encoding: "deflate", body: compressed(t, toZlib, text)}, 204, ""},
		{"json raw deflate", request{encoding: "deflate", body: compressed(t, toRawDeflate, text)}, 204, ""},
		{"json snappy", request{encoding: "snappy", body: snap(text)}, 204, ""},
		{"json legacy", request{path: legacyPath, body: legacy}, 204, ""},
		{"json legacy form at the new path", request{body: legacy}, 204, ""},
		{"json new form at the legacy path", request{path: legacyPath, body: text}, 204, ""},
		{"protobuf snappy", request{contentType: typeProtobuf, encoding: "snappy", body: snap(message)}, 204, ""},
		{"protobuf without encoding", request{contentType: typeProtobuf, body: snap(message)}, 204, ""},
		{"protobuf legacy", request{path: legacyPath, contentType: typeProtobuf, body: snap(message)}, 204, ""},
		{"protobuf of any type", request{contentType: "application/octet-stream", body: snap(message)}, 204, ""},
		{"protobuf gzip of snappy", request{contentType: typeProtobuf, encoding: "gzip", body: compressed(t, toGzip, snap(message))}, 204, ""},
		{"protobuf gzip", request{contentType: typeProtobuf, encoding: "gzip", body: compressed(t, toGzip, message)}, 204, ""},
		{"protobuf gzip of damaged snappy", request{contentType: typeProtobuf, encoding: "gzip", body: compressed(t, toGzip, damaged)}, 400, "the body is neither valid snappy nor valid protobuf: "},
		{"protobuf gzip of text", request{contentType: typeProtobuf, encoding: "gzip", body: compressed(t, toGzip, text)}, 400, "the body is neither valid snappy nor valid protobuf: "},
		{"protobuf gzip of nothing", request{contentType: typeProtobuf, encoding: "gzip", body: compressed(t, toGzip, nil)}, 422, "error at least one valid stream is required for ingestion"},
		{"protobuf deflate of snappy", request{contentType: typeProtobuf, encoding: "deflate", body: compressed(t, toRawDeflate, snap(message))}, 204, ""},
		{"no type", request{contentType: "-", body: text}, 400, "mime: no media type"},
		{"invalid type", request{contentType: ";", body: text}, 400, "mime: no media type"},
		{"zstd", request{encoding: "zstd", body: text}, 400, `Content-Encoding "zstd" not supported`},
		{"two encodings", request{encoding: "gzip, deflate", body: text}, 400, `Content-Encoding "gzip, deflate" not supported`},
		{"json that is none", request{encoding: "gzip", body: text}, 400, "the body is not valid gzip\n"},
		{"protobuf that is no gzip", request{contentType: typeProtobuf, encoding: "gzip", body: message}, 400, "the body is not valid gzip\n"},
		{"protobuf that is none", request{contentType: typeProtobuf, body: text}, 400, "the body is not valid snappy; for JSON send Content-Type: application/json"},
		{"form of curl", request{contentType: "application/x-www-form-urlencoded", body: text}, 400, "the body is not valid snappy; for JSON send Content-Type: application/json"},
		{"no streams", request{body: []byte(`{"streams":[]}`)}, 422, "error at least one valid stream is required for ingestion"},
		{"streams elsewhere", request{body: []byte(`{"logs":[]}`)}, 422, "error at least one valid stream is required for ingestion"},
		{"empty message", request{contentType: typeProtobuf, body: snap(nil)}, 422, "error at least one valid stream is required for ingestion"},
		{"no body", request{}, 400, "the JSON ends early"},
		{"labels", request{contentType: typeProtobuf, body: snap(protoLine(`{app=}`, "x"))}, 400, "Error parsing labels '{app=}' with error: "},
		{"number as timestamp", request{body: []byte(`{"streams":[{"stream":{"a":"b"},"values":[[1700000000000000000,"x"]]}]}`)}, 400, "a timestamp must be a string with nanoseconds"},
		{"method", request{method: http.MethodGet}, 405, "use POST"},
		{"path", request{path: "/loki/api/v1/query", body: text}, 404, pushPath},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := setup{}.start(t)
			a := d.send(t, tt.request)
			assert.Equal(t, tt.want, a.status, a.body)
			if tt.want == http.StatusNoContent {
				assert.Equal(t, map[string][]string{"a": {"x"}}, lines(d.sink))
				assert.Empty(t, a.body)
				return
			}
			assert.Empty(t, d.sink.AllLogs())
			assert.Contains(t, a.body, tt.text)
			assert.Equal(t, 1, strings.Count(a.body, "\n"), "clients log the first line")
			assert.Equal(t, "text/plain; charset=utf-8", a.header.Get("Content-Type"))
		})
	}
}

// A request of another form is counted once, by the reasons of all receivers.
func TestReceiver_CountsRequestsOfAnotherForm(t *testing.T) {
	d := setup{}.start(t)
	board := &tenanttest.Rejections{}
	d.guard.PostRejections(rejection.Boards{board})
	counted := map[rejection.Reason]int64{}
	for _, tt := range []struct {
		request
		want rejection.Reason
	}{
		{request{path: "/"}, rejection.Path},
		{request{method: http.MethodGet}, rejection.Method},
		{request{contentType: "-"}, rejection.ContentType},
		{request{encoding: "br"}, rejection.Encoding},
		{request{body: []byte(`{}`)}, rejection.NoStream},
	} {
		d.send(t, tt.request)
		posted := board.Take()
		require.Len(t, posted, 1, tt.want)
		assert.Equal(t, tt.want.String(), posted[0].Reason)
		assert.Equal(t, "k1", posted[0].KeyID)
		counted[tt.want]++
	}
	d.guard.Stats().Rejected(func(_ guard.Protocol, why rejection.Reason, n int64) {
		assert.Equal(t, counted[why], n, why)
		delete(counted, why)
	})
	assert.Empty(t, counted, "in the metric of the guard")
}

// A stream without entries is accepted, as Loki does.
func TestReceiver_NothingToPass(t *testing.T) {
	d := setup{}.start(t)
	assert.Equal(t, 204, d.send(t, request{body: []byte(`{"streams":[{"stream":{"a":"b"},"values":[]}]}`)}).status)
	assert.Equal(t, 204, d.send(t, request{contentType: typeProtobuf, body: snap(field(1, field(1, []byte(`{a="b"}`))))}).status)
	assert.Empty(t, d.sink.AllLogs())
}

// A request is passed once and whole, and one that is malformed at its end is not passed.
func TestReceiver_AllOrNothing(t *testing.T) {
	d := setup{}.start(t)
	good, bad := protoLine(`{app="a"}`, "good"), protoLine(`{app=}`, "bad")
	assert.Equal(t, 400, d.send(t, request{contentType: typeProtobuf, body: snap(slices.Concat(good, bad))}).status)
	assert.Equal(t, 400, d.send(t, request{body: []byte(`{"streams":[{"stream":{"app":"a"},"values":[["1","good"],["x","bad"]]}]}`)}).status)
	assert.Empty(t, d.sink.AllLogs())
	assert.Equal(t, 204, d.send(t, request{contentType: typeProtobuf, body: snap(slices.Concat(good, protoLine(`{app="b"}`, "too")))}).status)
	require.Len(t, d.sink.AllLogs(), 1)
	assert.Equal(t, map[string][]string{"a": {"good"}, "b": {"too"}}, lines(d.sink))
}

// Every rejection reaches the client, with the texts that runbooks for Loki search for.
func TestReceiver_Rejections(t *testing.T) {
	var next error
	d := setup{
		configure: func(cfg *Config) { cfg.ServerConfig.MaxRequestBodySize, cfg.MaxDecodedSize = 100_000, 200_000 },
		next:      func(context.Context, plog.Logs) error { return next },
	}.start(t)
	for name, tt := range map[string]struct {
		request request
		next    error
		status  int
		retry   bool
		text    string
	}{
		"no key":                  {request: request{key: "-"}, status: 401, text: "no org id: "},
		"unknown key":             {request: request{key: "nobody"}, status: 401, text: "unknown API key"},
		"suspended":               {request: request{key: "suspended"}, status: 403, text: "suspended"},
		"key without logs":        {request: request{key: "unscoped"}, status: 403, text: "may not send logs"},
		"registry not loaded":     {request: request{key: "undecided"}, status: 503, retry: true, text: "registry"},
		"limit of the guard":      {request: request{key: "limited"}, status: 429, retry: true, text: "Ingestion rate limit exceeded for user limited: over 10 records per second"},
		"unknown tenant":          {next: rejection.Of(rejection.UnknownTenant), status: 401, text: "tenant"},
		"rate":                    {next: rejection.New(rejection.Rate, "over 5 records"), status: 429, retry: true, text: "Ingestion rate limit exceeded for user acme: over 5 records"},
		"quota":                   {next: rejection.Of(rejection.Quota), status: 429, retry: true, text: "Ingestion rate limit exceeded for user acme: over a quota"},
		"lane full":               {next: rejection.Of(rejection.LaneFull), status: 429, retry: true, text: "full"},
		"other tenant's resource": {next: rejection.Of(rejection.TenantMismatch), status: 403, text: "tenant"},
		"memory limiter":          {next: errors.New("data refused due to high memory usage"), status: 503, retry: true, text: "cannot accept the data now"},
		"permanent":               {next: consumererror.NewPermanent(errors.New("secret detail")), status: 400, text: "rejected"},
		"status of gRPC":          {next: status.Error(codes.Unavailable, "away"), status: 503, retry: true, text: "away"},
		"too large":               {request: request{body: make([]byte, 200_000)}, status: 413, text: "request body too large: "},
		"too large decoded":       {request: request{contentType: typeProtobuf, body: snap(make([]byte, 300_000))}, status: 413, text: "request body too large: "},
		"too large in two":        {request: request{contentType: typeProtobuf, encoding: "gzip", body: compressed(t, toGzip, snap(make([]byte, 300_000)))}, status: 413, text: "request body too large: "},
		"malformed":               {request: request{body: []byte(`{"streams":[`)}, status: 400, text: "the JSON ends early"},
	} {
		t.Run(name, func(t *testing.T) {
			next = tt.next
			r := tt.request
			if r.body == nil {
				r.body = jsonLine(`{"app":"a"}`, "x")
			}
			a := d.send(t, r)
			assert.Equal(t, tt.status, a.status, a.body)
			assert.Contains(t, a.body, tt.text)
			assert.NotContains(t, a.body, "secret")
			assert.Equal(t, map[int]string{401: "Bearer"}[tt.status], a.header.Get("WWW-Authenticate"))
			if seconds := a.header.Get("Retry-After"); tt.retry {
				n, err := strconv.Atoi(seconds)
				require.NoError(t, err)
				assert.Positive(t, n)
			} else {
				assert.Empty(t, seconds)
			}
		})
	}
	assert.Empty(t, d.sink.AllLogs())
	requests, held := d.guard.InFlight()
	assert.Zero(t, requests)
	assert.Zero(t, held)
}

// Two tenants with equal labels and lines at the same time: nothing crosses.
func TestReceiver_TenantsStayApart(t *testing.T) {
	var mu sync.Mutex
	got := map[tenant.ID]map[string]int{"acme": {}, "other": {}}
	d := setup{next: func(ctx context.Context, ld plog.Logs) error {
		caller, ok := tenant.FromContext(ctx)
		if !ok {
			return errors.New("a request has no tenant")
		}
		mu.Lock()
		defer mu.Unlock()
		for _, rl := range ld.ResourceLogs().All() {
			owner, _ := rl.Resource().Attributes().Get("owner")
			for _, lr := range rl.ScopeLogs().At(0).LogRecords().All() {
				secret, _ := lr.Attributes().Get("secret")
				got[caller.Tenant()][owner.Str()+" "+lr.Body().Str()+" "+secret.Str()]++
			}
		}
		return nil
	}}.start(t)
	var wg sync.WaitGroup
	for _, key := range []string{"acme", "other"} {
		// The labels are the same text, which a cache that is shared would mix up.
		labels := `{"app":"shop","owner":"same"}`
		for i := range 100 {
			wg.Go(func() {
				body := []byte(`{"streams":[{"stream":` + labels + `,"values":[["1","line of ` + key + `",{"secret":"` + key + `"}]]}]}`)
				r := request{key: key, body: body}
				if i%2 == 0 {
					meta := field(3, field(1, []byte("secret")), field(2, []byte(key)))
					r = request{key: key, contentType: typeProtobuf, body: snap(field(1, field(1, []byte(`{app="shop",owner="same"}`)), field(2, field(2, []byte("line of "+key)), meta)))}
				}
				a, err := d.try(t.Context(), r)
				assert.NoError(t, err)
				assert.Equal(t, 204, a.status, a.body)
			})
		}
	}
	wg.Wait()
	for id, records := range got {
		assert.Equal(t, map[string]int{fmt.Sprintf("same line of %s %s", id, id): 100}, records)
	}
}

// Bodies that become much more than they are end with 413 or 400, and hold no more than
// their sender may use.
func TestReceiver_Bombs(t *testing.T) {
	const memory = 64 << 20
	var peak int64
	d := setup{guard: guard.Settings{Memory: memory}, configure: func(cfg *Config) { cfg.MaxDecodedSize = 16 << 20 }}.start(t)
	stop, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				_, held := d.guard.InFlight()
				peak = max(peak, held)
			}
		}
	}()
	zeros := make([]byte, 64<<20)
	list := func(begin, one, end string, n int) []byte {
		return []byte(begin + one + strings.Repeat(","+one, n) + end)
	}
	many := slices.Repeat([]byte{0x12, 0}, 7<<20)
	var metadata []byte
	for i := range 100 {
		metadata = append(metadata, field(3, field(1, fmt.Appendf(nil, "%02d", i)), field(2, []byte("b")))...)
	}
	for name, tt := range map[string]struct {
		request
		want []int
	}{
		"snappy length without data": {request{contentType: typeProtobuf, body: binary.AppendUvarint(nil, 1<<32-1)}, []int{400, 413}},
		"snappy zeros":               {request{contentType: typeProtobuf, body: snap(zeros)}, []int{413}},
		"snappy in gzip":             {request{contentType: typeProtobuf, encoding: "gzip", body: compressed(t, toGzip, snap(zeros))}, []int{413}},
		"gzip zeros":                 {request{encoding: "gzip", body: compressed(t, toGzip, zeros)}, []int{413}},
		"zlib zeros":                 {request{encoding: "deflate", body: compressed(t, toZlib, zeros)}, []int{413}},
		"deflate zeros":              {request{encoding: "deflate", body: compressed(t, toRawDeflate, zeros)}, []int{413}},
		"nesting":                    {request{encoding: "gzip", body: compressed(t, toGzip, slices.Repeat([]byte("["), 15<<20))}, []int{400}},
		"nested in a value":          {request{encoding: "gzip", body: compressed(t, toGzip, append([]byte(`{"a":`), slices.Repeat([]byte("["), 15<<20)...))}, []int{400}},
		"entries in JSON":            {request{encoding: "gzip", body: compressed(t, toGzip, list(`{"streams":[{"stream":{},"values":[`, `["1",""]`, `]}]}`, 1<<20))}, []int{413}},
		"streams in JSON":            {request{encoding: "gzip", body: compressed(t, toGzip, list(`{"streams":[`, `{"stream":{},"values":[["1",""]]}`, `]}`, 400_000))}, []int{413}},
		"entries in protobuf":        {request{contentType: typeProtobuf, body: snap(field(1, field(1, []byte("{}")), many))}, []int{413}},
		"metadata in protobuf":       {request{contentType: typeProtobuf, body: snap(slices.Repeat(field(1, field(1, []byte("{}")), field(2, metadata)), 15_000))}, []int{413}},
		"malformed labels":           {request{contentType: typeProtobuf, body: snap(protoLine("{"+strings.Repeat(`"`, 15<<20)+"}", ""))}, []int{400}},
		"truncated":                  {request{contentType: typeProtobuf, body: snap(protoLine(`{a="b"}`, "x")[:10])}, []int{400}},
		"length over the end":        {request{contentType: typeProtobuf, body: snap([]byte{0x0a, 0xff, 0xff, 0xff, 0x7f})}, []int{400}},
	} {
		t.Run(name, func(t *testing.T) {
			a := d.send(t, tt.request)
			assert.Contains(t, tt.want, a.status, a.body)
		})
	}
	close(stop)
	<-watched
	t.Logf("the most memory in flight was %d MiB", peak>>20)
	assert.LessOrEqual(t, peak, int64(memory))
	assert.Empty(t, d.sink.AllLogs())
}

// Labels and structured metadata in floods are cut to a bound, marked and counted.
func TestReceiver_CutsAndMarks(t *testing.T) {
	d := setup{configure: func(cfg *Config) { cfg.MaxLineSize = 10 }}.start(t)
	var labels []string
	for i := range 100_000 {
		labels = append(labels, fmt.Sprintf(`l%d="v"`, i))
	}
	body := slices.Concat(
		protoLine("{"+strings.Join(labels, ",")+"}", "a line that is too long"),
		protoLine(`{a="x"y"}`, "x"),
		field(1, field(1, []byte("{}")), field(2, field(1, protowire.AppendVarint([]byte{8}, 1<<40)))))
	a := d.send(t, request{contentType: typeProtobuf, body: snap(body)})
	require.Equal(t, 204, a.status, a.body)
	resource := d.sink.AllLogs()[0].ResourceLogs().At(0)
	assert.Equal(t, 129, resource.Resource().Attributes().Len())
	assert.Equal(t, uint32(100_000-128), resource.Resource().DroppedAttributesCount())
	assert.Equal(t, "a line tha", resource.ScopeLogs().At(0).LogRecords().At(0).Body().Str())
	for name, want := range map[string]int64{"cut_lines": 1, "dropped_attributes": 100_000 - 128, "repaired_label_sets": 1, "invalid_timestamps": 1} {
		got, err := d.telemetry.GetMetric("otelcol_receiver_loki_push_" + name)
		require.NoError(t, err)
		assert.Equal(t, want, sumOf(t, got), name)
	}
}

func TestReceiver_CountsRequestsAndRecords(t *testing.T) {
	d := setup{}.start(t)
	require.Equal(t, 204, d.send(t, request{body: jsonLine(`{"a":"b"}`, "x")}).status)
	require.Equal(t, 204, d.send(t, request{contentType: typeProtobuf, body: snap(protoLine(`{a="b"}`, "x"))}).status)
	require.Equal(t, 400, d.send(t, request{contentType: "-"}).status)
	require.Equal(t, 400, d.send(t, request{contentType: typeProtobuf, body: snap(protoLine(`{a=}`, "x"))}).status)
	got, err := d.telemetry.GetMetric("otelcol_receiver_loki_push_requests")
	require.NoError(t, err)
	counts := make(map[string]int64)
	for _, p := range got.Data.(metricdata.Sum[int64]).DataPoints {
		format, _ := p.Attributes.Value("format")
		code, _ := p.Attributes.Value("code")
		counts[format.AsString()+" "+code.String()] += p.Value
	}
	assert.Equal(t, map[string]int64{"json 204": 1, "protobuf 204": 1, "unknown 400": 1, "protobuf 400": 1}, counts)
	for name, want := range map[string]int64{"accepted": 2, "refused": 1} {
		m, err := d.telemetry.GetMetric("otelcol_receiver_" + name + "_log_records")
		require.NoError(t, err)
		assert.Equal(t, want, sumOf(t, m), name)
	}
}

// sumOf returns the sum of a counter.
func sumOf(t *testing.T, m metricdata.Metrics) (sum int64) {
	t.Helper()
	data, ok := m.Data.(metricdata.Sum[int64])
	require.True(t, ok)
	for _, p := range data.DataPoints {
		sum += p.Value
	}
	return sum
}

func TestReceiver_PanicIsAnswered(t *testing.T) {
	d := setup{next: func(context.Context, plog.Logs) error { panic("a defect") }}.start(t)
	a := d.send(t, request{body: jsonLine(`{"a":"b"}`, "x")})
	assert.Equal(t, http.StatusInternalServerError, a.status)
	assert.NotContains(t, a.body, "defect")
	panics, err := d.telemetry.GetMetric("otelcol_receiver_loki_push_panics")
	require.NoError(t, err)
	assert.Equal(t, int64(1), sumOf(t, panics))
}

// A shutdown waits for requests in flight.
func TestReceiver_ShutdownLetsRequestsEnd(t *testing.T) {
	entered, proceed := make(chan struct{}), make(chan struct{})
	cfg := createDefaultConfig().(*Config)
	cfg.ServerConfig.NetAddr.Endpoint = loopback.Addresses(t, 1)[0]
	cfg.Guard = component.MustNewID(builtInGuard)
	sink := new(consumertest.LogsSink)
	d := &door{url: "http://" + cfg.ServerConfig.NetAddr.Endpoint}
	next, err := consumer.NewLogs(func(ctx context.Context, ld plog.Logs) error {
		close(entered)
		<-proceed
		return sink.ConsumeLogs(ctx, ld)
	})
	require.NoError(t, err)
	r, err := NewFactory().CreateLogs(t.Context(), receivertest.NewNopSettings(NewFactory().Type()), cfg, next)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	type outcome struct {
		answer
		err error
	}
	outcomes := make(chan outcome, 1)
	go func() {
		a, err := d.try(t.Context(), request{body: jsonLine(`{"a":"b"}`, "x")})
		outcomes <- outcome{a, err}
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- r.Shutdown(context.Background()) }()
	close(proceed)
	got := <-outcomes
	require.NoError(t, got.err)
	assert.Equal(t, http.StatusNoContent, got.status)
	require.NoError(t, <-stopped)
	assert.Equal(t, 1, sink.LogRecordCount())
	require.NoError(t, r.Shutdown(context.Background()))
}

func TestReceiver_ShutdownWithoutStart(t *testing.T) {
	r, err := NewFactory().CreateLogs(t.Context(), receivertest.NewNopSettings(NewFactory().Type()), createDefaultConfig(), consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, r.Shutdown(t.Context()))
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestReceiver_MissingGuard(t *testing.T) {
	r, err := NewFactory().CreateLogs(t.Context(), receivertest.NewNopSettings(NewFactory().Type()), createDefaultConfig(), consumertest.NewNop())
	require.NoError(t, err)
	assert.ErrorContains(t, r.Start(t.Context(), componenttest.NewNopHost()), "with `guard: built_in` the receiver has its own guard")
	require.NoError(t, r.Shutdown(t.Context()))
}

// generator is a correct client: it sends again at 429 and 5xx and gives up at 4xx.
type generator struct {
	t    *testing.T
	door *door
}

func (g *generator) Start() {}
func (g *generator) Stop()  {}

func (g *generator) Generate() []receivertest.UniqueIDAttrVal {
	id := receivertest.UniqueIDAttrVal(strconv.FormatInt(time.Now().UnixNano(), 10))
	body := []byte(`{"streams":[{"stream":{"a":"b"},"values":[["1","x",{"` + receivertest.UniqueIDAttrName + `":"` + string(id) + `"}]]}]}`)
	for {
		a := g.door.send(g.t, request{body: body})
		if a.status != http.StatusTooManyRequests && a.status < 500 {
			return []receivertest.UniqueIDAttrVal{id}
		}
	}
}

func TestReceiver_ConsumeContract(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.ServerConfig.NetAddr.Endpoint = loopback.Addresses(t, 1)[0]
	cfg.Guard = component.MustNewID(builtInGuard)
	receivertest.CheckConsumeContract(receivertest.CheckConsumeContractParams{
		T: t, Factory: NewFactory(), Signal: pipeline.SignalLogs, Config: cfg, GenerateCount: 200,
		Generator: &generator{t: t, door: &door{url: "http://" + cfg.ServerConfig.NetAddr.Endpoint}},
	})
}
