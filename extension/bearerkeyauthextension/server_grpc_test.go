// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package bearerkeyauthextension

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/telemetrytest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

func TestTap_AgreesWithAuthenticate(t *testing.T) {
	text, key := newKey()
	bound, boundEntry := newKey(func(k *tenant.Key) { k.SourceCIDRs = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	c, telemetry := startServer(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key, boundEntry}}))
	local := peer.NewContext(context.Background(), &peer.Peer{Addr: localPeer})
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		header metadata.MD
		want   decision
	}{
		{"good key", local, metadata.Pairs("authorization", "Bearer "+text), accepted},
		{"key bound to this network", local, metadata.Pairs("authorization", "Bearer "+bound), accepted},
		{"key bound to a network, address unknown", context.Background(), metadata.Pairs("authorization", "Bearer "+bound), sourceAddress},
		{"no key", local, nil, noKey},
		{"other tenant", local, metadata.Pairs("authorization", "Bearer "+text, "X-Scope-OrgID", "tenant-b"), tenantHeader},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.tap(tt.ctx, &tap.Info{Header: tt.header})
			if tt.want == accepted {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, codes.Unauthenticated, status.Code(err))
			assert.Equal(t, tt.want.reason().Text(), err.Error())
		})
	}
	telemetrytest.AssertCounted(t, telemetry, "otelcol_extension_bearer_key_auth_requests", []metricdata.DataPoint[int64]{
		{Value: 1, Attributes: attribute.NewSet(attribute.String("decision", "source_address"))},
		{Value: 1, Attributes: attribute.NewSet(attribute.String("decision", "no_key"))},
		{Value: 1, Attributes: attribute.NewSet(attribute.String("decision", "tenant_header"))},
	}, metricdatatest.IgnoreTimestamp())
}

func TestTap_ChecksTenantAndScopes(t *testing.T) {
	text, key := newKey()
	tracesOnly, tracesEntry := newKey(func(k *tenant.Key) { k.Scopes = tenant.NewSignals(tenant.Traces) })
	none, noneEntry := newKey(func(k *tenant.Key) { k.Scopes = 0 })
	ofSuspended, suspendedEntry := newKey()
	registry := tenanttest.NewRegistry(t,
		&tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key, tracesEntry, noneEntry}},
		&tenant.Tenant{ID: "tenant-b", Status: tenant.StatusSuspended, Keys: []*tenant.Key{suspendedEntry}})
	c, telemetry := startServer(t, registry)
	const logs, metrics, traces = "logs.v1.LogsService", "metrics.v1.MetricsService", "trace.v1.TraceService"
	for _, tt := range []struct {
		name, key, service string
		want               codes.Code
	}{
		{"all signals", text, logs, codes.OK},
		{"all signals", text, metrics, codes.OK},
		{"all signals", text, traces, codes.OK},
		{"traces only", tracesOnly, traces, codes.OK},
		{"traces only", tracesOnly, logs, codes.PermissionDenied},
		{"traces only", tracesOnly, metrics, codes.PermissionDenied},
		{"no scopes", none, traces, codes.PermissionDenied},
		{"no scopes, no signal", none, "profiles.v1development.ProfilesService", codes.OK},
		{"suspended tenant", ofSuspended, logs, codes.PermissionDenied},
		{"suspended tenant, no signal", ofSuspended, "profiles.v1development.ProfilesService", codes.PermissionDenied},
	} {
		info := &tap.Info{FullMethodName: "/opentelemetry.proto.collector." + tt.service + "/Export", Header: metadata.Pairs("authorization", "Bearer "+tt.key)}
		_, err := c.tap(context.Background(), info)
		assert.Equal(t, tt.want, status.Code(err), "%s, %s", tt.name, tt.service)
	}
	telemetrytest.AssertCounted(t, telemetry, "otelcol_extension_bearer_key_auth_requests", []metricdata.DataPoint[int64]{
		{Value: 2, Attributes: attribute.NewSet(attribute.String("decision", "suspended"))},
		{Value: 3, Attributes: attribute.NewSet(attribute.String("decision", "scope"))},
	}, metricdatatest.IgnoreTimestamp())
	assert.Zero(t, c.failures.throttled.Load())
	assert.Empty(t, c.failures.sources.reports(noon, 10, true), "the keys are good")
}

