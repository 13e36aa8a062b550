// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
)

func clientHost(t *testing.T, cfg *ClientConfig) tenanttest.Host {
	t.Helper()
	s, _ := startClient(t, cfg)
	return tenanttest.Host{authID: clientExtension{s}}
}

// These two tests follow the path of the data: an agent's exporter with the client, a
// gateway's receiver with the server.

func TestWire_GRPCFromClientToServerOverPlaintextLoopback(t *testing.T) {
	text, key := newKey()
	g := startGateway(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	cfg := configgrpc.NewDefaultClientConfig()
	cfg.Endpoint = g.grpc
	cfg.TLS = configtls.ClientConfig{Insecure: true}
	cfg.Auth = configoptional.Some(configauth.Config{AuthenticatorID: authID})
	host := clientHost(t, &ClientConfig{Key: configopaque.String(text), BusinessID: "tenant-a"})
	conn, err := cfg.ToClientConn(context.Background(), host.GetExtensions(), componenttest.NewNopTelemetrySettings())
	require.NoError(t, err)
	defer conn.Close()
	_, err = plogotlp.NewGRPCClient(conn).Export(context.Background(), oneLog())
	require.NoError(t, err)
	caller, ok := (<-g.seen).Auth.(*tenant.Identity)
	require.True(t, ok)
	assert.Equal(t, tenant.ID("tenant-a"), caller.Tenant())
}

func TestWire_HTTPFromClientToServer(t *testing.T) {
	text, key := newKey()
	g := startGateway(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	cfg := confighttp.NewDefaultClientConfig()
	cfg.Auth = configoptional.Some(configauth.Config{AuthenticatorID: authID})
	host := clientHost(t, &ClientConfig{Key: configopaque.String(text), BusinessID: "tenant-b"})
	httpClient, err := cfg.ToClient(context.Background(), host.GetExtensions(), componenttest.NewNopTelemetrySettings())
	require.NoError(t, err)
	defer httpClient.CloseIdleConnections()
	body, err := oneLog().MarshalProto()
	require.NoError(t, err)
	resp, err := httpClient.Post("http://"+g.http+"/v1/logs", "application/x-protobuf", strings.NewReader(string(body)))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, "the key is tenant-a's, the configured business_id is not")
}

func TestExtension_ImplementsOnlyTheConfiguredRole(t *testing.T) {
	text, _ := newKey()
	auth := configauth.Config{AuthenticatorID: authID}
	asClient := configoptional.Some(ClientConfig{Key: configopaque.String(text)})
	both := serverConfig()
	both.Client = asClient
	for name, tt := range map[string]struct {
		cfg            *Config
		server, client bool
	}{
		"server": {serverConfig(), true, false},
		"client": {&Config{Client: asClient}, false, true},
		"both":   {both, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			ext, err := newExtension(nopSettings(), tt.cfg)
			require.NoError(t, err)
			host := tenanttest.Host{authID: ext, registryID: &tenanttest.Registry{}}
			require.NoError(t, ext.Start(context.Background(), host))
			_, err = auth.GetServerAuthenticator(context.Background(), host)
			assert.Equal(t, tt.server, err == nil)
			_, err = auth.GetHTTPClientAuthenticator(context.Background(), host)
			assert.Equal(t, tt.client, err == nil)
			_, err = auth.GetGRPCClientAuthenticator(context.Background(), host)
			assert.Equal(t, tt.client, err == nil)
			require.NoError(t, ext.Shutdown(context.Background()))
			require.NoError(t, ext.Shutdown(context.Background()))
		})
	}
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRoundTripper_KeepsTheRequestUnchanged(t *testing.T) {
	text, _ := newKey()
	s, _ := startClient(t, &ClientConfig{Key: configopaque.String(text), BusinessID: "tenant-a"})
	var sent *http.Request
	rt, err := s.RoundTripper(roundTripFunc(func(r *http.Request) (*http.Response, error) {
		sent = r
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	}))
	require.NoError(t, err)
	req := httptest.NewRequest(http.MethodPost, "https://gateway.example/v1/logs", http.NoBody)
	req.Header.Set("Authorization", "Bearer other")
	resp, err := rt.RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, []string{"Bearer " + text}, sent.Header.Values("Authorization"))
	assert.Equal(t, []string{"tenant-a"}, sent.Header.Values("x-business-id"))
	assert.Equal(t, http.Header{"Authorization": {"Bearer other"}}, req.Header)
}

type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error {
	b.closed = true
	return nil
}

