// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// retryDelay returns the RetryInfo of err, or 0.
func retryDelay(err error) time.Duration {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// Upstream's otlp answers RESOURCE_EXHAUSTED over HTTP with a 429, on which callers send
// the same again.
func TestTooLarge_IsFinalBehindEveryReceiver(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", (&router{}).reject(t.Context(), tenant.Logs, tooLarge(errors.New("the request is larger than 1 MiB"))))
	assert.True(t, consumererror.IsPermanent(err))
	assert.Equal(t, codes.InvalidArgument, status.Code(err), "as otlp sees it")
	rejected := rejection.From(err)
	assert.Equal(t, http.StatusRequestEntityTooLarge, rejected.HTTPStatus())
	assert.Equal(t, codes.ResourceExhausted, status.Code(rejected))
	assert.Equal(t, "the request is larger than 1 MiB", rejected.Error())
	_, again := rejected.RetryDelay()
	assert.False(t, again)
	assert.Zero(t, retryDelay(rejected))
}

func TestRejections(t *testing.T) {
	as := func(id tenant.ID) context.Context {
		return tenant.NewContext(context.Background(), tenant.NewIdentity(id, "k", tenant.NewSignals(tenant.Logs)))
	}
	mixed := func(first, second string) plog.Logs {
		ld := logsOf(first, "x")
		addLog(ld, second, "y")
		return ld
	}
	notText := plog.NewLogs()
	addLog(notText, "", "x")
	notText.ResourceLogs().At(0).Resource().Attributes().PutInt(tenant.AttributeKey, 1)
	for _, c := range []struct {
		name   string
		ctx    context.Context
		data   plog.Logs
		reason string // "": accepted
		code   codes.Code
		retry  bool
	}{
		{name: "accepted without identity", data: logsOf("a", "x")},
		{name: "accepted with identity", ctx: as("a"), data: logsOf("a", "x")},
		{name: "accepted although empty", data: plog.NewLogs()},
		{name: "no attribute", data: logsOf("", "x"), reason: "no_tenant", code: codes.InvalidArgument},
		{name: "empty attribute", data: func() plog.Logs {
			ld := logsOf("", "x")
			ld.ResourceLogs().At(0).Resource().Attributes().PutStr(tenant.AttributeKey, "")
			return ld
		}(), reason: "no_tenant", code: codes.InvalidArgument},
		{name: "attribute is no text", data: notText, reason: "no_tenant", code: codes.InvalidArgument},
		{name: "one resource without attribute", data: mixed("a", ""), reason: "no_tenant", code: codes.InvalidArgument},
		{name: "of another tenant", ctx: as("a"), data: logsOf("b", "x"), reason: "tenant_mismatch", code: codes.PermissionDenied},
		{name: "one resource of another tenant", ctx: as("a"), data: mixed("a", "b"), reason: "tenant_mismatch", code: codes.PermissionDenied},
		{name: "caller undecided", ctx: tenant.NewContext(context.Background(), tenant.Undecided()), data: logsOf("a", "x"), reason: "registry_not_loaded", code: codes.Unavailable, retry: true},
		{name: "unknown tenant", data: logsOf("nobody", "x"), reason: "unknown_tenant", code: codes.Unauthenticated},
		{name: "look-alike of a tenant", data: logsOf("\u0430", "x"), reason: "unknown_tenant", code: codes.Unauthenticated},
		{name: "one of two tenants unknown", data: mixed("a", "nobody"), reason: "unknown_tenant", code: codes.Unauthenticated},
		{name: "deleted tenant", data: logsOf("deleted", "x"), reason: "unknown_tenant", code: codes.Unauthenticated},
		{name: "suspended tenant", data: logsOf("suspended", "x"), reason: "suspended", code: codes.PermissionDenied},
		{name: "no route", data: logsOf("nowhere", "x"), reason: "no_route", code: codes.PermissionDenied},
		{name: "route to an unknown destination", data: logsOf("lost", "x"), reason: "unknown_destination", code: codes.Unavailable, retry: true},
		{name: "larger than a lane", data: logsOf("a", strings.Repeat("x", 20<<10)), reason: "too_large", code: codes.InvalidArgument},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			registry := tenanttest.NewRegistry(t,
				&tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b"},
				&tenant.Tenant{ID: "deleted", Status: tenant.StatusDeleted},
				&tenant.Tenant{ID: "suspended", Status: tenant.StatusSuspended},
				&tenant.Tenant{ID: "nowhere", Routes: map[tenant.Signal][]string{tenant.Logs: {}}},
				&tenant.Tenant{ID: "lost", Routes: map[tenant.Signal][]string{tenant.Logs: {"local", "gone"}}})
			g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations: {local: {archive: {directory: %q}}}
routes: {logs: [local]}
lane: {max_bytes: 16KiB, batch: {max_bytes: 16KiB}}
`, dir), registry)
			ctx := c.ctx
			if ctx == nil {
				ctx = context.Background()
			}
			err := g.logs.ConsumeLogs(ctx, c.data)
			rejected := sum(t, g.tel, "refused_requests")
			if c.reason == "" {
				require.NoError(t, err)
				assert.Zero(t, rejected)
				return
			}
			require.Error(t, err)
			assert.Equal(t, c.code, status.Code(err))
			assert.Equal(t, !c.retry, consumererror.IsPermanent(err))
			text := status.Convert(fmt.Errorf("wrapped: %w", err)).Message()
			assert.NotRegexp(t, "Permanent error|desc = .*desc = ", text, "receivers show callers this")
			if c.retry {
				assert.GreaterOrEqual(t, retryDelay(err), time.Second)
			} else {
				assert.Zero(t, retryDelay(err))
			}
			assert.Equal(t, int64(1), sum(t, g.tel, "refused_requests", "signal=logs", "reason="+c.reason))
			assert.Equal(t, int64(1), rejected)
			assert.NotContains(t, err.Error(), "nobody", "the text names no tenant")
			g.stop()
			assert.Empty(t, archived(t, dir), "nothing of the request is stored anywhere")
		})
	}
}

func TestRejections_RegistryNeverLoaded(t *testing.T) {
	g := startGateway(t, "registry: tenant_registry\ndestinations: {d: {otlp_http: {endpoint: 'http://127.0.0.1:1'}}}", &tenanttest.Registry{})
	err := g.logs.ConsumeLogs(context.Background(), logsOf("a", "x"))
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.False(t, consumererror.IsPermanent(err))
	assert.GreaterOrEqual(t, retryDelay(err), time.Second)
}

func TestRejections_FullLaneRejectsOnlyItsTenant(t *testing.T) {
	dir := t.TempDir()
	registry := tenanttest.NewRegistry(t,
		&tenant.Tenant{ID: "a", Routes: map[tenant.Signal][]string{tenant.Logs: {"local", "dead"}}}, &tenant.Tenant{ID: "b"})
	g := startGateway(t, fmt.Sprintf(`
registry: tenant_registry
destinations:
  local: {archive: {directory: %q}}
  dead: {otlp_http: {endpoint: "http://127.0.0.1:1"}}
routes: {logs: [local]}
lane: {max_bytes: 12KiB, batch: {max_bytes: 10KiB, timeout: 0s}}
`, dir), registry)
	ctx := context.Background()
	big := strings.Repeat("x", 3000)
	accepted := 0
	var err error
	delays := make(map[time.Duration]bool)
	for range 10 {
		if e := g.logs.ConsumeLogs(ctx, logsOf("a", big)); e != nil {
			err = e
			delays[retryDelay(e)] = true
			assert.GreaterOrEqual(t, retryDelay(e), time.Second)
		} else {
			accepted++
		}
		require.NoError(t, g.logs.ConsumeLogs(ctx, logsOf("b", big)))
		require.Eventually(t, func() bool { return sum(t, g.tel, "queued_records", "destination=local") == 0 }, 30*time.Second, time.Millisecond)
	}
	assert.Equal(t, 3, accepted)
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
	assert.False(t, consumererror.IsPermanent(err))
	assert.Greater(t, len(delays), 3, "the delay is jittered")
	assert.ErrorContains(t, err, "lane::max_bytes: 12KiB")
	got := archived(t, dir)
	assert.Len(t, got["a"], accepted, "no destination has what was rejected because of another")
	assert.Len(t, got["b"], 10)
}

func TestRejections_AfterShutdown(t *testing.T) {
	g := startGateway(t, "registry: tenant_registry\ndestinations: {d: {otlp_http: {endpoint: 'http://127.0.0.1:1'}}}\nroutes: {logs: [d]}", tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}))
	g.stop()
	err := g.logs.ConsumeLogs(context.Background(), logsOf("a", "x"))
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.GreaterOrEqual(t, retryDelay(err), time.Second)
}

// A rejection counts for the caller's key.
func TestRouter_PostsRejections(t *testing.T) {
	board := &tenanttest.Rejections{}
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "A", Routes: map[tenant.Signal][]string{tenant.Logs: {"gone"}}},
		&tenant.Tenant{ID: "B", Routes: map[tenant.Signal][]string{tenant.Logs: {}}}, &tenant.Tenant{ID: "C", Status: tenant.StatusSuspended})
	host := tenanttest.Host{registryID: registry, component.MustNewID("bearer_key_auth"): board}
	g := startGatewayWith(t, parseConfig(t, routeFaultConfig), host, registry)
	defer g.stop()
	for id, reason := range map[tenant.ID]string{"A": "unknown_destination", "B": "no_route", "C": "suspended", "D": "unknown_tenant"} {
		ctx := tenant.NewContext(t.Context(), tenant.NewIdentity(id, "k-"+string(id), tenant.NewSignals(tenant.Logs)))
		err := g.logs.ConsumeLogs(ctx, logsOf(string(id), "x"))
		require.Error(t, err)
		assert.Equal(t, []rejection.Rejected{{Tenant: id, KeyID: "k-" + string(id), Reason: reason, Signal: tenant.NewSignals(tenant.Logs), Text: err.Error()}}, board.Take())
	}
	require.Error(t, g.logs.ConsumeLogs(t.Context(), logsOf("A", "x")), "of an agent, whose callers have no keys")
	assert.Empty(t, board.Take())
}
