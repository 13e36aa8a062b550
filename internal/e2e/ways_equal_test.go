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
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// wayRequest is a request that both gateways get.
type wayRequest struct {
	name   string
	key    string // of a tenant, or of nobody
	signal tenant.Signal
	body   []byte
	json   bool
}

// byteCodec sends and receives messages as they are.
type byteCodec struct{}

func (byteCodec) Name() string { return "proto" }

func (byteCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (byteCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// wayGateway is a gateway of TestWays_AreEqual.
type wayGateway struct {
	*collector
	grpc, http, metrics, data string
	conn                      *grpc.ClientConn
}

func startWay(t *testing.T, way string, reg *registry) *wayGateway {
	t.Helper()
	free, dir := addresses(t, 4), t.TempDir()
	g := &wayGateway{grpc: free[0], http: free[1], metrics: free[3], data: filepath.Join(dir, "data")}
	g.collector = start(t, map[string]string{
		"TENANTS_FILE": reg.path, "DATA_DIR": g.data, "STATE_DIR": filepath.Join(dir, "state"), "TENANT_METRICS": "true", directVariable: way,
		"OTLP_GRPC_ENDPOINT": g.grpc, "OTLP_HTTP_ENDPOINT": g.http, "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(g.metrics),
	}, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"))
	var err error
	g.conn, err = grpc.NewClient(g.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.conn.Close() })
	return g
}

// overHTTP returns the answer without its random delay.
func (g *wayGateway) overHTTP(t *testing.T, r *wayRequest, encoding string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+g.http+"/v1/"+r.signal.String(), bytes.NewReader(inEncoding(t, encoding, r.body)))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-protobuf")
	if r.json {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Content-Encoding", encoding)
	req.Header.Set("Authorization", "Bearer "+r.key)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	text := string(body)
	if resp.StatusCode != http.StatusOK && !r.json {
		var st spb.Status
		require.NoError(t, proto.Unmarshal(body, &st), text)
		text = fmt.Sprintf("%d %s %d", st.GetCode(), st.GetMessage(), len(st.GetDetails()))
	}
	return fmt.Sprintf("%d %s, retry %v: %s", resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Get("Retry-After") != "", text)
}

var wayMethods = map[tenant.Signal]string{
	tenant.Logs:    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
	tenant.Metrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
	tenant.Traces:  "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
}

func (g *wayGateway) overGRPC(t *testing.T, r *wayRequest, encoding string) string {
	t.Helper()
	options := []grpc.CallOption{grpc.ForceCodecV2(byteCodec{})}
	if encoding != "identity" {
		options = append(options, grpc.UseCompressor(encoding))
	}
	var answer []byte
	ctx := metadata.NewOutgoingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+r.key))
	st := status.Convert(g.conn.Invoke(ctx, wayMethods[r.signal], r.body, &answer, options...))
	return fmt.Sprintf("%v %s %d %q", st.Code(), st.Message(), len(st.Details()), answer)
}

func inEncoding(t *testing.T, encoding string, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&buf)
	case "zstd":
		var err error
		w, err = zstd.NewWriter(&buf)
		require.NoError(t, err)
	default:
		return data
	}
	_, err := w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return buf.Bytes()
}