func TestRoundTripper_SendsTheKeyInPlaintextOnlyToLoopbackOrIfConfigured(t *testing.T) {
	text, _ := newKey()
	for _, tt := range []struct {
		url      string
		insecure bool
		want     bool
	}{
		{"https://gateway.example/v1/logs", false, true},
		{"http://gateway.example/v1/logs", false, false},
		{"http://gateway.example/v1/logs", true, true},
		{"http://localhost:4318/v1/logs", false, true},
		{"http://127.0.0.1:4318/v1/logs", false, true},
		{"http://[::1]:4318/v1/logs", false, true},
		{"http://10.0.0.1:4318/v1/logs", false, false},
		{"http://localhost.example:4318/v1/logs", false, false},
	} {
		s, logs := startClient(t, &ClientConfig{Key: configopaque.String(text), Insecure: tt.insecure})
		sent := false
		rt, err := s.RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) {
			sent = true
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		}))
		require.NoError(t, err)
		payload := &body{Reader: strings.NewReader("x")}
		resp, err := rt.RoundTrip(httptest.NewRequest(http.MethodPost, tt.url, payload))
		assert.Equal(t, tt.want, sent, tt.url)
		if tt.want {
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			continue
		}
		require.ErrorIs(t, err, apikey.ErrWithheld)
		_, err = rt.RoundTrip(httptest.NewRequest(http.MethodPost, tt.url, &body{Reader: strings.NewReader("x")}))
		require.ErrorIs(t, err, apikey.ErrWithheld)
		assert.Equal(t, 1, logs.FilterMessage("The key is not sent").FilterField(zap.String("url", tt.url)).Len(), "once")
		assert.True(t, payload.closed, "a RoundTripper closes the body")
		assert.NotContains(t, err.Error(), text)
	}
}

func TestRoundTripper_LeavesAnEndpointWithoutASchemeToTheTransport(t *testing.T) {
	text, _ := newKey()
	s, logs := startClient(t, &ClientConfig{Key: configopaque.String(text)})
	rt, err := s.RoundTripper(http.DefaultTransport)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "gateway:4318/v1/logs", strings.NewReader("x"))
	require.NoError(t, err)
	_, err = rt.RoundTrip(req) //nolint:bodyclose // there is no answer
	require.ErrorContains(t, err, `unsupported protocol scheme "gateway"`)
	assert.Empty(t, req.Header)
	assert.Empty(t, logs.All())
}

func TestRoundTripper_FollowsARedirectToAnotherHostWithoutTheKey(t *testing.T) {
	text, _ := newKey()
	got := make(chan http.Header, 2)
	unknown := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
	defer unknown.Close()
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header
		http.Redirect(w, r, unknown.URL, http.StatusTemporaryRedirect)
	}))
	defer gateway.Close()
	s, _ := startClient(t, &ClientConfig{Key: configopaque.String(text)})
	rt, err := s.RoundTripper(http.DefaultTransport)
	require.NoError(t, err)
	defer http.DefaultClient.CloseIdleConnections()
	resp, err := (&http.Client{Transport: rt}).Post(gateway.URL, "text/plain", strings.NewReader("x"))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, "Bearer "+text, (<-got).Get("Authorization"))
	assert.Empty(t, (<-got).Get("Authorization"))
}

func TestRPCCredentials_SendTheKeyInPlaintextOnlyToLoopbackOrIfConfigured(t *testing.T) {
	text, _ := newKey()
	plain := credentials.NewContextWithRequestInfo(context.Background(), credentials.RequestInfo{
		AuthInfo: authInfo{credentials.CommonAuthInfo{SecurityLevel: credentials.NoSecurity}},
	})
	encrypted := credentials.NewContextWithRequestInfo(context.Background(), credentials.RequestInfo{
		AuthInfo: authInfo{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}},
	})
	for _, tt := range []struct {
		ctx      context.Context
		host     string
		insecure bool
		want     bool
	}{
		{encrypted, "gateway.example", false, true},
		{plain, "gateway.example", false, false},
		{context.Background(), "gateway.example", false, false},
		{plain, "gateway.example", true, true},
		{plain, "localhost:4317", false, true},
		{plain, "127.0.0.1:4317", false, true},
		{plain, "[::1]:4317", false, true},
	} {
		s, _ := startClient(t, &ClientConfig{Key: configopaque.String(text), Insecure: tt.insecure})
		creds, err := s.PerRPCCredentials()
		require.NoError(t, err)
		uri := url.URL{Scheme: "https", Host: tt.host, Path: "/opentelemetry.proto.collector.logs.v1.LogsService"}
		md, err := creds.GetRequestMetadata(tt.ctx, uri.String())
		if tt.want {
			require.NoError(t, err, tt.host)
			assert.Equal(t, map[string]string{"authorization": "Bearer " + text}, md)
			continue
		}
		assert.Equal(t, codes.Unavailable, status.Code(err), "retried until the operator has mended it")
		assert.Nil(t, md)
	}
}

type authInfo struct{ credentials.CommonAuthInfo }

func (authInfo) AuthType() string { return "test" }
