package tenanthealthextension

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func failure(signal tenant.Signal, class tenant.AnswerClass, reason string, status int) tenant.LaneFailure {
	return tenant.LaneFailure{
		Tenant: "a", Destination: "gateway", Signal: signal, For: time.Minute,
		Answer: tenant.LaneAnswer{Class: class, Reason: reason, Status: status, Text: "the text", URL: "http://192.0.2.1:4318/v1/" + signal.String()},
	}
}

func TestFailures_AreConditions(t *testing.T) {
	for _, tt := range []struct {
		class  tenant.AnswerClass
		reason string
		status int
		want   condition.Name
		fix    string // a part
	}{
		{tenant.AnswerRefused, "http_401", 401, condition.GatewayRefuses, "TENANT_KEY"},
		{tenant.AnswerRefused, "grpc_unauthenticated", 0, condition.GatewayRefuses, "TENANT_KEY"},
		{tenant.AnswerRefused, "http_403", 403, condition.GatewayRefuses, "suspended"},
		{tenant.AnswerRefused, "http_407", 407, condition.GatewayRefuses, "proxy_url"},
		{tenant.AnswerNotFound, "http_404", 404, condition.GatewayRefuses, "no path"},
		{tenant.AnswerNotFound, "web_page", 0, condition.GatewayRefuses, "no path"},
		{tenant.AnswerTooLarge, "http_413", 413, condition.GatewayRefuses, condition.GatewayRefuses.Fix()},
		{tenant.AnswerBusy, "http_429", 429, condition.GatewayBusy, condition.GatewayBusy.Fix()},
		{tenant.AnswerBusy, "http_503", 503, condition.GatewayBusy, condition.GatewayBusy.Fix()},
		{tenant.AnswerUnreachable, "dns", 0, condition.GatewayUnreachable, "host name"},
		{tenant.AnswerUnreachable, "connection_refused", 0, condition.GatewayUnreachable, "Nothing listens"},
		{tenant.AnswerUnreachable, "timeout", 0, condition.GatewayUnreachable, "firewalls"},
		{tenant.AnswerUnreachable, "network", 0, condition.GatewayUnreachable, condition.GatewayUnreachable.Fix()},
		{tenant.AnswerTLS, "tls", 0, condition.GatewayUnreachable, "certificate"},
		{tenant.AnswerConfig, "config", 0, condition.DestinationInvalid, condition.DestinationInvalid.Fix()},
		{tenant.AnswerLocal, "storage", 0, condition.StorageFailed, condition.StorageFailed.Fix()},
		{"", "new", 0, condition.GatewayBusy, condition.GatewayBusy.Fix()},
	} {
		got := ofFailures([]tenant.LaneFailure{failure(tenant.Logs, tt.class, tt.reason, tt.status)}, noon)
		require.Len(t, got, 1, tt.reason)
		f := got[0]
		assert.Equal(t, tt.want, f.Name, tt.reason)
		if f.Fix == "" {
			f.Fix = f.Name.Fix()
		}
		assert.Contains(t, f.Fix, tt.fix, tt.reason)
		assert.Equal(t, tt.reason, f.Cause)
		assert.Equal(t, noon.Add(-time.Minute), f.Since)
		assert.Equal(t, "Cannot deliver logs to http://192.0.2.1:4318/v1/logs: the text", f.Message)
	}
	for _, own := range []string{"shutdown", "preempted"} {
		assert.Empty(t, ofFailures([]tenant.LaneFailure{failure(tenant.Logs, tenant.AnswerUnreachable, own, 0)}, noon))
	}
}

func TestFailures_OfSeveralSignalsAreOne(t *testing.T) {
	no := failure(tenant.Metrics, tenant.AnswerRefused, "http_403", 403)
	grpc := failure(tenant.Traces, tenant.AnswerConfig, "config", 0)
	grpc.Answer.URL, grpc.Answer.Text = "", "connection error: refused"
	first := failure(tenant.Traces, tenant.AnswerUnreachable, "dns", 0)
	first.Answer.Text = first.Answer.URL + ": no such host"
	got := ofFailures([]tenant.LaneFailure{first, failure(tenant.Logs, tenant.AnswerUnreachable, "dns", 0), no, grpc}, noon)
	require.Len(t, got, 3)
	assert.Equal(t, "Cannot deliver logs, traces to http://192.0.2.1:4318/v1/traces: no such host", got[0].Message)
	assert.Equal(t, condition.GatewayRefuses, got[1].Name)
	assert.Equal(t, "Cannot deliver traces to destination gateway: connection error: refused", got[2].Message)
}
