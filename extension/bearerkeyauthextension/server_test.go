// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/extension/bearerkeyauthextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/telemetrytest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

var (
	registryID = component.MustNewID("tenant_registry")
	noon       = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
)

// newKey returns the text of a key and its registry entry, changed by with.
func newKey(with ...func(*tenant.Key)) (string, *tenant.Key) {
	text, id := apikey.New()
	key := &tenant.Key{ID: id, Digest: apikey.Digest(text), Scopes: tenant.NewSignals(tenant.AllSignals()...)}
	for _, f := range with {
		f(key)
	}
	return text, key
}

// serverConfig is the default configuration with a registry.
func serverConfig() *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.Registry = &registryID
	return cfg
}

// startServer returns a started checker at noon and the telemetry it writes to.
func startServer(tb testing.TB, registry *tenanttest.Registry) (*serverAuth, *componenttest.Telemetry) {
	tb.Helper()
	return startServerWith(tb, serverConfig(), registry)
}

func startServerWith(tb testing.TB, cfg *Config, registry *tenanttest.Registry) (*serverAuth, *componenttest.Telemetry) {
	tb.Helper()
	telemetry := componenttest.NewTelemetry()
	tb.Cleanup(func() { require.NoError(tb, telemetry.Shutdown(context.Background())) })
	set := nopSettings()
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	c, err := newServerAuth(set, cfg)
	require.NoError(tb, err)
	c.now = func() time.Time { return noon }
	require.NoError(tb, c.Start(context.Background(), tenanttest.Host{registryID: registry}))
	tb.Cleanup(func() { require.NoError(tb, c.Shutdown(context.Background())) })
	return c, telemetry
}

func from(addr net.Addr) context.Context {
	return client.NewContext(context.Background(), client.Info{Addr: addr})
}

func TestServer_DecidesByTheKey(t *testing.T) {
	ip := func(s string) *net.IPAddr { return &net.IPAddr{IP: net.ParseIP(s)} }
	tcp := func(s string) *net.TCPAddr { return &net.TCPAddr{IP: net.ParseIP(s), Port: 4317} }
	network := func(k *tenant.Key) {
		k.SourceCIDRs = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8::/32")}
	}
	for _, tt := range []struct {
		name string
		key  func(*tenant.Key)
		addr net.Addr
		want decision
	}{
		{name: "no conditions", want: accepted},
		{name: "revoked", key: func(k *tenant.Key) { k.RevokedAt = noon.Add(-time.Hour) }, want: revokedKey},
		{name: "revoked by a clock that is ahead", key: func(k *tenant.Key) { k.RevokedAt = noon.Add(time.Hour) }, want: revokedKey},
		{name: "expires later", key: func(k *tenant.Key) { k.ExpiresAt = noon.Add(time.Nanosecond) }, want: accepted},
		{name: "expires now", key: func(k *tenant.Key) { k.ExpiresAt = noon }, want: expiredKey},
		{name: "expired", key: func(k *tenant.Key) { k.ExpiresAt = noon.Add(-time.Nanosecond) }, want: expiredKey},
		{name: "valid from now", key: func(k *tenant.Key) { k.NotBefore = noon }, want: accepted},
		{name: "valid later", key: func(k *tenant.Key) { k.NotBefore = noon.Add(time.Nanosecond) }, want: notYetValid},
		{name: "inside the network, HTTP", key: network, addr: ip("10.1.2.3"), want: accepted},
		{name: "inside the network, gRPC", key: network, addr: tcp("10.1.2.3"), want: accepted},
		{name: "inside the network, IPv4 in IPv6", key: network, addr: tcp("::ffff:10.1.2.3"), want: accepted},
		{name: "inside the other network, with a zone", key: network, addr: &net.IPAddr{IP: net.ParseIP("2001:db8::1"), Zone: "eth0"}, want: accepted},
		{name: "outside the network", key: network, addr: ip("10.2.0.1"), want: sourceAddress},
		{name: "no IP address", key: network, addr: &net.UnixAddr{Name: "/run/otel.sock"}, want: sourceAddress},
		{name: "unknown address", key: network, want: sourceAddress},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.key == nil {
				tt.key = func(*tenant.Key) {}
			}
			text, key := newKey(tt.key)
			c, _ := startServer(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
			_, got := c.decide(tt.addr, map[string][]string{"Authorization": {"Bearer " + text}}, noon)
			assert.Equal(t, tt.want, got, "%s", got)
		})
	}
}

