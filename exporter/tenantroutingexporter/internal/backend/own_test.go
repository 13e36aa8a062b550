// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/reach"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// TestOwn_ChecksConnections has addresses that are looked at only when the
// connection is made.
func TestOwn_ChecksConnections(t *testing.T) {
	calls := 0
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls++ }))
	defer s.Close()
	address := serveGRPC(t, func(context.Context, plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
		calls++
		return plogotlp.NewExportResponse(), nil
	})
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for name, d := range map[string]*Destination{
		"HTTP": overHTTP(t, profile(t, "otlp"), s.URL, nil),
		"HTTP with cookies": overHTTP(t, profile(t, "otlp"), s.URL, func(h *HTTPSettings) {
			h.Client.Cookies.GetOrInsertDefault()
		}),
		"gRPC": overGRPC(t, profile(t, "otlp"), address, nil),
	} {
		before := calls
		d.guard = &reach.Guard{}
		got := send(t, d, logsBatch(t, "x"))
		assert.Equal(t, lane.Blocked, got.Verdict, name)
		assert.Equal(t, "private_endpoint", got.Reason, name)
		assert.ErrorContains(t, got.Err, `127.0.0.1 is a loopback address`, name)
		assert.Equal(t, before, calls, name)

		require.NoError(t, d.pool.Close())
		d.pool = newPool(t)
		d.guard = &reach.Guard{Allow: loopback}
		assert.Equal(t, lane.Delivered, send(t, d, logsBatch(t, "x")).Verdict, name)
		assert.Equal(t, before+1, calls, name)
	}
}

// A proxy of the environment would connect to whatever the tenant names.
func TestOwn_UsesNoProxyOfTheEnvironment(t *testing.T) {
	fromEnvironment := func(*http.Request) (*url.URL, error) { return url.Parse("http://proxy.example:3128") }
	for name, c := range map[string]struct {
		guard    *reach.Guard
		settings bool
		want     bool
	}{"own": {&reach.Guard{}, false, false}, "own, proxy_url": {&reach.Guard{}, true, true}, "fixed": {nil, false, true}} {
		transport := &http.Transport{Proxy: fromEnvironment}
		catcher := &transportCatcher{guard: c.guard, proxy: c.settings, base: transport}
		require.NoError(t, catcher.restrict())
		assert.Equal(t, c.want, transport.Proxy != nil, name)
		assert.Equal(t, c.guard != nil, transport.DialContext != nil, name)
	}
}

func TestOwn_IsForHostsThatVariablesChoose(t *testing.T) {
	for endpoint, want := range map[string]bool{"{vars.x}": true, "http://h/{vars.x}": false} {
		d := overHTTP(t, profile(t, "otlp"), endpoint, nil).Own(nil)
		assert.Equal(t, want, d.guard != nil, endpoint)
	}
	d := overHTTP(t, profile(t, "otlp"), "http://h", func(h *HTTPSettings) { h.Client.ProxyURL = "{vars.x}" }).Own(nil)
	assert.NotNil(t, d.guard, "a proxy of the tenant's")
	d = overHTTP(t, profile(t, "otlp"), "http://h", func(h *HTTPSettings) { h.Endpoints[tenant.Traces] = "{vars.x}/t" }).Own(nil)
	assert.NotNil(t, d.guard, "one signal's")
	d = overGRPC(t, profile(t, "otlp"), "{vars.x}", nil).Own(nil)
	require.NotNil(t, d.guard)
	v := template.Values{Tenant: "a", Vars: map[string]string{"x": "10.0.0.1:4317"}}
	for endpoint, private := range map[string]bool{
		"http://backend.example/?to=http://10.0.0.1/": false, "http://10.0.0.1/?to=http://backend.example": true, "http://10.0.0.1?x": true,
		"https://[fd00::1]:4318": true, "https://[2606:4700::1111]/": false, "http://LOCALHOST": true,
	} {
		own := overHTTP(t, profile(t, "otlp"), "{vars.x}", nil).Own(nil)
		err := own.Check(int(tenant.Logs), template.Values{Tenant: "a", Vars: map[string]string{"x": endpoint}})
		assert.Equal(t, private, err != nil, "%s: %v", endpoint, err)
	}
	assert.ErrorContains(t, d.Check(int(tenant.Logs), v), "endpoint: 10.0.0.1 is a private address", "a literal address is reported when the registry is read")
}