// wayRequests are requests of all kinds, good and bad, with the keys by tenant.
func wayRequests(t *testing.T, keys map[string]string) (all []wayRequest) {
	t.Helper()
	add := func(name, id string, signal tenant.Signal, body []byte) {
		all = append(all, wayRequest{name: signal.String() + " " + name, key: keys[id], signal: signal, body: body})
	}
	for _, signal := range tenant.AllSignals() {
		usual := wayData(t, signal, "", 10)
		for _, id := range []string{"acme", "suspended", "quota", "scoped", "nobody"} {
			add("of "+id, id, signal, usual)
		}
		add("with its own tenant", "acme", signal, wayData(t, signal, "acme", 3))
		add("with another tenant", "acme", signal, wayData(t, signal, "suspended", 3))
		_, forged := encoded(t, payload(signal, 3, "acme", "suspended"))
		add("forged everywhere", "acme", signal, forged)
		add("empty", "acme", signal, nil)
		add("without records", "acme", signal, []byte{0x0a, 0})
		add("cut", "acme", signal, usual[:len(usual)-3])
		add("no protobuf", "acme", signal, []byte("hello"))
		add("with an unknown field", "acme", signal, append(bytes.Clone(usual), 0xfa, 0x3f, 1, 'x'))
		add("of two messages", "acme", signal, append(bytes.Clone(usual), usual...))
		add("not UTF-8", "acme", signal, bytes.ReplaceAll(usual, []byte("shop"), []byte("sh\xffp")))
		add("too deep", "acme", signal, wayDeep(t, signal))
		for _, other := range tenant.AllSignals() {
			if other != signal {
				add("that are "+other.String(), "acme", signal, wayData(t, other, "", 1))
			}
		}
	}
	all = append(all,
		wayRequest{"JSON", keys["acme"], tenant.Logs, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}`), true},
		wayRequest{"JSON that is cut", keys["acme"], tenant.Logs, []byte(`{"resourceLogs":[{"scopeLogs":`), true})
	return all
}

// wayData returns a request of n records. tenant is what its resource claims.
func wayData(t *testing.T, signal tenant.Signal, claimed string, n int) []byte {
	t.Helper()
	describe := func(m pcommon.Map) {
		m.PutStr("service.name", "shop")
		if claimed != "" {
			m.PutStr(tenant.AttributeKey, claimed)
		}
		m.PutEmptyMap("nested").PutStr(tenant.AttributeKey, "is content")
	}
	texts := []string{"", "INFO", "warn", "Custom", "Error"}
	var data any
	switch signal {
	case tenant.Logs:
		ld := plog.NewLogs()
		rl := ld.ResourceLogs().AppendEmpty()
		describe(rl.Resource().Attributes())
		for i := range n {
			r := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
			r.Body().SetStr(fmt.Sprintf("line %d", i))
			r.SetSeverityNumber(plog.SeverityNumber(4 * (i % 5)))
			r.SetSeverityText(texts[i%len(texts)])
			r.SetTimestamp(pcommon.Timestamp(i + 1))
		}
		data = ld
	case tenant.Metrics:
		md := pmetric.NewMetrics()
		rm := md.ResourceMetrics().AppendEmpty()
		describe(rm.Resource().Attributes())
		metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
		for i := range n {
			m := metrics.AppendEmpty()
			m.SetName(fmt.Sprintf("metric_%d", i))
			if i%2 == 0 {
				m.SetEmptyGauge().DataPoints().AppendEmpty().SetDoubleValue(float64(i))
				continue
			}
			m.SetEmptySum().SetAggregationTemporality(pmetric.AggregationTemporality(1 + i%2))
			m.Sum().DataPoints().AppendEmpty().SetIntValue(int64(i))
		}
		data = md
	default:
		td := ptrace.NewTraces()
		rs := td.ResourceSpans().AppendEmpty()
		describe(rs.Resource().Attributes())
		spans := rs.ScopeSpans().AppendEmpty().Spans()
		for i := range n {
			s := spans.AppendEmpty()
			s.SetName(fmt.Sprintf("span %d", i))
			s.SetTraceID([16]byte{1, byte(i)})
			s.SetSpanID([8]byte{1, byte(i)})
			s.Events().AppendEmpty().SetName("event")
		}
		data = td
	}
	_, body := encoded(t, data)
	return body
}

// wayDeep returns a request with a value that is nested too deeply.
func wayDeep(t *testing.T, signal tenant.Signal) []byte {
	t.Helper()
	deep := func(m pcommon.Map) {
		v := m.PutEmpty("deep")
		for range 100 {
			v = v.SetEmptySlice().AppendEmpty()
		}
	}
	var body []byte
	var err error
	switch signal {
	case tenant.Logs:
		ld := plog.NewLogs()
		deep(ld.ResourceLogs().AppendEmpty().Resource().Attributes())
		body, err = plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	case tenant.Metrics:
		md := pmetric.NewMetrics()
		deep(md.ResourceMetrics().AppendEmpty().Resource().Attributes())
		body, err = pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	default:
		td := ptrace.NewTraces()
		deep(td.ResourceSpans().AppendEmpty().Resource().Attributes())
		body, err = ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	}
	require.NoError(t, err)
	return body
}

// archivedOf returns the lines of an archive by tenant and signal, sorted.
func archivedOf(t *testing.T, dir string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	add := func(where string, line []byte, err error) error {
		all[where] = append(all[where], string(line))
		return err
	}
	require.NoError(t, archive.NewReader(dir).Poll(archive.Handler{
		Logs: func(id, _ string, ld plog.Logs) error {
			for _, rl := range ld.ResourceLogs().All() {
				one := plog.NewLogs()
				rl.CopyTo(one.ResourceLogs().AppendEmpty())
				line, err := (&plog.JSONMarshaler{}).MarshalLogs(one)
				if err := add(id+" logs", line, err); err != nil {
					return err
				}
			}
			return nil
		},
		Metrics: func(id, _ string, md pmetric.Metrics) error {
			for _, rm := range md.ResourceMetrics().All() {
				one := pmetric.NewMetrics()
				rm.CopyTo(one.ResourceMetrics().AppendEmpty())
				line, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(one)
				if err := add(id+" metrics", line, err); err != nil {
					return err
				}
			}
			return nil
		},
		Traces: func(id, _ string, td ptrace.Traces) error {
			for _, rs := range td.ResourceSpans().All() {
				one := ptrace.NewTraces()
				rs.CopyTo(one.ResourceSpans().AppendEmpty())
				line, err := (&ptrace.JSONMarshaler{}).MarshalTraces(one)
				if err := add(id+" traces", line, err); err != nil {
					return err
				}
			}
			return nil
		},
	}))
	for _, lines := range all {
		slices.Sort(lines)
	}
	return all
}

// notOfWays are series that differ between any two gateways, or that differ between the ways.
var notOfWays = regexp.MustCompile(`^(otelcol_receiver_tenant_otlp_requests_total\{|` + // counts the ways
	`otelcol_processor_\w+\{[^}]*processor="memory_limiter"|otelcol_processor_memory_limiter_|` + // only decoded data passes it
	`otelcol_process_|otelcol_exporter_tenant_routing_storage_free_bytes |` +
	`otelcol_exporter_tenant_routing_queue_age_seconds\{|otelcol_extension_tenant_registry_(age|last_load_timestamp)_seconds |` +
	`otelcol_exporter_tenant_routing_send_attempts_total\{|` + // what is merged to a batch depends on time
	`target_info|promhttp_)`)

// seriesOf returns the lines of a page of metrics that must be equal.
func (g *wayGateway) seriesOf(t *testing.T) (all []string) {
	t.Helper()
	for line := range strings.Lines(string(get(t, "http://"+g.metrics+"/metrics"))) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "#") && !notOfWays.MatchString(line) {
			all = append(all, line)
		}
	}
	return all
}

// TestWays_AreEqual sends the same requests to a gateway that passes requests on without decoding
// them, and to one that decodes all. Answers, stored data and the gateway's own metrics are the same.
func TestWays_AreEqual(t *testing.T) {
	reg := newRegistry(t)
	keys := map[string]string{"nobody": "obs_unknown"}
	for _, id := range []string{"acme", "suspended", "quota", "scoped"} {
		reg.ctl("tenant", "create", id)
	}
	for _, id := range []string{"acme", "suspended", "quota"} {
		_, keys[id] = reg.key(id)
	}
	_, keys["scoped"] = reg.key("scoped", "--scopes", "traces")
	reg.ctl("tenant", "update", "quota", "--limit", "logs.daily_records=25", "--limit", "metrics.daily_records=25", "--limit", "traces.daily_records=25")
	reg.ctl("tenant", "update", "acme", "--attribute", "team=shop")
	reg.ctl("tenant", "suspend", "suspended")
	direct, decoded := startWay(t, "tenant_routing", reg), startWay(t, "off", reg)

	requests, answered := wayRequests(t, keys), map[string]int{}
	for _, encoding := range []string{"identity", "gzip", "zstd"} {
		for _, r := range requests {
			want, got := decoded.overHTTP(t, &r, encoding), direct.overHTTP(t, &r, encoding)
			assert.Equal(t, want, got, "%s, HTTP, %s", r.name, encoding)
			answered[want[:3]]++
			if !r.json {
				want, got = decoded.overGRPC(t, &r, encoding), direct.overGRPC(t, &r, encoding)
				assert.Equal(t, want, got, "%s, gRPC, %s", r.name, encoding)
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
	var want, got []string
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		want, got = decoded.seriesOf(t), direct.seriesOf(t)
		for _, g := range []*wayGateway{decoded, direct} {
			for _, a := range accounts(t, g.metrics) {
				assert.Zero(c, a.queued)
			}
		}
		assert.Len(c, got, len(want))
	}, time.Minute, 100*time.Millisecond)
	assert.Equal(t, want, got)
	ways := map[string]string{}
	for name, g := range map[string]*wayGateway{"direct": direct, "decoded": decoded} {
		for line := range strings.Lines(string(get(t, "http://"+g.metrics+"/metrics"))) {
			if strings.HasPrefix(line, "otelcol_receiver_tenant_otlp_requests_total") && !strings.HasSuffix(line, " 0\n") {
				ways[name] += line
			}
		}
	}
	assert.Contains(t, ways["direct"], `path="direct"`)
	assert.NotContains(t, ways["decoded"], `path="direct"`)
	direct.stop()
	decoded.stop()
	wantStored, gotStored := archivedOf(t, decoded.data), archivedOf(t, direct.data)
	assert.Equal(t, wantStored, gotStored)
	assert.NotEmpty(t, wantStored["acme logs"])
	t.Logf("%d requests, answers over HTTP %v, %d series, archives %d\n%s", len(requests), answered, len(want), len(wantStored), ways["direct"])
}