func TestServer_DecidesByTheHeaders(t *testing.T) {
	text, key := newKey()
	unknown, _ := newKey()
	c, _ := startServer(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}, &tenant.Tenant{ID: "tenant-b"}))
	bearer := "Bearer " + text
	type headers map[string][]string
	for _, tt := range []struct {
		name    string
		headers headers
		want    decision
	}{
		{"HTTP's form of names", headers{"Authorization": {bearer}}, accepted},
		{"gRPC's form of names", headers{"authorization": {bearer}}, accepted},
		{"any other form", headers{"AUTHORIZATION": {bearer}}, accepted},
		{"scheme in another case", headers{"Authorization": {"bEARER " + text}}, accepted},
		{"blanks around the key", headers{"Authorization": {"Bearer   " + text + " "}}, accepted},
		{"no headers", nil, noKey},
		{"no value", headers{"Authorization": {}}, noKey},
		{"empty value", headers{"Authorization": {""}}, noKey},
		{"two values", headers{"Authorization": {bearer, bearer}}, severalKeys},
		{"two values, one empty", headers{"Authorization": {"", bearer}}, severalKeys},
		{"two names", headers{"Authorization": {bearer}, "authorization": {bearer}}, severalKeys},
		{"scheme alone", headers{"Authorization": {"Bearer"}}, notBearer},
		{"scheme and blanks", headers{"Authorization": {"Bearer   "}}, notBearer},
		{"Basic without encoding", headers{"Authorization": {"Basic " + text}}, malformedBasic},
		{"another scheme without a key of ours", headers{"Authorization": {"Digest username=\"x\""}}, quotedKey},
		{"another scheme", headers{"Authorization": {"ApiKey " + text}}, otherScheme},
		{"a password that is no key", headers{"Authorization": {"Basic dGVuYW50LWE6cGFzc3dvcmQ="}}, malformedKey},
		{"ApiKey", headers{"Authorization": {"ApiKey " + text}}, otherScheme},
		{"no scheme", headers{"Authorization": {text}}, noScheme},
		{"no scheme, and blanks", headers{"Authorization": {" " + text + "\t"}}, noScheme},
		{"blanks around all", headers{"Authorization": {" \tBearer\t" + text + "\t "}}, accepted},
		{"percent-encoded blank", headers{"Authorization": {"Bearer%20" + text}}, percentEncoded},
		{"percent-encoded blank, lower case", headers{"authorization": {"bearer%20" + text}}, percentEncoded},
		{"percent-encoded key", headers{"Authorization": {"Bearer " + strings.Replace(text, "_", "%5F", 1)}}, percentEncoded},
		{"percent-encoded end of line", headers{"Authorization": {bearer + "%0A"}}, percentEncoded},
		{"quotes around all", headers{"Authorization": {"\"" + bearer + "\""}}, quotedKey},
		{"quotes around the key", headers{"Authorization": {"Bearer \"" + text + "\""}}, quotedKey},
		{"single quotes", headers{"Authorization": {"Bearer '" + text + "'"}}, quotedKey},
		{"one quote", headers{"Authorization": {bearer + "\""}}, quotedKey},
		{"scheme twice", headers{"Authorization": {"Bearer " + bearer}}, doubledScheme},
		{"scheme twice in another case", headers{"Authorization": {"bearer " + strings.ToUpper("bearer") + " " + text}}, doubledScheme},
		{"colon", headers{"Authorization": {"Bearer: " + text}}, notBearer},
		{"equals sign", headers{"Authorization": {"Bearer=" + text}}, notBearer},
		{"no blank", headers{"Authorization": {"Bearer" + text}}, notBearer},
		{"a word", headers{"Authorization": {"secret"}}, notBearer},
		{"end of line", headers{"Authorization": {bearer + "\n"}}, malformedKey},
		{"no key of ours", headers{"Authorization": {"Bearer abc"}}, malformedKey},
		{"a wrong character", headers{"Authorization": {bearer[:len(bearer)-1] + "!"}}, malformedKey},
		{"two keys in one value", headers{"Authorization": {bearer + ", " + bearer}}, malformedKey},
		{"unknown key", headers{"Authorization": {"Bearer " + unknown}}, unknownKey},
		{"own tenant, HTTP", headers{"Authorization": {bearer}, "X-Business-Id": {"tenant-a"}, "X-Scope-Orgid": {"tenant-a"}}, accepted},
		{"own tenant, gRPC", headers{"authorization": {bearer}, "x-business-id": {"tenant-a"}, "x-scope-orgid": {"tenant-a"}}, accepted},
		{"own tenant twice", headers{"Authorization": {bearer}, "X-Business-Id": {"tenant-a", "tenant-a"}}, accepted},
		{"empty tenant counts as not sent", headers{"Authorization": {bearer}, "X-Business-Id": {""}}, accepted},
		{"other tenant", headers{"Authorization": {bearer}, "X-Business-Id": {"tenant-b"}}, tenantHeader},
		{"other tenant in Loki's header", headers{"Authorization": {bearer}, "X-Scope-Orgid": {"tenant-b"}}, tenantHeader},
		{"other tenant in Loki's header as documented", headers{"Authorization": {bearer}, "X-Scope-OrgID": {"tenant-b"}}, tenantHeader},
		{"other tenant in capitals", headers{"Authorization": {bearer}, "X-BUSINESS-ID": {"tenant-b"}}, tenantHeader},
		{"other tenant second", headers{"Authorization": {bearer}, "X-Business-Id": {"tenant-a", "tenant-b"}}, tenantHeader},
		{"other tenant under a second form of the name", headers{"Authorization": {bearer}, "X-Business-Id": {"tenant-a"}, "x-business-id": {"tenant-b"}}, tenantHeader},
		{"tenant that is not known", headers{"Authorization": {bearer}, "X-Business-Id": {"tenant-x"}}, tenantHeader},
		{"own tenant in another case", headers{"Authorization": {bearer}, "X-Business-Id": {"Tenant-A"}}, tenantHeader},
		{"own tenant percent-encoded", headers{"Authorization": {bearer}, "X-Business-Id": {"tenant%2Da"}}, tenantHeader},
		{"several tenants as Loki joins them", headers{"Authorization": {bearer}, "X-Scope-Orgid": {"tenant-a|tenant-b"}}, tenantHeader},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, err := c.Authenticate(context.Background(), tt.headers)
			_, got := c.decide(nil, tt.headers, noon)
			require.Equal(t, tt.want, got, "%s", got)
			if tt.want == accepted {
				require.NoError(t, err)
				caller, ok := tenant.FromContext(ctx)
				require.True(t, ok)
				assert.Equal(t, tenant.ID("tenant-a"), caller.Tenant())
				assert.Equal(t, key.ID, caller.KeyID())
				return
			}
			require.Error(t, err)
			assert.Equal(t, codes.Unauthenticated, status.Code(err))
			assert.NotEmpty(t, err.Error())
			assert.NotContains(t, err.Error(), text[:12], "nothing of the request")
			assert.Equal(t, err.Error(), status.Convert(err).Message())
			for _, secret := range []string{text, unknown, key.ID, "tenant-a", "tenant-b", "tenant-x"} {
				assert.NotContains(t, err.Error(), secret)
			}
			_, ok := tenant.FromContext(ctx)
			assert.False(t, ok)
		})
	}
}

