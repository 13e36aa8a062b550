// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/otelcol-tenant/otelcol-tenant/internal/direct"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/sharedcomponent"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

var (
	authID  = component.MustNewID("test_auth")
	guardID = component.MustNewID("request_guard")
)

// nothingToStart is the lifecycle of an extension of a test.
type nothingToStart struct {
	component.StartFunc
	component.ShutdownFunc
}

// testAuth takes the tenant's ID for its key.
type testAuth struct{ nothingToStart }

func (testAuth) Authenticate(ctx context.Context, headers map[string][]string) (context.Context, error) {
	var text string
	for name, values := range headers {
		if strings.EqualFold(name, "authorization") {
			text = values[0]
		}
	}
	switch name := strings.TrimPrefix(text, "Bearer "); name {
	case "good", "suspended", "limited":
		return tenant.NewContext(ctx, tenant.NewIdentity(tenant.ID(name), "k1", tenant.NewSignals(tenant.AllSignals()...))), nil
	case "unscoped":
		return tenant.NewContext(ctx, tenant.NewIdentity("good", "k2", tenant.NewSignals())), nil
	case "undecided":
		return tenant.NewContext(ctx, tenant.Undecided()), nil
	case "panic":
		panic("the authenticator has a defect")
	}
	return ctx, errors.New("unknown API key")
}

// testGuard is an extension with a guard.
type testGuard struct {
	nothingToStart
	guard *guard.Guard
	board *direct.Board
}

func (g testGuard) Guard() *guard.Guard   { return g.guard }
func (g testGuard) Direct() *direct.Board { return g.board }

// setup is how a test wants its receiver.
type setup struct {
	guard     guard.Settings
	configure func(*Config)
	logs      consumer.ConsumeLogsFunc // nil: all are accepted
	open      bool                     // without an authenticator
	direct    *testPath                // nil: all requests are decoded
	patience  time.Duration            // 0: the default
}

// door is a running receiver and what it passes on.
type door struct {
	receiver   component.Component
	grpc, http string
	conn       *grpc.ClientConn
	logs       *consumertest.LogsSink
	metrics    *consumertest.MetricsSink
	traces     *consumertest.TracesSink
	telemetry  *componenttest.Telemetry
	guard      *guard.Guard
}

func (s setup) start(t *testing.T) *door {
	t.Helper()
	registry := tenanttest.NewRegistry(t,
		&tenant.Tenant{ID: "good"}, &tenant.Tenant{ID: "limited"}, &tenant.Tenant{ID: "suspended", Status: tenant.StatusSuspended})
	s.guard.Registry = registry.Snapshot
	d := &door{
		logs: new(consumertest.LogsSink), metrics: new(consumertest.MetricsSink), traces: new(consumertest.TracesSink),
		telemetry: componenttest.NewTelemetry(), guard: guard.New(s.guard),
	}
	t.Cleanup(func() { require.NoError(t, d.telemetry.Shutdown(context.Background())) })
	d.guard.PostLimiter(func(id tenant.ID, _ tenant.Signal, _ int, _ int64) error {
		if id == "limited" {
			return rejection.New(rejection.Rate, "over 10 records per second")
		}
		return nil
	})
	addresses := loopback.Addresses(t, 2)
	d.grpc, d.http = addresses[0], addresses[1]
	cfg := createDefaultConfig().(*Config)
	overGRPC, overHTTP := cfg.Protocols.GRPC.GetOrInsertDefault(), cfg.Protocols.HTTP.GetOrInsertDefault()
	overGRPC.NetAddr.Endpoint, overHTTP.ServerConfig.NetAddr.Endpoint = d.grpc, d.http
	overGRPC.MaxRecvMsgSizeMiB, overHTTP.ServerConfig.MaxRequestBodySize = 1, 1<<20
	if !s.open {
		auth := configauth.Config{AuthenticatorID: authID}
		overGRPC.Auth = configoptional.Some(auth)
		overHTTP.ServerConfig.Auth = configoptional.Some(confighttp.AuthConfig{Config: auth})
	}
	if s.configure != nil {
		s.configure(cfg)
	}
	factory := NewFactory()
	set := receivertest.NewNopSettings(factory.Type())
	set.TelemetrySettings = d.telemetry.NewTelemetrySettings()
	board := new(direct.Board)
	if s.direct != nil {
		cfg.Direct = sinkID
		s.direct.door = d
		s.direct.post(board)
	}
	consumeLogs := func(ctx context.Context, ld plog.Logs) error {
		if s.logs != nil {
			if err := s.logs(ctx, ld); err != nil {
				return err
			}
		}
		return d.logs.ConsumeLogs(ctx, ld)
	}
	if s.direct != nil {
		s.direct.logs = consumeLogs
	}
	next, err := consumer.NewLogs(consumeLogs)
	require.NoError(t, err)
	logs, err := factory.CreateLogs(t.Context(), set, cfg, next)
	require.NoError(t, err)
	metrics, err := factory.CreateMetrics(t.Context(), set, cfg, d.metrics)
	require.NoError(t, err)
	traces, err := factory.CreateTraces(t.Context(), set, cfg, d.traces)
	require.NoError(t, err)
	host := tenanttest.Host{authID: testAuth{}, guardID: testGuard{guard: d.guard, board: board}}
	if s.patience > 0 {
		shared := logs.(*sharedcomponent.Handle[*otlpReceiver]).Component()
		shared.grpc.patience, shared.http.patience = s.patience, s.patience
	}
	for _, c := range []component.Component{logs, metrics, traces} {
		require.NoError(t, c.Start(t.Context(), host))
		t.Cleanup(func() { require.NoError(t, c.Shutdown(context.Background())) })
	}
	d.receiver = logs
	d.conn, err = grpc.NewClient(d.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.conn.Close()) })
	return d
}

var _ receiver.Logs = (*sharedcomponent.Handle[*otlpReceiver])(nil)

func someLogs(n int) plog.Logs {
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range n {
		records.AppendEmpty().Body().SetStr("hello")
	}
	return ld
}

func oneMetric() pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("m")
	m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	return md
}

func oneSpan() ptrace.Traces {
	td := ptrace.NewTraces()
	td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName("s")
	return td
}
