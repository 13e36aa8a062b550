// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// orders is how often the application with the SDK repeats its work.
const orders = 20

// TestJSSDK_ThroughAgent runs an application with OpenTelemetry's JavaScript SDK against
// the agent on its machine, with each of the SDK's protocols. Its traces, metrics and logs
// arrive in the tenant's archive with the agent's stamp and the application's own name.
func TestJSSDK_ThroughAgent(t *testing.T) {
	t.Parallel()
	dir := nodeProject(t)
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "shop")
	g := startGateway(t, reg)
	a := startAgent(t, g, reg, "shop", t.TempDir())
	for protocol, endpoint := range map[string]string{"http/protobuf": a.http, "http/json": a.http, "grpc": a.grpc} {
		t.Run(strings.ReplaceAll(protocol, "/", "_"), func(t *testing.T) {
			service := "checkout-" + strings.ReplaceAll(protocol, "/", "-")
			program(t, dir, sdkEnv(service, map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
			}), "node", filepath.Join("sdk", "app.cjs"))
			got := awaitService(t, g, "shop", service)
			got.check(t)
			for kind, resource := range got.resources {
				for key, want := range map[string]string{"deployment.environment": "e2e", "deployment.environment.name": "e2e"} {
					assert.Equal(t, want, text(resource, key), "%s of %s", key, kind)
				}
				assert.NotEmpty(t, text(resource, "host.name"), kind)
			}
		})
	}
	a.stop()
	g.stop()
}