// gRPC keeps a timer until the caller's deadline for each call that a tap rejects.
func TestTap_AcceptsHeadersThatGRPCKeeps(t *testing.T) {
	_, key := newKey()
	ofSuspended, suspendedEntry := newKey()
	c, telemetry := startServer(t, tenanttest.NewRegistry(t,
		&tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}},
		&tenant.Tenant{ID: "tenant-b", Status: tenant.StatusSuspended, Keys: []*tenant.Key{suspendedEntry}}))
	for _, authorization := range []string{"", "Bearer " + ofSuspended} {
		info := &tap.Info{FullMethodName: "/logs.v1.LogsService/Export", Header: metadata.Pairs("authorization", authorization)}
		for _, tt := range []struct {
			timeout  time.Duration
			rejected bool
		}{{c.callTimeout - time.Second, true}, {c.callTimeout + time.Minute, false}, {1 << 62, false}} {
			ctx, cancel := context.WithTimeout(context.Background(), tt.timeout)
			with, err := c.tap(ctx, info)
			assert.Equal(t, tt.rejected, err != nil, "%v %v", authorization, tt.timeout)
			if !tt.rejected {
				deadline, ok := with.Deadline()
				assert.True(t, ok)
				assert.LessOrEqual(t, time.Until(deadline), rejectedTimeout)
			}
			cancel()
			<-with.Done()
		}
	}
	telemetrytest.AssertCounted(t, telemetry, "otelcol_extension_bearer_key_auth_requests", []metricdata.DataPoint[int64]{
		{Value: 1, Attributes: attribute.NewSet(attribute.String("decision", "no_key"))},
		{Value: 1, Attributes: attribute.NewSet(attribute.String("decision", "suspended"))},
	}, metricdatatest.IgnoreTimestamp())
	g := startGatewayWith(t, c)
	conn, err := grpc.NewClient(g.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	_, err = plogotlp.NewGRPCClient(conn).Export(ctx, oneLog())
	assert.Equal(t, codes.Unauthenticated, status.Code(err), "%v", err)
}

// A receiver that admits calls first judges slow uploads by their speed.
func TestTap_IsForReceiversThatReadFirst(t *testing.T) {
	c, _ := startServer(t, tenanttest.NewRegistry(t))
	options, err := c.GetGRPCServerOptions(t.Context())
	require.NoError(t, err)
	assert.Len(t, options, 2)
	options, err = c.GetGRPCServerOptions(guard.AdmittingServer(t.Context()))
	require.NoError(t, err)
	assert.Empty(t, options)
}

// The flood comes from a separate process, so that the CPU time of this one is
// the gateway's alone.
const floodEnv = "BEARERKEYAUTH_FLOOD"

// TestFloodClientProcess sends large messages if the environment asks for it.
func TestFloodClientProcess(t *testing.T) {
	order := strings.SplitN(os.Getenv(floodEnv), " ", 3)
	if len(order) != 3 {
		return // run by go test, not by flood
	}
	address, want, authorization := order[0], order[1], order[2]
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", authorization)
	exporter, request := plogotlp.NewGRPCClient(conn), largeRequest()
	for range floodCalls {
		_, err := exporter.Export(ctx, request)
		require.Equal(t, want, status.Code(err).String(), "%v", err)
	}
}

const floodCalls = 20

// largeRequest is just below the 4 MiB that gRPC servers take by default.
func largeRequest() plogotlp.ExportRequest {
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range 20_000 {
		record := records.AppendEmpty()
		record.Body().SetStr("GET /api/v1/orders 200 in 12 ms from a client that is quite usual")
		for _, key := range []string{"http.route", "user.id", "request.id", "session.id"} {
			record.Attributes().PutStr(key, "0123456789")
		}
	}
	return plogotlp.NewExportRequestFromLogs(ld)
}

// flood returns the CPU time that floodCalls calls with the key text cost this
// process. want is the code they must be answered with.
func flood(t *testing.T, g *gateway, text string, want codes.Code) time.Duration {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestFloodClientProcess$")
	cmd.Env = append(os.Environ(), floodEnv+"="+strings.Join([]string{g.grpc, want.String(), "Bearer " + text}, " "))
	before := cpuTime(t)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return cpuTime(t) - before
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func TestTap_RejectingALargeMessageCostsATwentieth(t *testing.T) {
	text, key := newKey()
	g := startGateway(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	go func() {
		for range g.seen {
		}
	}()
	defer close(g.seen)
	unknown, _ := newKey()
	acceptedCPU := flood(t, g, text, codes.OK)
	rejectedCPU := flood(t, g, unknown, codes.Unauthenticated)
	t.Logf("CPU per call of %d bytes: accepted %v, rejected %v", largeSize(t), acceptedCPU/floodCalls, rejectedCPU/floodCalls)
	assert.Less(t, rejectedCPU, acceptedCPU/20)
}

func largeSize(t *testing.T) int {
	t.Helper()
	raw, err := largeRequest().MarshalProto()
	require.NoError(t, err)
	return len(raw)
}
