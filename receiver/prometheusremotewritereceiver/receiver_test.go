// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package prometheusremotewritereceiver

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

func field(number protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), slices.Concat(parts...))
}

// sampleV1 returns a message of 1.0 with a sample of a series. Labels are names and values.
func sampleV1(labels ...string) []byte {
	var all []byte
	for i := 0; i < len(labels); i += 2 {
		all = append(all, field(1, field(1, []byte(labels[i])), field(2, []byte(labels[i+1])))...)
	}
	sample := protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 1000)
	return field(1, all, field(2, sample))
}

// sampleV2 is sampleV1 in 2.0.
func sampleV2(labels ...string) []byte {
	out, refs := field(4), []byte{}
	for i, text := range labels {
		out = append(out, field(4, []byte(text))...)
		refs = append(refs, byte(i+1))
	}
	sample := protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 1000)
	return append(out, field(5, field(1, refs), field(2, sample))...)
}

func snap(body []byte) []byte { return snappy.Encode(nil, body) }

func TestReceiver_TakesWhatPrometheusSends(t *testing.T) {
	d := setup{}.start(t)
	a := d.send(t, request{body: captured(t, "v1-b")})
	assert.Equal(t, http.StatusNoContent, a.status, a.body)
	assert.Empty(t, a.written(), "senders of 1.0 must not see the headers")
	require.Len(t, d.sink.AllMetrics(), 1, "a request is handed on once")
	assert.Positive(t, d.sink.DataPointCount())

	before := d.sink.DataPointCount()
	a = d.send(t, request{contentType: typeV2, body: captured(t, "v2")})
	assert.Equal(t, http.StatusNoContent, a.status, a.body)
	counts := strings.Fields(a.written())
	require.Len(t, counts, 3)
	samples, err := strconv.Atoi(counts[0])
	require.NoError(t, err)
	histograms, err := strconv.Atoi(counts[1])
	require.NoError(t, err)
	assert.Equal(t, samples+histograms, d.sink.DataPointCount()-before)
	assert.Positive(t, histograms)
	require.Len(t, d.sink.AllMetrics(), 2)
}

func TestReceiver_ContentTypesAndEncodings(t *testing.T) {
	encoder, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	body := sampleV1("__name__", "m")
	d := setup{}.start(t)
	for _, tt := range []struct {
		contentType, encoding string
		body                  []byte
		want                  int
	}{
		{"-", "snappy", snap(body), 204},
		{"application/x-protobuf", "-", snap(body), 204},
		{"application/x-protobuf", "Snappy", snap(body), 204},
		{"application/x-protobuf; charset=x", "snappy", snap(body), 204},
		{"application/x-protobuf;proto=prometheus.WriteRequest", "snappy", snap(body), 204},
		{"Application/X-Protobuf", "snappy", snap(body), 204},
		{"application/x-protobuf", "zstd", encoder.EncodeAll(body, nil), 204},
		{typeV2, "snappy", snap(sampleV2("__name__", "m")), 204},
		{typeV2, "zstd", encoder.EncodeAll(sampleV2("__name__", "m"), nil), 204},
		{"application/x-protobuf;proto=other.Request", "snappy", snap(body), 415},
		{"application/x-protobuf;proto", "snappy", snap(body), 415},
		{"application/json", "snappy", snap(body), 415},
		{"text/plain", "snappy", snap(body), 415},
		{"application/x-protobuf", "gzip", snap(body), 415},
		{"application/x-protobuf", "deflate", snap(body), 415},
		{"application/x-protobuf", "identity", body, 415},
		{"application/x-protobuf", "snappy, zstd", snap(body), 415},
		{"application/x-protobuf", "snappy", body, 400},
		{"application/x-protobuf", "zstd", body, 400},
	} {
		t.Run(tt.contentType+"/"+tt.encoding, func(t *testing.T) {
			a := d.send(t, request{contentType: tt.contentType, encoding: tt.encoding, body: tt.body})
			assert.Equal(t, tt.want, a.status, a.body)
			if tt.want != http.StatusNoContent {
				assert.NotEmpty(t, a.body)
				assert.Equal(t, 1, strings.Count(a.body, "\n"), "Prometheus logs the first line")
			}
		})
	}
	a := d.send(t, request{method: http.MethodGet})
	assert.Equal(t, http.StatusMethodNotAllowed, a.status)
	assert.Equal(t, http.MethodPost, a.header.Get("Allow"))
	assert.Equal(t, http.StatusNotFound, d.send(t, request{path: "/x"}).status)
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
		{request{contentType: "text/plain"}, rejection.ContentType},
		{request{encoding: "br"}, rejection.Encoding},
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

func TestReceiver_MetadataAlone(t *testing.T) {
	d := setup{}.start(t)
	family := field(3, protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1), field(2, []byte("m_total")), field(4, []byte("help of acme")))
	a := d.send(t, request{body: snap(family)})
	assert.Equal(t, http.StatusNoContent, a.status, a.body)
	assert.Empty(t, d.sink.AllMetrics())
	for _, key := range []string{"acme", "other"} {
		require.Equal(t, http.StatusNoContent, d.send(t, request{key: key, body: snap(sampleV1("__name__", "m_total"))}).status)
	}
	descriptions := make([]string, 0, 2)
	for _, md := range d.sink.AllMetrics() {
		descriptions = append(descriptions, md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Description())
	}
	assert.Equal(t, []string{"help of acme", ""}, descriptions, "what one tenant describes is not another's")
}

