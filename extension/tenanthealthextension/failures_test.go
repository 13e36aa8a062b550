// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/remedy"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func failure(signal tenant.Signal, class healthboard.AnswerClass, reason string, status int) healthboard.LaneFailure {
	return healthboard.LaneFailure{
		Tenant: "a", Destination: "gateway", Signal: signal, For: time.Minute,
		Answer: healthboard.LaneAnswer{Class: class, Reason: reason, Status: status, Text: "the text", URL: "http://192.0.2.1:4318/v1/" + signal.String()},
	}
}

func TestFailureFindings(t *testing.T) {
	for _, tt := range []struct {
		class  healthboard.AnswerClass
		reason string
		status int
		want   condition.Name
		fix    string // a part of the text
	}{
		{healthboard.AnswerRejected, "http_401", 401, condition.GatewayRefuses, "TENANT_KEY"},
		{healthboard.AnswerRejected, "grpc_unauthenticated", 0, condition.GatewayRefuses, "TENANT_KEY"},
		{healthboard.AnswerRejected, "http_403", 403, condition.GatewayRefuses, "suspended"},
		{healthboard.AnswerRejected, "http_407", 407, condition.GatewayRefuses, "proxy_url"},
		{healthboard.AnswerNotFound, "http_404", 404, condition.GatewayRefuses, "no path"},
		{healthboard.AnswerNotFound, "web_page", 0, condition.GatewayRefuses, "no path"},
		{healthboard.AnswerTooLarge, "http_413", 413, condition.GatewayRefuses, condition.GatewayRefuses.Fix()},
		{healthboard.AnswerBusy, "http_429", 429, condition.GatewayBusy, condition.GatewayBusy.Fix()},
		{healthboard.AnswerBusy, "http_503", 503, condition.GatewayBusy, condition.GatewayBusy.Fix()},
		{healthboard.AnswerUnreachable, "dns", 0, condition.GatewayUnreachable, "host name"},
		{healthboard.AnswerUnreachable, "connection_refused", 0, condition.GatewayUnreachable, "Nothing listens"},
		{healthboard.AnswerUnreachable, "timeout", 0, condition.GatewayUnreachable, "firewalls"},
		{healthboard.AnswerUnreachable, "network", 0, condition.GatewayUnreachable, condition.GatewayUnreachable.Fix()},
		{healthboard.AnswerUnreachable, "not_http", 0, condition.GatewayUnreachable, "usually 4318"},
		{healthboard.AnswerConfig, "key_not_sent", 0, condition.DestinationInvalid, "https"},
		{healthboard.AnswerTLS, "tls", 0, condition.GatewayUnreachable, "certificate"},
		{healthboard.AnswerConfig, "config", 0, condition.DestinationInvalid, condition.DestinationInvalid.Fix()},
		{healthboard.AnswerLocal, "storage", 0, condition.StorageFailed, condition.StorageFailed.Fix()},
		{healthboard.AnswerLocal, "dead_letter", 0, condition.StorageFailed, "Check the directory of `dead_letter`"},
		{healthboard.AnswerLocal, "write", 0, condition.StorageFailed, "Check the directory of `archive`"},
		{healthboard.AnswerLocal, "disk_full", 0, condition.StorageFailed, "Check the directory of `archive`"},
		{"", "new", 0, condition.GatewayBusy, condition.GatewayBusy.Fix()},
	} {
		got := failureFindings([]healthboard.LaneFailure{failure(tenant.Logs, tt.class, tt.reason, tt.status)}, noon)
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
	for _, canceled := range []string{"shutdown", "preempted"} {
		assert.Empty(t, failureFindings([]healthboard.LaneFailure{failure(tenant.Logs, healthboard.AnswerUnreachable, canceled, 0)}, noon))
	}
}

// If the gateway says why, the fix is about that.
func TestFailureFindings_NameTheReasonOfTheGateway(t *testing.T) {
	for r := rejection.None + 1; r < rejection.Reason(rejection.NumReasons); r++ {
		e := rejection.Of(r, "logs")
		f := failure(tenant.Logs, healthboard.AnswerBusy, "http_"+strconv.Itoa(e.HTTPStatus()), e.HTTPStatus())
		f.Answer.Text = "HTTP status " + strconv.Itoa(e.HTTPStatus()) + ": " + e.Error()
		got := failureFindings([]healthboard.LaneFailure{f}, noon)
		require.Len(t, got, 1)
		assert.Equal(t, remedy.Of(e.HTTPStatus(), e.Error()).Fix, got[0].Fix, r.String())
		assert.Contains(t, got[0].Message, e.Error())
	}
	full := failure(tenant.Logs, healthboard.AnswerBusy, "http_503", 503)
	full.Answer.Text = "HTTP status 503: the collector's disk has no room for more logs of the tenant at present (storage_reserve)"
	assert.Contains(t, failureFindings([]healthboard.LaneFailure{full}, noon)[0].Fix, "to free or enlarge the disk of STATE_DIR")
}

func TestFailureFindings_OnePerCondition(t *testing.T) {
	no := failure(tenant.Metrics, healthboard.AnswerRejected, "http_403", 403)
	grpc := failure(tenant.Traces, healthboard.AnswerConfig, "config", 0)
	grpc.Answer.URL, grpc.Answer.Text = "", "connection error: rejected"
	first := failure(tenant.Traces, healthboard.AnswerUnreachable, "dns", 0)
	first.Answer.Text = first.Answer.URL + ": no such host"
	got := failureFindings([]healthboard.LaneFailure{first, failure(tenant.Logs, healthboard.AnswerUnreachable, "dns", 0), no, grpc}, noon)
	require.Len(t, got, 3)
	assert.Equal(t, "Cannot deliver logs, traces to http://192.0.2.1:4318/v1/traces: no such host", got[0].Message)
	assert.Equal(t, condition.GatewayRefuses, got[1].Name)
	assert.Equal(t, "Cannot deliver traces to destination gateway: connection error: rejected", got[2].Message)
}
