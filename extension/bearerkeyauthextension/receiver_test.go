// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configmiddleware"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	spb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

var (
	authID    = component.MustNewID("bearer_key_auth")
	localPeer = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50000}
)

// gateway is a real OTLP receiver that asks the extension, and what its consumer
// was called with.
type gateway struct {
	grpc, http string
	seen       chan client.Info
}

func startGateway(t *testing.T, registry *tenanttest.Registry) *gateway {
	t.Helper()
	checker, _ := startServer(t, registry)
	return startGatewayWith(t, checker)
}

func startGatewayWith(t *testing.T, checker *serverAuth) *gateway {
	t.Helper()
	g := &gateway{grpc: loopback.Address(t), http: loopback.Address(t), seen: make(chan client.Info, 10)}
	next, err := consumer.NewLogs(func(ctx context.Context, _ plog.Logs) error {
		g.seen <- client.FromContext(ctx)
		return nil
	})
	require.NoError(t, err)

	factory := otlpreceiver.NewFactory()
	cfg := factory.CreateDefaultConfig().(*otlpreceiver.Config)
	auth := configauth.Config{AuthenticatorID: authID}
	overGRPC, overHTTP := cfg.Protocols.GRPC.GetOrInsertDefault(), cfg.Protocols.HTTP.GetOrInsertDefault()
	overGRPC.NetAddr.Endpoint = g.grpc
	overGRPC.IncludeMetadata = true
	overGRPC.Auth = configoptional.Some(auth)
	overGRPC.Middlewares = []configmiddleware.Config{{ID: authID}}
	overHTTP.ServerConfig.NetAddr.Endpoint = g.http
	overHTTP.ServerConfig.IncludeMetadata = true
	overHTTP.ServerConfig.Auth = configoptional.Some(confighttp.AuthConfig{Config: auth})
	recv, err := factory.CreateLogs(context.Background(), receivertest.NewNopSettings(factory.Type()), cfg, next)
	require.NoError(t, err)
	require.NoError(t, recv.Start(context.Background(), tenanttest.Host{authID: serverExtension{checker}}))
	t.Cleanup(func() { require.NoError(t, recv.Shutdown(context.Background())) })
	return g
}

func oneLog() plogotlp.ExportRequest {
	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("hello")
	return plogotlp.NewExportRequestFromLogs(ld)
}

func (g *gateway) sendGRPC(t *testing.T, keysAndValues ...string) error {
	t.Helper()
	conn, err := grpc.NewClient(g.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(context.Background(), keysAndValues...)
	_, err = plogotlp.NewGRPCClient(conn).Export(ctx, oneLog())
	return err
}

// sendHTTP returns the status code and the text in the body's Status.
func (g *gateway) sendHTTP(t *testing.T, keysAndValues ...string) (code int, text string) {
	t.Helper()
	body, err := oneLog().MarshalProto()
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+g.http+"/v1/logs", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-protobuf")
	for pair := range slices.Chunk(keysAndValues, 2) {
		req.Header.Add(pair[0], pair[1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var st spb.Status
	if resp.StatusCode != http.StatusOK {
		require.NoError(t, proto.Unmarshal(raw, &st))
	}
	return resp.StatusCode, st.GetMessage()
}

func TestReceiver_PassesOnlyTheIdentity(t *testing.T) {
	text, key := newKey()
	g := startGateway(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	forged := []string{"authorization", "Bearer " + text, "x-tenant-id", "tenant-b", "x-tenant-id-bin", "tenant-b", "x-other", "b"}

	require.NoError(t, g.sendGRPC(t, forged...))
	overGRPC := <-g.seen
	code, _ := g.sendHTTP(t, forged...)
	require.Equal(t, http.StatusOK, code)
	overHTTP := <-g.seen

	for protocol, info := range map[string]client.Info{"gRPC": overGRPC, "HTTP": overHTTP} {
		assert.Equal(t, []string{tenant.MetadataKey}, slices.Collect(info.Metadata.Keys()), protocol)
		assert.Equal(t, []string{"tenant-a"}, info.Metadata.Get(tenant.MetadataKey), protocol)
		caller, ok := info.Auth.(*tenant.Identity)
		require.True(t, ok, protocol)
		assert.Equal(t, tenant.ID("tenant-a"), caller.Tenant(), protocol)
		assert.Equal(t, key.ID, caller.KeyID(), protocol)
		assert.NotNil(t, info.Addr, protocol)
	}
}

func TestReceiver_AnswersUnauthenticated(t *testing.T) {
	text, key := newKey()
	revoked, revokedEntry := newKey(func(k *tenant.Key) { k.RevokedAt = noon })
	g := startGateway(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key, revokedEntry}}))
	for _, tt := range []struct {
		name    string
		headers []string
		want    decision
	}{
		{"no key", nil, noKey},
		{"revoked key", []string{"authorization", "Bearer " + revoked}, revokedKey},
		{"two keys", []string{"authorization", "Bearer " + revoked, "authorization", "Bearer " + text}, severalKeys},
		{"other tenant", []string{"authorization", "Bearer " + text, "X-Scope-OrgID", "tenant-b"}, tenantHeader},
		{"other tenant after the own", []string{"authorization", "Bearer " + text, "x-business-id", "tenant-a", "x-business-id", "tenant-b"}, tenantHeader},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := g.sendGRPC(t, tt.headers...)
			assert.Equal(t, codes.Unauthenticated, status.Code(err))
			assert.Equal(t, tt.want.reason().Text(), status.Convert(err).Message())
			code, text := g.sendHTTP(t, tt.headers...)
			assert.Equal(t, http.StatusUnauthorized, code)
			assert.Equal(t, tt.want.reason().Text(), text)
			assert.Empty(t, g.seen)
		})
	}
}