// Two tenants have the same job, instance, families and label sets, and send at a time:
// metadata, target_info, exemplars that wait for a sample, and samples. Nothing of one is in
// what is handed on of the other.
func TestReceiver_TenantsShareNothing(t *testing.T) {
	d := setup{}.start(t)
	number := func(n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), v)
	}
	label := func(name, value string) []byte { return field(1, field(1, []byte(name)), field(2, []byte(value))) }
	target := slices.Concat(label("job", "j"), label("instance", "i"))
	sample := field(2, number(2, 1000))
	messages := func(owner string) [][]byte {
		series := slices.Concat(label("__name__", "m_total"), target)
		return [][]byte{
			snap(field(3, number(1, 1), field(2, []byte("m")), field(4, []byte("help of "+owner)))),
			snap(field(1, label("__name__", "target_info"), target, label("pod", "pod of "+owner), sample)),
			snap(field(1, series, field(3, label("user", "user of "+owner), number(3, 1000)))),
			snap(slices.Concat(field(1, series, sample), field(1, label("__name__", "owner"), target, label("is", owner), sample))),
		}
	}
	owners := []string{"acme", "other"}
	var senders sync.WaitGroup
	for _, owner := range slices.Concat(owners, owners) {
		senders.Go(func() {
			for range 50 {
				for _, body := range messages(owner) {
					if a, err := d.try(t.Context(), request{key: owner, body: body}); !assert.NoError(t, err) || !assert.Equal(t, http.StatusNoContent, a.status, a.body) {
						return
					}
				}
			}
		})
	}
	senders.Wait()
	seen := make(map[string]int)
	for _, md := range d.sink.AllMetrics() {
		raw, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
		require.NoError(t, err)
		text, is := string(raw), 0
		if strings.Contains(text, `"stringValue":"other"`) {
			is = 1
		}
		require.Contains(t, text, `"stringValue":"`+owners[is]+`"`)
		require.NotContains(t, text, " of "+owners[1-is])
		for _, what := range []string{"help of ", "pod of ", "user of "} {
			seen[what+owners[is]] += strings.Count(text, what+owners[is])
		}
	}
	for _, owner := range owners {
		assert.Equal(t, 100, seen["pod of "+owner])
		assert.Equal(t, 100, seen["help of "+owner])
		assert.Equal(t, 100, seen["user of "+owner])
	}
}

// manyReferences returns a message of both versions at once that is small, and has many
// series with a long label.
func manyReferences() []byte {
	long := strings.Repeat("x", 50_000)
	v2 := slices.Concat(field(4), field(4, []byte("__name__")), field(4, []byte("m")), field(4, []byte("a")), field(4, []byte(long)),
		slices.Repeat(field(5, field(1, []byte{1, 2, 3, 4}), field(2)), 10))
	v1 := field(1, field(1, field(1, []byte("__name__")), field(2, []byte("m"))), field(1, field(1, []byte("a")), field(2, []byte(long))), slices.Repeat(field(2), 10))
	return append(v2, v1...)
}