func TestServer_BindsKeysToWebPagesAndSecretsToNone(t *testing.T) {
	secret, secretEntry := newKey()
	page, pageEntry := newKey(func(k *tenant.Key) { k.Origins = []string{"https://app.example", "http://localhost:3000"} })
	c, _ := startServer(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{secretEntry, pageEntry}}))
	for _, tt := range []struct {
		name   string
		key    string
		header string
		origin []string
		want   decision
	}{
		{"secret key outside a browser", secret, "Origin", nil, accepted},
		{"secret key in a page", secret, "Origin", []string{"https://app.example"}, pageOrigin},
		{"secret key in a page without a name", secret, "Origin", []string{"null"}, pageOrigin},
		{"secret key, empty origin", secret, "Origin", []string{""}, pageOrigin},
		{"page's key in its page", page, "Origin", []string{"https://app.example"}, accepted},
		{"page's key in its other page", page, "Origin", []string{"http://localhost:3000"}, accepted},
		{"page's key over gRPC", page, "origin", []string{"https://app.example"}, accepted},
		{"page's key outside a browser", page, "Origin", nil, pageOrigin},
		{"page's key in another page", page, "Origin", []string{"https://evil.example"}, pageOrigin},
		{"page's key in a page below", page, "Origin", []string{"https://app.example.evil.example"}, pageOrigin},
		{"page's key over another scheme", page, "Origin", []string{"http://app.example"}, pageOrigin},
		{"page's key at another port", page, "Origin", []string{"https://app.example:8443"}, pageOrigin},
		{"page's key without a name", page, "Origin", []string{"null"}, pageOrigin},
		{"page's key, right and wrong", page, "Origin", []string{"https://app.example", "https://evil.example"}, pageOrigin},
		{"page's key, both in one value", page, "Origin", []string{"https://app.example https://evil.example"}, pageOrigin},
		{"page's key, referrer alone", page, "Referer", []string{"https://app.example"}, pageOrigin},
	} {
		t.Run(tt.name, func(t *testing.T) {
			headers := map[string][]string{"Authorization": {"Bearer " + tt.key}}
			if tt.origin != nil {
				headers[tt.header] = tt.origin
			}
			_, got := c.decide(nil, headers, noon)
			assert.Equal(t, tt.want, got, "%s", got)
		})
	}
}