func TestReceiver_UndecidedIsUnavailableOverGRPCAndAcceptedOverHTTP(t *testing.T) {
	text, _ := newKey()
	g := startGateway(t, &tenanttest.Registry{})
	err := g.sendGRPC(t, "authorization", "Bearer "+text, "x-tenant-id", "tenant-b")
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.Equal(t, "the tenant registry has not been loaded yet", status.Convert(err).Message())
	details := status.Convert(err).Details()
	require.Len(t, details, 1)
	assert.GreaterOrEqual(t, details[0].(*errdetails.RetryInfo).GetRetryDelay().AsDuration(), time.Second)
	require.Empty(t, g.seen)

	code, _ := g.sendHTTP(t, "authorization", "Bearer "+text, "x-tenant-id", "tenant-b")
	require.Equal(t, http.StatusOK, code)
	info := <-g.seen
	assert.Empty(t, slices.Collect(info.Metadata.Keys()))
	caller, ok := info.Auth.(*tenant.Identity)
	require.True(t, ok)
	assert.False(t, caller.Decided())
}

func TestReceiver_RejectsSignalsOutsideTheScopeOverGRPC(t *testing.T) {
	ofSuspended, suspendedEntry := newKey()
	tracesOnly, tracesEntry := newKey(func(k *tenant.Key) { k.Scopes = tenant.NewSignals(tenant.Traces) })
	g := startGateway(t, tenanttest.NewRegistry(t,
		&tenant.Tenant{ID: "tenant-a", Status: tenant.StatusSuspended, Keys: []*tenant.Key{suspendedEntry}},
		&tenant.Tenant{ID: "tenant-b", Keys: []*tenant.Key{tracesEntry}}))
	for text, key := range map[string]string{"the tenant is suspended": ofSuspended, "the API key may not send logs": tracesOnly} {
		err := g.sendGRPC(t, "authorization", "Bearer "+key)
		assert.Equal(t, codes.PermissionDenied, status.Code(err))
		assert.Equal(t, text, status.Convert(err).Message())
	}
	assert.Empty(t, g.seen)
}

func TestReceiver_EndsSilentConnections(t *testing.T) {
	checker, _ := startServer(t, tenanttest.NewRegistry(t))
	checker.connectTimeout = 10 * time.Millisecond
	g := startGatewayWith(t, checker)
	conn, err := net.Dial("tcp", g.grpc) //nolint:noctx // a test's own loopback server
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute))) // half of what gRPC takes by itself
	_, err = io.Copy(io.Discard, conn)
	require.NoError(t, err, "the gateway has closed it")
}

func TestReceiver_EndsEndlessCalls(t *testing.T) {
	text, key := newKey()
	checker, _ := startServer(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	checker.callTimeout = 10 * time.Millisecond
	g := startGatewayWith(t, checker)
	conn, err := grpc.NewClient(g.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+text)
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, "/opentelemetry.proto.collector.logs.v1.LogsService/Export")
	require.NoError(t, err)
	err = stream.RecvMsg(&spb.Status{}) // although nothing was sent
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err), "%v", err)
}