// Every rejection reaches the sender with its status, and in 2.0 with the headers that say
// that nothing was written.
func TestReceiver_Rejections(t *testing.T) {
	var next error
	d := setup{
		configure: func(cfg *Config) { cfg.ServerConfig.MaxRequestBodySize, cfg.MaxDecodedSize = 100_000, 200_000 },
		next:      func(context.Context, pmetric.Metrics) error { return next },
	}.start(t)
	good := snap(sampleV2("__name__", "m"))
	for name, tt := range map[string]struct {
		request request
		next    error
		status  int
		retry   bool
		text    string
	}{
		"unknown key":             {request: request{key: "nobody"}, status: 401, text: "unknown API key"},
		"suspended":               {request: request{key: "suspended"}, status: 403, text: "suspended"},
		"key without metrics":     {request: request{key: "unscoped"}, status: 403, text: "may not send metrics"},
		"registry not loaded":     {request: request{key: "undecided"}, status: 503, retry: true, text: "registry"},
		"limit of the guard":      {request: request{key: "limited"}, status: 429, retry: true, text: "over 10 records per second"},
		"unknown tenant":          {next: rejection.Of(rejection.UnknownTenant), status: 401, text: "tenant"},
		"rate":                    {next: rejection.New(rejection.Rate, "over 5 records"), status: 429, retry: true, text: "over 5 records"},
		"quota":                   {next: rejection.Of(rejection.Quota), status: 429, retry: true, text: "quota"},
		"lane full":               {next: rejection.Of(rejection.LaneFull), status: 503, retry: true, text: "full"},
		"other tenant's resource": {next: rejection.Of(rejection.TenantMismatch), status: 403, text: "tenant"},
		"memory limiter":          {next: errors.New("data refused due to high memory usage"), status: 503, retry: true, text: "cannot accept the data now"},
		"permanent":               {next: consumererror.NewPermanent(errors.New("secret detail")), status: 400, text: "rejected"},
		"status of gRPC":          {next: status.Error(codes.Unavailable, "away"), status: 503, retry: true, text: "away"},
		"too large":               {request: request{body: make([]byte, 200_000)}, status: 413, text: "body"},
		"too large decoded":       {request: request{body: snap(make([]byte, 300_000))}, status: 413, text: "decoded"},
		"too much text":           {request: request{body: snap(manyReferences())}, status: 413, text: "text"},
		"malformed":               {request: request{body: snap([]byte{0x22, 0x7f})}, status: 400, text: "malformed"},
		"no body":                 {request: request{body: []byte{}}, status: 400, text: "no body"},
		"content type":            {request: request{encoding: "gzip"}, status: 415, text: "Content-Encoding"},
	} {
		t.Run(name, func(t *testing.T) {
			next = tt.next
			r := tt.request
			r.contentType = typeV2
			if r.body == nil {
				r.body = good
			}
			a := d.send(t, r)
			assert.Equal(t, tt.status, a.status, a.body)
			assert.Contains(t, a.body, tt.text)
			assert.NotContains(t, a.body, "secret")
			assert.Equal(t, "0 0 0", a.written())
			assert.Equal(t, map[int]string{401: "Bearer"}[tt.status], a.header.Get("WWW-Authenticate"))
			if seconds := a.header.Get("Retry-After"); tt.retry {
				n, err := strconv.Atoi(seconds)
				require.NoError(t, err)
				assert.Positive(t, n)
			} else {
				assert.Empty(t, seconds)
			}
			r.contentType = "application/x-protobuf"
			if tt.request.body == nil {
				r.body = snap(sampleV1("__name__", "m"))
			}
			a = d.send(t, r)
			assert.Equal(t, tt.status, a.status, a.body)
			assert.Empty(t, a.written())
		})
	}
	assert.Empty(t, d.sink.AllMetrics())
	requests, held := d.guard.InFlight()
	assert.Zero(t, requests)
	assert.Zero(t, held)
}

// A request that is malformed at its end changes nothing of what is before it.
func TestReceiver_AllOrNothing(t *testing.T) {
	d := setup{}.start(t)
	body := slices.Concat(sampleV1("__name__", "good"), sampleV1("not", "a metric"))
	a := d.send(t, request{body: snap(body)})
	assert.Equal(t, http.StatusBadRequest, a.status)
	assert.Contains(t, a.body, "a series has no __name__ label")
	assert.Empty(t, d.sink.AllMetrics())
}