func TestServer_ChecksOnlyThatTheTenantExists(t *testing.T) {
	for tenantStatus, want := range map[tenant.Status]decision{
		tenant.StatusActive:    accepted,
		tenant.StatusSuspended: accepted, // 403, not 401: for the tenant processor to say
		tenant.StatusDeleted:   unknownKey,
	} {
		text, key := newKey()
		c, _ := startServer(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Status: tenantStatus, Keys: []*tenant.Key{key}}))
		_, got := c.decide(nil, map[string][]string{"Authorization": {"Bearer " + text}}, noon)
		assert.Equal(t, want, got, "%s: %s", tenantStatus, got)
	}
}

func TestServer_AnswersUnavailableUntilARegistryHasLoaded(t *testing.T) {
	text, key := newKey()
	registry := &tenanttest.Registry{}
	c, _ := startServer(t, registry)
	headers := map[string][]string{"Authorization": {"Bearer " + text}}
	ctx, err := c.Authenticate(context.Background(), headers)
	require.NoError(t, err)
	caller, ok := tenant.FromContext(ctx)
	require.True(t, ok)
	assert.False(t, caller.Decided())

	_, err = c.Authenticate(context.Background(), map[string][]string{"Authorization": {"Bearer no key"}})
	require.Error(t, err, "what is no key in any registry is rejected at once")

	registry.Set(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}})
	ctx, err = c.Authenticate(context.Background(), headers)
	require.NoError(t, err)
	caller, _ = tenant.FromContext(ctx)
	assert.Equal(t, tenant.ID("tenant-a"), caller.Tenant())

	registry.Set(t, &tenant.Tenant{ID: "tenant-a"})
	_, err = c.Authenticate(context.Background(), headers)
	require.Error(t, err, "a key that is taken away is unknown with the next request")
}

func TestServer_CountsDecisions(t *testing.T) {
	text, key := newKey()
	c, telemetry := startServer(t, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	for range 3 {
		_, _ = c.Authenticate(context.Background(), nil)
	}
	_, _ = c.Authenticate(context.Background(), map[string][]string{"Authorization": {"Bearer " + text}})
	telemetrytest.AssertCounted(t, telemetry, "otelcol_extension_bearer_key_auth_requests", []metricdata.DataPoint[int64]{
		{Value: 1, Attributes: attribute.NewSet(attribute.String("decision", "accepted"))},
		{Value: 3, Attributes: attribute.NewSet(attribute.String("decision", "no_key"))},
	}, metricdatatest.IgnoreTimestamp())
}

func TestServer_ErrorNamesTheMissingRegistry(t *testing.T) {
	c, err := newServerAuth(extension.Settings{TelemetrySettings: componenttest.NewNopTelemetrySettings()}, serverConfig())
	require.NoError(t, err)
	require.ErrorContains(t, c.Start(context.Background(), tenanttest.Host{}), `extension "tenant_registry" is not configured`)
	require.NoError(t, c.Shutdown(context.Background()))
}

func TestDecision_HasANameAndARule(t *testing.T) {
	names := map[string]bool{}
	for d := range numDecisions {
		require.NotEmpty(t, d.String())
		require.False(t, names[d.String()], "%s twice", d)
		names[d.String()] = true
		assert.Equal(t, d.unauthenticated(), d.reason().Code() == codes.Unauthenticated, "%s", d)
	}
}

func nopSettings() extension.Settings { return extensiontest.NewNopSettings(metadata.Type) }