// TestJSSDK_StraightToGateway sources the output of `tenantctl onboard` for an application
// with an SDK, and runs the application with only that.
func TestJSSDK_StraightToGateway(t *testing.T) {
	t.Parallel()
	dir := nodeProject(t)
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "shop")
	g := startGateway(t, reg)
	out := reg.ctl("onboard", "shop", "--endpoint", "http://"+g.http, "--new-key")
	var onboarding struct {
		OTLPEnv string `json:"otlp_env"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &onboarding), out)
	file := filepath.Join(t.TempDir(), "otlp.env")
	require.NoError(t, os.WriteFile(file, []byte("set -a\n"+onboarding.OTLPEnv+"set +a\n"), 0o600))
	_, value, found := strings.Cut(onboarding.OTLPEnv, "Authorization=Bearer%20")
	require.True(t, found, onboarding.OTLPEnv)
	key := value[:strings.IndexAny(value, "\",\n")]
	g.awaitKey(key)
	program(t, dir, sdkEnv("direct", nil), "sh", "-c", `. "$0" && exec node sdk/app.cjs`, file)
	awaitService(t, g, "shop", "direct").check(t)
	g.stop()
}

// sdkEnv is the environment of the application.
func sdkEnv(service string, extra map[string]string) map[string]string {
	env := map[string]string{
		"OTEL_SERVICE_NAME": service, "OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp",
		"ORDERS": fmt.Sprint(orders),
	}
	maps.Copy(env, extra)
	return env
}

// service is the data of one application that arrived.
type service struct {
	name, tenant string
	resources    map[string]pcommon.Map // by signal
	spans        []ptrace.Span
	logs         []plog.LogRecord
	scopes       map[string]int // log records by scope
	metrics      map[string]pmetric.Metric
}

// awaitService reads the archive until all signals of the application are there.
func awaitService(t *testing.T, g *gateway, id, name string) *service {
	t.Helper()
	s := &service{name: name, tenant: id, resources: map[string]pcommon.Map{}, scopes: map[string]int{}, metrics: map[string]pmetric.Metric{}}
	reader := archive.NewReader(g.data)
	require.Eventually(t, func() bool {
		require.NoError(t, reader.Poll(s.handler(t)))
		return len(s.spans) >= 2*orders && len(s.logs) >= 2*orders && len(s.metrics) >= 2
	}, 20*time.Second, 50*time.Millisecond, "%d spans, %d log records, %d metrics of %s", len(s.spans), len(s.logs), len(s.metrics), name)
	return s
}

// own keeps the resource if it belongs to the application.
func (s *service) own(kind, id string, resource pcommon.Resource) bool {
	if id != s.tenant || text(resource.Attributes(), "service.name") != s.name {
		return false
	}
	s.resources[kind] = resource.Attributes()
	return true
}

func (s *service) handler(t *testing.T) archive.Handler {
	t.Helper()
	return archive.Handler{
		Traces: func(id, _ string, td ptrace.Traces) error {
			for _, rs := range td.ResourceSpans().All() {
				if !s.own("traces", id, rs.Resource()) {
					continue
				}
				for _, ss := range rs.ScopeSpans().All() {
					for _, span := range ss.Spans().All() {
						s.spans = append(s.spans, span)
					}
				}
			}
			return nil
		},
		Logs: func(id, _ string, ld plog.Logs) error {
			for _, rl := range ld.ResourceLogs().All() {
				if !s.own("logs", id, rl.Resource()) {
					continue
				}
				for _, sl := range rl.ScopeLogs().All() {
					for _, rec := range sl.LogRecords().All() {
						s.logs = append(s.logs, rec)
						s.scopes[sl.Scope().Name()]++
					}
				}
			}
			return nil
		},
		Metrics: func(id, _ string, md pmetric.Metrics) error {
			for _, rm := range md.ResourceMetrics().All() {
				if !s.own("metrics", id, rm.Resource()) {
					continue
				}
				for _, sm := range rm.ScopeMetrics().All() {
					for _, m := range sm.Metrics().All() {
						s.metrics[m.Name()] = m
					}
				}
			}
			return nil
		},
	}
}

// check requires everything that the application sent, once and with its values.
func (s *service) check(t *testing.T) {
	t.Helper()
	require.Len(t, s.resources, 3)
	for kind, resource := range s.resources {
		assert.Equal(t, s.tenant, text(resource, tenant.AttributeKey), kind)
		assert.Equal(t, s.name, text(resource, "service.name"), kind)
		assert.Equal(t, "nodejs", text(resource, "telemetry.sdk.language"), kind)
	}

	assert.Len(t, s.spans, 2*orders)
	parents := map[pcommon.SpanID]pcommon.TraceID{}
	for _, span := range s.spans {
		if span.Name() == "order" {
			parents[span.SpanID()] = span.TraceID()
			assert.Equal(t, ptrace.SpanKindServer, span.Kind())
		}
	}
	assert.Len(t, parents, orders)
	for _, span := range s.spans {
		if span.Name() == "charge" {
			assert.Equal(t, span.TraceID(), parents[span.ParentSpanID()], "a child without its parent")
			assert.Equal(t, ptrace.StatusCodeOk, span.Status().Code())
		}
	}

	assert.Equal(t, map[string]int{"shop": orders, "@opentelemetry/instrumentation-pino": orders}, s.scopes)
	for _, rec := range s.logs {
		assert.Equal(t, parents[rec.SpanID()], rec.TraceID(), "a record outside its span: %s", rec.Body().AsString())
		want := map[plog.SeverityNumber]string{plog.SeverityNumberWarn: "warn", plog.SeverityNumberError: "error"}[rec.SeverityNumber()]
		assert.Equal(t, want, rec.SeverityText(), "severity %d", rec.SeverityNumber())
	}

	taken := map[string]float64{}
	require.Contains(t, s.metrics, "shop.orders")
	for _, p := range s.metrics["shop.orders"].Sum().DataPoints().All() {
		taken[text(p.Attributes(), "channel")] += p.DoubleValue()
	}
	assert.Equal(t, map[string]float64{"web": orders / 2, "app": orders / 2}, taken)
	require.Contains(t, s.metrics, "shop.order.duration")
	require.Equal(t, 1, s.metrics["shop.order.duration"].Histogram().DataPoints().Len())
	p := s.metrics["shop.order.duration"].Histogram().DataPoints().At(0)
	assert.EqualValues(t, orders, p.Count())
	assert.EqualValues(t, orders*(orders-1)/2, p.Sum())
}

// text returns an attribute as text, or "" if it is missing.
func text(m pcommon.Map, key string) string {
	if v, ok := m.Get(key); ok {
		return v.AsString()
	}
	return ""
}