// Bodies that become much more than they are end with 413 or 400, and hold no more than
// their sender may use.
func TestReceiver_Bombs(t *testing.T) {
	encoder, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	var peak int64
	d := setup{guard: guard.Settings{Memory: 64 << 20}, configure: func(cfg *Config) { cfg.MaxDecodedSize = 16 << 20 }}.start(t)
	stop := make(chan struct{})
	watched := make(chan struct{})
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
	head := slices.Concat(field(4), field(4, []byte("__name__")), field(4, []byte("m")))
	wide := func() []byte { // a bucket at each end of the schema
		zig := func(v int64) []byte { return protowire.AppendVarint(nil, protowire.EncodeZigZag(v)) }
		span := func(offset int64) []byte { return field(11, []byte{8}, zig(offset), []byte{16, 1}) }
		return field(3, []byte{8, 4, 32, 16}, span(-200_000), span(400_000), field(12, []byte{4, 0}))
	}()
	huge := binary.AppendUvarint(nil, 1<<32-1)
	for name, tt := range map[string]struct {
		encoding string
		body     []byte
		want     []int
	}{
		"snappy length without data": {"snappy", huge, []int{400, 413}},
		"snappy zeros":               {"snappy", snap(make([]byte, 64<<20)), []int{413}},
		"zstd zeros":                 {"zstd", encoder.EncodeAll(make([]byte, 64<<20), nil), []int{413}},
		"symbols":                    {"snappy", snap(slices.Repeat([]byte{0x22, 0}, 7<<20)), []int{413}},
		"samples":                    {"snappy", snap(slices.Concat(head, field(5, field(1, []byte{1, 2}), slices.Repeat([]byte{0x12, 0}, 7<<20)))), []int{413}},
		"series":                     {"snappy", snap(slices.Concat(head, slices.Repeat(field(5, field(1, []byte{1, 2}), field(2)), 1<<20))), []int{413}},
		"empty histograms":           {"snappy", snap(slices.Concat(head, field(5, field(1, []byte{1, 2}), slices.Repeat([]byte{0x1a, 0}, 7<<20)))), []int{413}},
		"wide histograms":            {"snappy", snap(slices.Concat(head, slices.Repeat(field(5, field(1, []byte{1, 2}), wide), 5000))), []int{413}},
		"symbol of many series":      {"snappy", snap(slices.Concat(head, field(4, []byte("a")), field(4, make([]byte, 1<<20)), slices.Repeat(field(5, field(1, []byte{1, 2, 3, 4}), field(2)), 5000))), []int{413}},
		"empty exemplars":            {"snappy", snap(slices.Concat(head, field(5, field(1, []byte{1, 2}), slices.Repeat([]byte{0x22, 0}, 7<<20)))), []int{413}},
	} {
		t.Run(name, func(t *testing.T) {
			a := d.send(t, request{contentType: typeV2, encoding: tt.encoding, body: tt.body})
			assert.Contains(t, tt.want, a.status, a.body)
		})
	}
	close(stop)
	<-watched
	assert.LessOrEqual(t, peak, int64(64<<20))
	assert.Empty(t, d.sink.AllMetrics())
}

// Drafts of 2.0 before rc.4 have the start in the series, later ones in each sample.
func TestReceiver_StartTimestamps(t *testing.T) {
	d := setup{}.start(t)
	number := func(n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), v)
	}
	head := slices.Concat(field(4), field(4, []byte("__name__")), field(4, []byte("m_total")), field(5, field(1, []byte{1, 2}), field(2, number(2, 1000))))
	for name, fields := range map[string][]byte{
		"rc.3":      slices.Concat(field(2, number(2, 2000)), number(6, 1500)),
		"rc.4":      field(2, number(2, 2000), number(3, 1500)),
		"both":      slices.Concat(field(2, number(2, 2000), number(3, 1500)), number(6, 1)),
		"histogram": field(3, number(15, 2000), number(17, 1500)),
	} {
		t.Run(name, func(t *testing.T) {
			d.sink.Reset()
			a := d.send(t, request{contentType: typeV2, body: snap(slices.Concat(head, field(5, field(1, []byte{1, 2}), fields)))})
			require.Equal(t, http.StatusNoContent, a.status, a.body)
			md := d.sink.AllMetrics()[0].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
			points := md.At(0).Sum().DataPoints()
			assert.Zero(t, points.At(0).StartTimestamp(), "0 is unset")
			if name == "histogram" {
				assert.EqualValues(t, 1_500_000_000, md.At(1).ExponentialHistogram().DataPoints().At(0).StartTimestamp())
				return
			}
			assert.EqualValues(t, 1_500_000_000, points.At(1).StartTimestamp())
		})
	}
}

