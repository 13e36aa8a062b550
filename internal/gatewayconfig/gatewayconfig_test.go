// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gatewayconfig

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gateway.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

const gateway = `
exporters:
  tenant_routing:
    destinations:
      loki-eu: {profile: loki, otlp_http: {endpoint: "http://loki:3100"}}
      files: {archive: {directory: "/a/{tenant}"}}
      own: {otlp_http: {logs_endpoint: "http://x/v1/logs"}}
      half: {profile: loki, otlp_http: {endpoint: "http://loki:3100", traces_endpoint: "http://x/v1/traces"}}
      tempo: {profile: tempo, otlp_grpc: {endpoint: "tempo:4317"}}
      env: {profile: "${env:PROFILE}", otlp_http: {endpoint: "http://x"}}
      ref: ${file:/other.yaml}
  tenant_routing/second:
    destinations: {loki-eu: {otlp_http: {metrics_endpoint: "http://x"}}}
  debug:
`

func TestRead(t *testing.T) {
	got, err := Read(write(t, gateway), write(t, "exporters: {tenant_routing: {destinations: {more: {archive: {}}, files: {profile: jaeger}}}}"))
	require.NoError(t, err)
	names := make(map[string][]string)
	var scoped []string
	for name, d := range got {
		names[name] = d.Signals.Names()
		if d.ScopeOrgID {
			scoped = append(scoped, name)
		}
	}
	assert.ElementsMatch(t, []string{"loki-eu", "half", "tempo"}, scoped)
	every := []string{"logs", "metrics", "traces"}
	assert.Equal(t, map[string][]string{
		"loki-eu": {"logs", "metrics"}, "files": every, "own": {"logs"}, "half": {"logs", "traces"}, "tempo": {"traces"},
		"env": every, "ref": every, "more": every,
	}, names)
}

func TestRead_Variables(t *testing.T) {
	got, err := Read(write(t, `
exporters:
  tenant_routing:
    destinations:
      a: {otlp_http: {endpoint: "https://{vars.host}:{vars.port}/{tenant}", headers: {x: "{vars.token}", y: ["{vars.host}"], z: "{vars.broken"}}}
      b: {otlp_http: {endpoint: "http://x"}}
  tenant_routing/second:
    destinations: {a: {otlp_grpc: {endpoint: "{vars.grpc}"}}}
`))
	require.NoError(t, err)
	assert.Equal(t, []string{"grpc", "host", "port", "token"}, got["a"].Vars)
	assert.Empty(t, got["b"].Vars)
	assert.Equal(t, []string{`destination "a" needs the variable "grpc"`, `destination "a" needs the variable "token"`},
		got.Missing([]string{"b", "a", "unknown"}, map[string]string{"host": "h", "port": ""}))
	assert.Empty(t, Destinations(nil).Missing([]string{"a"}, nil))
}

func TestRead_Errors(t *testing.T) {
	for text, want := range map[string]string{
		"exporters: {debug: }": "no tenant_routing exporter",
		"":                     "no tenant_routing exporter",
		"exporters: {tenant_routing: {destinations: '${file:x}'}}": "exporters::tenant_routing::destinations is not in the file",
		"exporters: [": "gateway.yaml: yaml",
	} {
		_, err := Read(write(t, text))
		assert.ErrorContains(t, err, want, text)
	}
	_, err := Read(filepath.Join(t.TempDir(), "missing.yaml"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestDestinations_Check(t *testing.T) {
	d, err := Read(write(t, gateway))
	require.NoError(t, err)
	require.NoError(t, d.Check(tenant.Logs, []string{"loki-eu", "files"}))
	require.NoError(t, d.Check(tenant.Logs, nil))
	for name, want := range map[string]string{
		"loki_eu":  `no gateway has the destination "loki_eu" (did you mean "loki-eu"?); logs can be sent to env, files, half, loki-eu, own, ref`,
		"LOKI-EU":  `did you mean "loki-eu"?)`,
		"graylog9": `no gateway has the destination "graylog9"; logs`,
		"tempo":    `the destination "tempo" accepts only traces, not logs; logs can be sent to`,
	} {
		assert.ErrorContains(t, d.Check(tenant.Logs, []string{name}), want)
	}
	err = d.Check(tenant.Logs, []string{"a-first-fault", "files", "tempo"})
	assert.ErrorContains(t, err, "a-first-fault")
	assert.ErrorContains(t, err, `"tempo" accepts`, "all faults")
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"loki", "loki", 0}, {"loki", "lok", 1}, {"loki", "olki", 2}, {"kitten", "sitting", 3}} {
		assert.Equal(t, tt.want, distance(tt.a, tt.b), "%s %s", tt.a, tt.b)
		assert.Equal(t, tt.want, distance(tt.b, tt.a), "%s %s", tt.b, tt.a)
	}
}
