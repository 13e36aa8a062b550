// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
	"github.com/otelcol-tenant/otelcol-tenant/processor/tenantprocessor/internal/metadata"
)

// authenticator accepts everybody as identity; nil leaves the context alone.
type authenticator struct {
	component.StartFunc
	component.ShutdownFunc
	identity *tenant.Identity
}

var _ extensionauth.Server = authenticator{}

func (a authenticator) Authenticate(ctx context.Context, _ map[string][]string) (context.Context, error) {
	if a.identity == nil {
		return ctx, nil
	}
	return tenant.NewContext(ctx, a.identity), nil
}

// gateway is an OTLP receiver in front of the processor.
type gateway struct {
	grpc, http string
	sink       *consumertest.LogsSink
}

func startGateway(t *testing.T, identity *tenant.Identity, registry *tenanttest.Registry) gateway {
	t.Helper()
	g := gateway{grpc: loopback.Address(t), http: loopback.Address(t), sink: new(consumertest.LogsSink)}
	authID := component.MustNewID("fake_auth")
	host := tenanttest.Host{authID: authenticator{identity: identity}, registryID: registry}

	factory := NewFactory()
	proc, err := factory.CreateLogs(context.Background(), processortest.NewNopSettings(metadata.Type), authConfig(), g.sink)
	require.NoError(t, err)
	require.NoError(t, proc.Start(context.Background(), host))
	t.Cleanup(func() { require.NoError(t, proc.Shutdown(context.Background())) })

	receivers := otlpreceiver.NewFactory()
	cfg := receivers.CreateDefaultConfig().(*otlpreceiver.Config)
	auth := configauth.Config{AuthenticatorID: authID}
	grpcConfig, httpConfig := cfg.Protocols.GRPC.GetOrInsertDefault(), cfg.Protocols.HTTP.GetOrInsertDefault()
	grpcConfig.NetAddr.Endpoint = g.grpc
	grpcConfig.Auth = configoptional.Some(auth)
	httpConfig.ServerConfig.NetAddr.Endpoint = g.http
	httpConfig.ServerConfig.Auth = configoptional.Some(confighttp.AuthConfig{Config: auth})
	recv, err := receivers.CreateLogs(context.Background(), receivertest.NewNopSettings(receivers.Type()), cfg, proc)
	require.NoError(t, err)
	require.NoError(t, recv.Start(context.Background(), host))
	t.Cleanup(func() { require.NoError(t, recv.Shutdown(context.Background())) })
	return g
}

func (g gateway) sendGRPC(t *testing.T) error {
	t.Helper()
	conn, err := grpc.NewClient(g.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	_, err = plogotlp.NewGRPCClient(conn).Export(context.Background(), plogotlp.NewExportRequestFromLogs(oneLog()))
	return err
}

func (g gateway) sendHTTP(t *testing.T) *http.Response {
	t.Helper()
	body, err := plogotlp.NewExportRequestFromLogs(oneLog()).MarshalProto()
	require.NoError(t, err)
	resp, err := http.Post("http://"+g.http+"/v1/logs", "application/x-protobuf", bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	http.DefaultClient.CloseIdleConnections()
	return resp
}

func TestReceiver_MatchesTheTableOfRejections(t *testing.T) {
	logs := tenant.NewSignals(tenant.Logs)
	for _, tt := range []struct {
		name     string
		identity *tenant.Identity
		unloaded bool
		code     codes.Code
		http     int
	}{
		{name: "active tenant", identity: tenant.NewIdentity("tenant-a", "k1", logs), code: codes.OK, http: http.StatusOK},
		{name: "nobody", code: codes.Unauthenticated, http: http.StatusUnauthorized},
		{name: "deleted tenant", identity: tenant.NewIdentity("deleted", "k1", logs), code: codes.Unauthenticated, http: http.StatusUnauthorized},
		{name: "suspended tenant", identity: tenant.NewIdentity("suspended", "k1", logs), code: codes.PermissionDenied, http: http.StatusForbidden},
		{name: "key of another signal", identity: tenant.NewIdentity("tenant-a", "k1", tenant.NewSignals(tenant.Traces)), code: codes.PermissionDenied, http: http.StatusForbidden},
		{name: "registry never loaded", identity: tenant.Undecided(), unloaded: true, code: codes.Unavailable, http: http.StatusServiceUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			registry := testRegistry(t)
			if tt.unloaded {
				registry = &tenanttest.Registry{}
			}
			g := startGateway(t, tt.identity, registry)

			err := g.sendGRPC(t)
			assert.Equal(t, tt.code, status.Code(err), "%v", err)
			resp := g.sendHTTP(t)
			assert.Equal(t, tt.http, resp.StatusCode)
			if tt.code == codes.Unavailable {
				retryDelay(t, err)
				seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
				require.NoError(t, err)
				assert.GreaterOrEqual(t, seconds, 1)
			}
			if tt.code != codes.OK {
				assert.Empty(t, g.sink.AllLogs())
				return
			}
			require.Len(t, g.sink.AllLogs(), 2)
			for _, ld := range g.sink.AllLogs() {
				owner, _ := ld.ResourceLogs().At(0).Resource().Attributes().Get("business_id")
				assert.Equal(t, "tenant-a", owner.Str())
			}
		})
	}
}