// vmagent sends blocks of up to 10,000 rows and 8 MiB, and retries one that is too large
// without end. With the default bounds of a guard none is.
func TestReceiver_TakesTheLargestBlocksOfVMAgent(t *testing.T) {
	d := setup{}.start(t)
	const labels = 40 // with fewer ones there are fewer bytes, and with more ones fewer rows
	var body []byte
	for rows := 0; rows < 10_000 && len(body) < 8<<20; rows++ {
		series := field(1, field(1, []byte("__name__")), field(2, []byte("metric_"+strconv.Itoa(rows%500))))
		for i := range labels {
			series = append(series, field(1, field(1, []byte("label_"+strconv.Itoa(100+i))), field(2, []byte("value_"+strconv.Itoa(rows*i%1000))))...)
		}
		body = append(body, field(1, series, field(2, protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 1000)))...)
	}
	a := d.send(t, request{body: snap(body)})
	assert.Equal(t, http.StatusNoContent, a.status, a.body)
}

func TestReceiver_CountsRequestsAndPoints(t *testing.T) {
	d := setup{}.start(t)
	require.Equal(t, 204, d.send(t, request{body: snap(sampleV1("__name__", "m"))}).status)
	require.Equal(t, 204, d.send(t, request{contentType: typeV2, body: snap(sampleV2("__name__", "m"))}).status)
	require.Equal(t, 415, d.send(t, request{contentType: "text/plain"}).status)
	require.Equal(t, 400, d.send(t, request{body: snap([]byte{0x0a, 0x7f})}).status)
	got, err := d.telemetry.GetMetric("otelcol_receiver_prometheus_remote_write_requests")
	require.NoError(t, err)
	counts := make(map[string]int64)
	for _, p := range got.Data.(metricdata.Sum[int64]).DataPoints {
		version, _ := p.Attributes.Value("version")
		code, _ := p.Attributes.Value("code")
		counts[version.AsString()+" "+code.String()] += p.Value
	}
	assert.Equal(t, map[string]int64{"1.0 204": 1, "2.0 204": 1, "unknown 415": 1, "1.0 400": 1}, counts)
	accepted, err := d.telemetry.GetMetric("otelcol_receiver_accepted_metric_points")
	require.NoError(t, err)
	assert.Equal(t, int64(2), sumOf(t, accepted))
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
	d := setup{next: func(context.Context, pmetric.Metrics) error { panic("a defect") }}.start(t)
	a := d.send(t, request{contentType: typeV2, body: snap(sampleV2("__name__", "m"))})
	assert.Equal(t, http.StatusInternalServerError, a.status)
	assert.NotContains(t, a.body, "defect")
	assert.Equal(t, "0 0 0", a.written())
	panics, err := d.telemetry.GetMetric("otelcol_receiver_prometheus_remote_write_panics")
	require.NoError(t, err)
	assert.Equal(t, int64(1), sumOf(t, panics))
}

// A shutdown waits for requests in flight.
func TestReceiver_ShutdownLetsRequestsEnd(t *testing.T) {
	entered, proceed := make(chan struct{}), make(chan struct{})
	cfg := createDefaultConfig().(*Config)
	cfg.ServerConfig.NetAddr.Endpoint = loopback.Addresses(t, 1)[0]
	cfg.Guard = component.MustNewID(builtInGuard)
	sink := new(consumertest.MetricsSink)
	d := &door{url: "http://" + cfg.ServerConfig.NetAddr.Endpoint + cfg.Path}
	next, err := consumer.NewMetrics(func(ctx context.Context, md pmetric.Metrics) error {
		close(entered)
		<-proceed
		return sink.ConsumeMetrics(ctx, md)
	})
	require.NoError(t, err)
	r, err := NewFactory().CreateMetrics(t.Context(), receivertest.NewNopSettings(NewFactory().Type()), cfg, next)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	type outcome struct {
		answer
		err error
	}
	outcomes := make(chan outcome, 1)
	go func() {
		a, err := d.try(t.Context(), request{body: snap(sampleV1("__name__", "m"))})
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
	assert.Equal(t, 1, sink.DataPointCount())
	require.NoError(t, r.Shutdown(context.Background()))
}

// generator is a correct sender: it sends again at 429 and 5xx and gives up at 4xx.
type generator struct {
	t    *testing.T
	door *door
}

func (g *generator) Start() {}
func (g *generator) Stop()  {}

func (g *generator) Generate() []receivertest.UniqueIDAttrVal {
	id := receivertest.UniqueIDAttrVal(strconv.FormatInt(time.Now().UnixNano(), 10))
	body := snap(sampleV1("__name__", "m", receivertest.UniqueIDAttrName, string(id)))
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
		T: t, Factory: NewFactory(), Signal: pipeline.SignalMetrics, Config: cfg, GenerateCount: 200,
		Generator: &generator{t: t, door: &door{url: "http://" + cfg.ServerConfig.NetAddr.Endpoint + cfg.Path}},
	})
}
