// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/confignet"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
)

func load(t *testing.T, file, key string) *Config {
	t.Helper()
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", file))
	require.NoError(t, err)
	sub, err := conf.Sub(key)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	return cfg
}

func TestConfig_Example(t *testing.T) {
	want := createDefaultConfig().(*Config)
	want.Direct = component.MustNewID("tenant_routing")
	auth := configauth.Config{AuthenticatorID: component.MustNewID("bearer_key_auth")}
	grpc, http := want.Protocols.GRPC.GetOrInsertDefault(), want.Protocols.HTTP.GetOrInsertDefault()
	grpc.NetAddr.Endpoint = "0.0.0.0:4317"
	grpc.MaxRecvMsgSizeMiB = 16
	grpc.Auth = configoptional.Some(auth)
	http.ServerConfig.NetAddr.Endpoint = "0.0.0.0:4318"
	http.ServerConfig.Auth = configoptional.Some(confighttp.AuthConfig{Config: auth})
	got := load(t, "config.yaml", "tenant_otlp")
	require.NoError(t, confmap.Validate(got))
	assert.Equal(t, want, got)
}

// TestConfig_AcceptsTheSettingsOfTheOTLPReceiver loads each example of the otlp receiver
// into both and compares what they understand.
func TestConfig_AcceptsTheSettingsOfTheOTLPReceiver(t *testing.T) {
	upstream := otlpreceiver.NewFactory().CreateDefaultConfig().(*otlpreceiver.Config)
	ours := createDefaultConfig().(*Config)
	for _, yaml := range []map[string]any{
		{"protocols": map[string]any{"grpc": nil, "http": nil}},
		{"protocols": map[string]any{
			"grpc": map[string]any{
				"endpoint": "1.2.3.4:1", "max_concurrent_streams": 16, "read_buffer_size": 1024, "include_metadata": true,
				"keepalive": map[string]any{"server_parameters": map[string]any{"max_connection_age": "1m"}},
			},
			"http": map[string]any{
				"endpoint": "[::]:2", "transport": "tcp6", "cors": map[string]any{"allowed_origins": []any{"https://a"}}, "traces_url_path": "t",
				"max_request_body_size": 5, "include_metadata": true, "compression_algorithms": []any{"gzip"}, "response_headers": map[string]any{"a": "b"},
			},
		}},
	} {
		require.NoError(t, confmap.NewFromStringMap(yaml).Unmarshal(upstream))
		require.NoError(t, confmap.NewFromStringMap(yaml).Unmarshal(ours))
		require.NoError(t, confmap.Validate(ours))
		upstreams, own := upstream.Protocols.HTTP.Get(), ours.Protocols.HTTP.Get()
		assert.Equal(t, upstreams.ServerConfig.NetAddr, own.ServerConfig.NetAddr)
		assert.Equal(t, upstreams.ServerConfig.CORS, own.ServerConfig.CORS)
		assert.Equal(t, upstreams.ServerConfig.CompressionAlgorithms, own.ServerConfig.CompressionAlgorithms)
		assert.Equal(t, upstreams.ServerConfig.ResponseHeaders, own.ServerConfig.ResponseHeaders)
		assert.Equal(t, upstreams.ServerConfig.KeepAlivesEnabled, own.ServerConfig.KeepAlivesEnabled)
		assert.Equal(t, string(upstreams.TracesURLPath), string(own.TracesURLPath))
		assert.Equal(t, string(upstreams.MetricsURLPath), string(own.MetricsURLPath))
		assert.Equal(t, string(upstreams.LogsURLPath), string(own.LogsURLPath))
		assert.Equal(t, upstream.Protocols.GRPC.Get().NetAddr, ours.Protocols.GRPC.Get().NetAddr)
		assert.Equal(t, upstream.Protocols.GRPC.Get().Keepalive.Get().EnforcementPolicy, ours.Protocols.GRPC.Get().Keepalive.Get().EnforcementPolicy)
	}
	assert.EqualValues(t, 16, ours.Protocols.GRPC.Get().MaxConcurrentStreams)
	assert.EqualValues(t, 5, ours.Protocols.HTTP.Get().ServerConfig.MaxRequestBodySize)
	keepalive := ours.Protocols.GRPC.Get().Keepalive.Get().ServerParameters.Get()
	assert.NotZero(t, keepalive.MaxConnectionIdle, "a default next to what is configured")
}

func TestConfig_DefaultsAreValid(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	cfg.Protocols.GRPC.GetOrInsertDefault()
	cfg.Protocols.HTTP.GetOrInsertDefault()
	require.NoError(t, confmap.Validate(cfg))
}

func TestConfig_ErrorsNameTheKey(t *testing.T) {
	for key, message := range map[string]string{
		"no_protocol":              `protocols: "protocols" is empty: set "grpc", "http" or both`,
		"empty_grpc_endpoint":      `protocols: "grpc::endpoint" is empty: set host and port, such as localhost:4317`,
		"empty_http_endpoint":      `protocols: "http::endpoint" is empty: set host and port, such as localhost:4317`,
		"empty_endpoints":          "protocols: \"grpc::endpoint\" is empty: set host and port, such as localhost:4317\n\"http::endpoint\" is empty: set host and port, such as localhost:4317",
		"no_port":                  `protocols: "grpc::endpoint" "0.0.0.0:" has no port: set host and port, such as localhost:4317`,
		"no_colon":                 `protocols: "http::endpoint" is not a host and port: address localhost: missing port in address`,
		"empty_path":               `protocols: "http::logs_url_path" is empty: set a path, such as /v1/traces, or remove it`,
		"same_path":                `protocols: "http::traces_url_path" and "http::logs_url_path" are both "/v1/traces": each signal needs a different path`,
		"direct_without_extension": `"direct" needs a request_guard extension, which has the limits of requests that are not decoded: set "guard" to its ID instead of built_in, or remove "direct"`,
		"negative_size":            "protocols::grpc: invalid max_recv_msg_size_mib value, must be between 1 and 8796093022207: -1",
	} {
		t.Run(key, func(t *testing.T) {
			assert.EqualError(t, confmap.Validate(load(t, "invalid.yaml", key)), message)
		})
	}
	cfg := load(t, "config.yaml", "tenant_otlp")
	assert.ErrorContains(t, confmap.NewFromStringMap(map[string]any{"guard": ""}).Unmarshal(cfg), "guard")
	cfg.Guard = component.ID{}
	assert.ErrorContains(t, confmap.Validate(cfg), `"guard" is empty`)
}

func TestConfig_AddressesThatAreFine(t *testing.T) {
	for _, addr := range []confignet.AddrConfig{
		{Transport: confignet.TransportTypeTCP, Endpoint: "[::]:4317"},
		{Transport: confignet.TransportTypeTCP, Endpoint: ":4317"},
		{Transport: confignet.TransportTypeTCP, Endpoint: "127.0.0.1:0"},
		{Transport: confignet.TransportTypeUnix, Endpoint: "/run/otlp.sock"},
	} {
		assert.NoError(t, validateAddress(addr), addr.Endpoint)
	}
}
