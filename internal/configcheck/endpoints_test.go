// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package configcheck

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCheck_Endpoints(t *testing.T) {
	const (
		refuse = "refuse "
		warn   = "warn "
	)
	for name, tt := range map[string]struct {
		exporter string // its settings
		id       string // default: otlp_http
		want     string // prefix of the one finding; empty: there is none
	}{
		"good":                     {exporter: `{endpoint: "https://gateway.example"}`},
		"good with port and slash": {exporter: `{endpoint: "http://127.0.0.1:4318/"}`},
		"good with a prefix":       {exporter: `{endpoint: "https://x.example/otlp"}`},
		"good for each signal":     {exporter: `{logs_endpoint: "https://x/v1/logs", metrics_endpoint: "https://x/custom?a=b", traces_endpoint: "https://x/v1/traces"}`},
		"IPv6":                     {exporter: `{endpoint: "http://[::1]:4318"}`},
		"a reference":              {exporter: `{endpoint: "${env:ENDPOINT}"}`},
		"not set":                  {exporter: `{}`},
		"empty":                    {exporter: ``},
		"no scheme":                {exporter: `{endpoint: "localhost:4318"}`, want: refuse + "exporters::otlp_http::endpoint: is localhost:4318 and has no scheme: write http://localhost:4318"},
		"no scheme, IPv6":          {exporter: `{endpoint: "[::1]:4318"}`, want: refuse + "exporters::otlp_http::endpoint: is [::1]:4318 and has no scheme"},
		"no scheme, a password":    {exporter: `{endpoint: "ann:pass@w@x:4318/a?token=t"}`, want: refuse + "exporters::otlp_http::endpoint: is x:4318/a and has no scheme: write http://x:4318/a, or"},
		"another scheme":           {exporter: `{endpoint: "grpc://x:4317"}`, want: refuse + "exporters::otlp_http::endpoint: has the scheme grpc"},
		"whole path":               {exporter: `{endpoint: "https://x/v1/logs"}`, want: refuse + "exporters::otlp_http::endpoint: ends in /v1/logs"},
		"whole path and slash":     {exporter: `{endpoint: "https://x/otlp/v1/traces/"}`, want: refuse + "exporters::otlp_http::endpoint: ends in /v1/traces"},
		"half a path":              {exporter: `{endpoint: "https://x/v1"}`, want: refuse + "exporters::otlp_http::endpoint: ends in /v1, but"},
		"port of gRPC":             {exporter: `{endpoint: "http://x:4317"}`, want: warn + "exporters::otlp_http::endpoint: has port 4317"},
		"two slashes":              {exporter: `{endpoint: "http://x//"}`, want: warn + "exporters::otlp_http::endpoint: ends in several slashes"},
		"signal without a path":    {exporter: `{logs_endpoint: "http://x:4318"}`, want: warn + "exporters::otlp_http::logs_endpoint: has no path"},
		"signal and a slash":       {exporter: `{logs_endpoint: "http://x/v1/logs/"}`, want: warn + "exporters::otlp_http::logs_endpoint: ends in a slash"},
		"path of another signal":   {exporter: `{logs_endpoint: "http://x/v1/traces"}`, want: warn + "exporters::otlp_http::logs_endpoint: ends in /v1/traces, which is for traces"},
		"signal without a scheme":  {exporter: `{logs_endpoint: "x/v1/logs"}`, want: refuse + "exporters::otlp_http::logs_endpoint: is x/v1/logs and has no scheme"},

		"gRPC":                       {id: "otlp", exporter: `{endpoint: "x:4317"}`},
		"gRPC with scheme":           {id: "otlp", exporter: `{endpoint: "https://x:4317"}`},
		"gRPC of a resolver":         {id: "otlp", exporter: `{endpoint: "dns:///x/y:4318"}`},
		"gRPC, a socket":             {id: "otlp", exporter: `{endpoint: "unix:/run/x.sock"}`},
		"gRPC with the port of HTTP": {id: "otlp", exporter: `{endpoint: "x:4318"}`, want: warn + "exporters::otlp::endpoint: has port 4318"},
		"gRPC with a path":           {id: "otlp_grpc", exporter: `{endpoint: "http://x:4317/v1/logs"}`, want: refuse + "exporters::otlp_grpc::endpoint: has the path /v1/logs"},

		"destination":                  {id: "tenant_routing", exporter: `{destinations: {a: {otlp_http: {endpoint: "http://x:4318"}}}}`},
		"destination of a variable":    {id: "tenant_routing", exporter: `{destinations: {a: {otlp_http: {endpoint: "{vars.url}"}}}}`},
		"destination, variable inside": {id: "tenant_routing", exporter: `{destinations: {a: {otlp_http: {endpoint: "https://{tenant}.x:{vars.port}/"}}}}`},
		"loki":                         {id: "tenant_routing", exporter: `{destinations: {a: {profile: loki, otlp_http: {endpoint: "http://x:3100"}}}}`},
		"loki with its own prefix": {
			id: "tenant_routing", exporter: `{destinations: {a: {profile: loki, otlp_http: {endpoint: "http://x:3100/otlp"}}}}`,
			want: warn + "exporters::tenant_routing::destinations::a::otlp_http::endpoint: ends in /otlp, and /otlp/v1/logs is added to it, so data is sent to /otlp/otlp/v1/logs",
		},
		"loki with the whole path": {
			id: "tenant_routing", exporter: `{destinations: {a: {profile: loki, otlp_http: {endpoint: "http://x:3100/otlp/v1/logs"}}}}`,
			want: refuse + "exporters::tenant_routing::destinations::a::otlp_http::endpoint: ends in /v1/logs",
		},
		"prometheus with its prefix": {
			id: "tenant_routing", exporter: `{destinations: {a: {profile: prometheus, otlp_http: {endpoint: "http://x:9090/api/v1/otlp/"}}}}`,
			want: warn + "exporters::tenant_routing::destinations::a::otlp_http::endpoint: ends in /api/v1/otlp",
		},
		"destination over gRPC": {
			id: "tenant_routing", exporter: `{destinations: {a: {otlp_grpc: {endpoint: "x:4318"}}}}`,
			want: warn + "exporters::tenant_routing::destinations::a::otlp_grpc::endpoint: has port 4318",
		},
		"an unknown profile is not checked": {id: "tenant_routing", exporter: `{destinations: {a: {profile: x, otlp_http: {endpoint: "x"}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			id := tt.id
			if id == "" {
				id = "otlp_http"
			}
			conf := parse(t, "exporters: {"+id+": "+tt.exporter+"}\nservice: {pipelines: {logs: {receivers: [x], exporters: ["+id+"]}}}")
			c := &checker{conf: conf, seen: make(map[Finding]bool), pipelines: []pipeline{{id: "logs", exporters: []string{id}}, {id: "traces", exporters: []string{id}}}}
			c.checkEndpoints()
			var got []string
			for _, f := range c.found {
				kind := warn
				if f.Refuse {
					kind = refuse
				}
				got = append(got, kind+f.String())
			}
			if tt.want == "" {
				assert.Empty(t, got)
				return
			}
			if assert.Len(t, got, 1) {
				assert.True(t, strings.HasPrefix(got[0], tt.want), got[0])
			}
		})
	}
}

func TestCheck_PortsOfReceivers(t *testing.T) {
	conf := parse(t, `
receivers:
  tenant_otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4318"}, http: {endpoint: "0.0.0.0:4317"}}}
  otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}, http: {endpoint: "0.0.0.0:4318"}}}
  pm2: {endpoint: "0.0.0.0:4317"}
`)
	c := &checker{conf: conf, seen: make(map[Finding]bool), pipelines: []pipeline{{receivers: []string{"tenant_otlp", "otlp", "pm2"}}}}
	c.checkEndpoints()
	var keys []string
	for _, f := range c.found {
		assert.False(t, f.Refuse)
		keys = append(keys, f.Key)
	}
	assert.Equal(t, []string{"receivers::tenant_otlp::protocols::grpc::endpoint", "receivers::tenant_otlp::protocols::http::endpoint"}, keys)
}
