// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/telemetrytest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

func proxiedConfig() *Config {
	cfg := serverConfig()
	cfg.TrustedProxies = []string{"10.0.0.0/8"}
	return cfg
}

// A key that is bound to networks works behind a proxy, and from these networks alone.
func TestServer_BoundKeysBehindAProxy(t *testing.T) {
	text, key := newKey(func(k *tenant.Key) { k.SourceCIDRs = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")} })
	c, _ := startServerWith(t, proxiedConfig(), tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	for name, tt := range map[string]struct {
		peer, header string
		want         string // the client's address; empty: rejected
	}{
		"from the network":           {"10.0.0.1", "203.0.113.9", "203.0.113.9"},
		"from elsewhere":             {"10.0.0.1", "198.51.100.7", ""},
		"a forged address at left":   {"10.0.0.1", "203.0.113.9, 198.51.100.7", ""},
		"no proxy":                   {"198.51.100.7", "203.0.113.9", ""},
		"no proxy, its own network":  {"203.0.113.8", "198.51.100.7", "203.0.113.8"},
		"a proxy that does not know": {"10.0.0.1", "unknown", ""},
		"two proxies":                {"10.0.0.1", "203.0.113.9, 10.2.2.2", "203.0.113.9"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, err := c.Authenticate(from(ip(tt.peer)), map[string][]string{"Authorization": {"Bearer " + text}, "X-Forwarded-For": {tt.header}})
			grpcPeer := peer.NewContext(t.Context(), &peer.Peer{Addr: &net.TCPAddr{IP: net.ParseIP(tt.peer), Port: 1}})
			_, tapErr := c.tap(grpcPeer, &tap.Info{
				FullMethodName: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
				Header:         metadata.Pairs("authorization", "Bearer "+text, "x-forwarded-for", tt.header),
			})
			if tt.want == "" {
				assert.Equal(t, sourceAddress.reason().Text(), err.Error())
				assert.Equal(t, sourceAddress.reason().Text(), tapErr.Error())
				return
			}
			require.NoError(t, err)
			require.NoError(t, tapErr)
			assert.Equal(t, tt.want, client.FromContext(ctx).Addr.String(), "what follows sees the client's address")
		})
	}
}

// A client whose request makes its address unclear does not pass for the proxy, whose own
// network may be one that a key is bound to.
func TestServer_NoClientPassesForTheProxy(t *testing.T) {
	text, key := newKey(func(k *tenant.Key) { k.SourceCIDRs = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	c, _ := startServerWith(t, proxiedConfig(), tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	for name, tt := range map[string]struct {
		forwarded string
		list      string
		want      bool
	}{
		"the proxy itself":           {want: true},
		"a client of the network":    {list: "10.3.3.3", want: true},
		"a client from elsewhere":    {list: "198.51.100.7"},
		"two headers that differ":    {list: "198.51.100.7", forwarded: "for=10.3.3.3"},
		"a header that says nothing": {list: "198.51.100.7", forwarded: "for=unknown"},
		"garbage alone":              {forwarded: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			headers := map[string][]string{"Authorization": {"Bearer " + text}}
			md := metadata.Pairs("authorization", "Bearer "+text)
			if tt.list != "" {
				headers["X-Forwarded-For"] = []string{tt.list}
				md.Set("x-forwarded-for", tt.list)
			}
			if tt.forwarded != "" {
				headers["Forwarded"] = []string{tt.forwarded}
				md.Set("forwarded", tt.forwarded)
			}
			_, err := c.Authenticate(from(ip("10.0.0.1")), headers)
			grpcPeer := peer.NewContext(t.Context(), &peer.Peer{Addr: &net.TCPAddr{IP: net.ParseIP("10.0.0.1"), Port: 1}})
			_, tapErr := c.tap(grpcPeer, &tap.Info{FullMethodName: "/opentelemetry.proto.collector.logs.v1.LogsService/Export", Header: md})
			for _, err := range []error{err, tapErr} {
				if tt.want {
					assert.NoError(t, err)
				} else {
					assert.EqualError(t, err, sourceAddress.reason().Text())
				}
			}
		})
	}
}

// The clients of a proxy are separate sources, and no client can claim to be another source.
func TestServer_BoundsClientsBehindAProxyEachByItself(t *testing.T) {
	cfg := proxiedConfig()
	cfg.Failures.PerMinute, cfg.Failures.Delay = 2, 0
	c, telemetry := startServerWith(t, cfg, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a"}))
	fail := func(peer, forwarded string) {
		_, err := c.Authenticate(from(ip(peer)), map[string][]string{"X-Forwarded-For": {forwarded}})
		require.Error(t, err)
	}
	for _, client := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
		fail("10.0.0.1", client)
		fail("10.0.0.1", client)
	}
	require.Zero(t, c.failures.throttled.Load())
	assert.Equal(t, 3, c.failures.sources.len())
	for _, claim := range []string{"1.1.1.1", "2.2.2.2", "garbage"} {
		fail("10.0.0.1", claim+", 192.0.2.1")
		fail("192.0.2.2", claim) // no proxy
	}
	assert.EqualValues(t, 6, c.failures.throttled.Load(), "what clients claim makes them no other source")
	assert.Equal(t, 3, c.failures.sources.len())
	telemetrytest.AssertCounted(t, telemetry, "otelcol_extension_bearer_key_auth_proxied_requests", []metricdata.DataPoint[int64]{
		{Value: 9, Attributes: attribute.NewSet(attribute.String("address", "forwarded"))},
	}, metricdatatest.IgnoreTimestamp())
}

func TestProxies_LogMissingClientAddresses(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	p, err := newProxies(proxiedConfig(), zap.New(core))
	require.NoError(t, err)
	p.report(noon)
	require.Zero(t, logs.Len())
	p.client(ip("192.0.2.1"), nil) // no proxy
	p.report(noon)
	require.Zero(t, logs.Len())

	p.client(ip("10.0.0.1"), nil)
	p.client(ip("10.0.0.2"), map[string][]string{"X-Forwarded-For": {"192.0.2.1"}, "Forwarded": {"for=127.0.0.1"}})
	p.client(ip("10.0.0.2"), map[string][]string{"X-Forwarded-For": {"unknown"}})
	p.report(noon)
	require.Equal(t, 2, logs.Len())
	assert.Contains(t, logs.All()[0].Message, "sends no header")
	assert.Equal(t, map[string]any{"proxy": "10.0.0.1", "requests": int64(1)}, logs.All()[0].ContextMap())
	assert.Contains(t, logs.All()[1].Message, "client_address_header")
	assert.Equal(t, map[string]any{"proxy": "10.0.0.2", "requests": int64(2)}, logs.All()[1].ContextMap())

	p.client(ip("10.0.0.1"), nil)
	p.report(noon.Add(proxyReportInterval - time.Second))
	require.Equal(t, 2, logs.Len())
	p.report(noon.Add(proxyReportInterval))
	assert.Equal(t, 3, logs.Len())
}

func TestConfig_ChecksProxies(t *testing.T) {
	cfg := proxiedConfig()
	require.NoError(t, cfg.Validate())
	cfg.TrustedProxies = []string{"10.0.0.0/8", "0.0.0.0/0", "proxy"}
	cfg.ClientAddressHeader = "x-client-ip"
	err := cfg.Validate()
	for _, want := range []string{"\"trusted_proxies\": [1]: \"0.0.0.0/0\" matches every address", "[2]: \"proxy\"", `"client_address_header" must be auto`} {
		assert.ErrorContains(t, err, want)
	}
}
