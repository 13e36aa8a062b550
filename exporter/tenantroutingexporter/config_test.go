// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/backend"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
)

func loadConfig(t *testing.T, name string) *Config {
	t.Helper()
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	sub, err := conf.Sub(name)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	return cfg
}

func TestConfig_Full(t *testing.T) {
	http := func(change func(*OTLPHTTPConfig)) configoptional.Optional[OTLPHTTPConfig] {
		c := OTLPHTTPConfig{ClientConfig: confighttp.NewDefaultClientConfig(), Encoding: backend.EncodingProto}
		c.ClientConfig.Timeout = 10 * time.Second
		c.ClientConfig.MaxIdleConns, c.ClientConfig.MaxIdleConnsPerHost = 4096, 64
		change(&c)
		return configoptional.Some(c)
	}
	grpc := OTLPGRPCConfig{ClientConfig: GRPCClientConfig(configgrpc.NewDefaultClientConfig()), Timeout: 10 * time.Second}
	grpc.ClientConfig.Endpoint, grpc.ClientConfig.TLS.Insecure = "{vars.signoz_endpoint}", true
	want := &Config{
		Registry:  component.MustNewID("tenant_registry"),
		Attribute: "business_id", MaxTenants: 100,
		Storage: &storageID,
		Destinations: map[string]DestinationConfig{
			"local":  {Archive: configoptional.Some(ArchiveConfig{Directory: "./data", MaxFileBytes: 64 * bytesize.MiB, MaxOpenFiles: 256, Compression: backend.ArchiveCompressionNone})},
			"loki":   {Profile: "loki", OTLPHTTP: http(func(c *OTLPHTTPConfig) { c.ClientConfig.Endpoint = "http://loki:3100" })},
			"signoz": {Profile: "signoz", AllowPrivateEndpoints: []string{"10.20.0.0/16"}, OTLPGRPC: configoptional.Some(grpc)},
			"other": {OTLPHTTP: http(func(c *OTLPHTTPConfig) {
				c.LogsEndpoint, c.Encoding = "https://logs.example/v1/logs", backend.EncodingJSON
				c.ClientConfig.Headers.Set("X-Tenant", configopaque.String("{tenant}"))
			})},
			"oneuptime": {Profile: "oneuptime", OTLPHTTP: http(func(c *OTLPHTTPConfig) { c.ClientConfig.Endpoint = "{vars.oneuptime_endpoint}" })},
		},
		References: ReferencesConfig{Directories: []string{"/etc/otelcol-tenant/secrets"}, EnvPrefixes: []string{"OTELCOL_TENANT_SECRET_"}},
		Routes:     RoutesConfig{Logs: []string{"local", "loki"}, Metrics: []string{"local"}, Traces: []string{"local"}},
		Lane: LaneConfig{
			MaxBytes: 64 * bytesize.MiB, MaxAge: 12 * time.Hour, Concurrency: 4,
			Batch: BatchConfig{MaxBytes: 2 * bytesize.MiB, Timeout: 100 * time.Millisecond},
		},
		Retry:           RetryConfig{InitialInterval: 2 * time.Second, MaxInterval: time.Minute},
		CircuitBreaker:  CircuitBreakerConfig{Failures: 3, Open: 20 * time.Second},
		MaxTotalBytes:   4 * bytesize.GiB,
		MaxMemoryBytes:  256 * bytesize.MiB,
		StorageReserve:  128 * bytesize.MiB,
		Delta:           DeltaConfig{GatewayAttribute: "otelcol.gateway", GatewayID: "gateway-1", MaxFuture: 2 * time.Minute, MaxSeries: 500_000},
		ShutdownTimeout: 5 * time.Second,
		DeadLetter:      configoptional.Some(DeadLetterConfig{Directory: "./dead-letters", MaxBytes: 32 * bytesize.MiB}),
		Metrics:         MetricsConfig{Tenant: true},
	}
	got := loadConfig(t, "tenant_routing")
	for name, d := range got.Destinations { // what is not set holds defaults that nothing reads
		if !d.Archive.HasValue() {
			d.Archive = configoptional.None[ArchiveConfig]()
		}
		if !d.OTLPHTTP.HasValue() {
			d.OTLPHTTP = configoptional.None[OTLPHTTPConfig]()
		}
		if !d.OTLPGRPC.HasValue() {
			d.OTLPGRPC = configoptional.None[OTLPGRPCConfig]()
		}
		got.Destinations[name] = d
	}
	assert.Equal(t, want, got)
}

func TestConfig_Minimal(t *testing.T) {
	got := loadConfig(t, "tenant_routing/minimal")
	require.Len(t, got.Destinations, 1)
	got.Destinations = nil
	want := createDefaultConfig().(*Config)
	want.Registry = component.MustNewID("tenant_registry")
	assert.Equal(t, want, got)
}

func TestConfig_Invalid(t *testing.T) {
	want := map[string]string{
		"no registry":                     `"registry" must name the tenant_registry extension, or "routes" the destinations of all tenants`,
		"max_tenants":                     `"max_tenants" must be positive`,
		"migrate_queues without storage":  `"migrate_queues" needs "storage"`,
		"migrate_queues of this exporter": `"migrate_queues" names "tenant_routing/old", which has no sending queue`,
		"no registry and no routes":       `"registry" must name the tenant_registry extension, or "routes" the destinations of all tenants`,

		"no registry and an unknown route":     `"routes::traces" names "nowhere", which is not under "destinations"`,
		"no registry and a variable":           `"destinations::d" cannot be used without a "registry": endpoint: `,
		"no registry and a profile's variable": `"destinations::d" cannot be used without a "registry": headers::x-oneuptime-token: `,

		"no destinations":                `"destinations" must name at least one destination`,
		"attribute":                      `"attribute" must not be empty`,
		"attribute with separator first": `"attribute" must begin with a letter, end with a letter or digit, and have no more than one other character in a row`,
		"attribute with separator last":  `"attribute" must begin with a letter, end with a letter or digit, and have no more than one other character in a row`,
		"attribute with two separators":  `"attribute" must begin with a letter, end with a letter or digit, and have no more than one other character in a row`,
		"attribute with digit first":     `"attribute" must begin with a letter, end with a letter or digit, and have no more than one other character in a row`,
		"attribute of other letters":     `"attribute" must begin with a letter, end with a letter or digit, and have no more than one other character in a row`,
		"attribute with prefix":          `"attribute" must not begin with "key" and a character other than a letter or digit`,
		"lane max_bytes":                 `"lane::max_bytes" must be positive`,
		"lane max_bytes below a request": `"lane::max_bytes" must be more than 640`,
		"lane max_age":                   `"lane::max_age" must be at least 1ms, got 0s`,
		"lane batch max_bytes":           `"lane::batch::max_bytes" must be positive`,
		"batch larger than lane":         `"lane::batch::max_bytes" must not be more than "lane::max_bytes"`,
		"lane batch timeout":             `"lane::batch::timeout" must be at least 1ms, got -1s`,
		"lane max_age without a unit":    `"lane::max_age" must be at least 1ms, got 24ns`,
		"http timeout":                   `"destinations::d::otlp_http": timeout: must not be negative`,
		"archive directory once more":    `"destinations::e::archive::directory" is also that of "d"`,
		"references folder":              `"references::directories" must be absolute paths below "/", got "secrets"`,
		"references everything":          `"references::directories" must be absolute paths below "/", got "/"`,
		"references every variable":      `"references::env_prefixes" must not have an empty prefix`,
		"private name":                   `"allow_private_endpoints": "localhost" is neither a network such as 10.0.0.0/8 nor an address`,
		"private host bits":              `"destinations::d::allow_private_endpoints": "10.0.0.1/8" is not the first address of its network, want 10.0.0.0/8`,
		"gateway_id":                     `"delta_to_cumulative::gateway_id" must be 1 to 150 letters, digits and !_.*'()-, got "a b"`,
		"gateway_id of nothing":          `"delta_to_cumulative::gateway_id" has no use without "delta_to_cumulative::gateway_attribute"`,
		"max_future":                     `"delta_to_cumulative::max_future" must be at least 1ms, got 0s`,
		"max_series":                     `"delta_to_cumulative::max_series" must be positive`,
		"lane concurrency":               `"lane::concurrency" must be positive`,
		"retry initial_interval":         `"retry::initial_interval" must be at least 1ms, got 0s`,
		"retry max_interval":             `"retry::max_interval" must not be less`,
		"circuit_breaker failures":       `"circuit_breaker::failures" must be positive`,
		"circuit_breaker open":           `"circuit_breaker::open" must be at least 1ms, got 0s`,
		"max_total_bytes":                `"max_total_bytes" must not be less than "lane::max_bytes"`,
		"max_memory_bytes":               `"max_memory_bytes" must not be negative`,
		"storage_reserve":                `"storage_reserve" must not be negative`,
		"shutdown_timeout":               `"shutdown_timeout" must be at least 1ms, got 0s`,
		"dead_letter directory":          `"dead_letter::directory" must be set`,
		"dead_letter max_bytes":          `"dead_letter::max_bytes" must be positive`,
		"unknown route":                  `"routes::logs" names "nowhere"`,
		"destination name":               `"destinations" has the name "a/b"`,
		"no kind":                        `"destinations::d": needs exactly one of archive, otlp_http and otlp_grpc`,
		"two kinds":                      `"destinations::d": needs exactly one`,
		"unknown profile":                `"destinations::d::profile": unknown profile "lokki", want one of cortex, jaeger, loki`,
		"max_batch_bytes":                `"destinations::d::max_batch_bytes": must not be negative`,
		"archive directory":              `"destinations::d::archive": directory: must be set`,
		"archive directory twice":        `"destinations::e::archive::directory" is also that of "d"`,
		"archive directory template":     `directory: {nobody} is not known: only {tenant} and {vars.<name>} are`,
		"archive max_file_bytes":         `max_file_bytes: must be positive`,
		"archive max_open_files":         `max_open_files: must be positive`,
		"archive compression":            `compression: must be none or zstd`,
		"http without endpoint":          `"destinations::d::otlp_http": needs "endpoint"`,
		"http endpoint":                  `endpoint: must begin with "http://"`,
		"http endpoint template":         `endpoint: {host} is not known`,
		"http logs_endpoint":             `logs_endpoint: must begin with "http://"`,
		"http header template":           `headers::X-A: {env.HOME} is not known`,
		"http header name":               `headers: "X A" is not a header name`,
		"http tls template":              `tls::ca_file: {y} is not known`,
		"http encoding":                  `encoding: must be proto or json`,
		"profile encoding":               `encoding: victoriametrics takes protobuf only`,
		"archive delta_to_cumulative":    `"destinations::d::delta_to_cumulative": is not for an archive`,
		"profile compression":            `compression: prometheus does not support "zstd"`,
		"profile over grpc":              `profile oneuptime must not be used over gRPC: it answers success to a bad token`,
		"grpc without endpoint":          `"destinations::d::otlp_grpc": endpoint: must be set`,
		"grpc endpoint":                  `endpoint: needs a port`,
		"grpc timeout":                   `timeout: must be positive`,
		"grpc balancer":                  `invalid balancer_name: nope`,
		"grpc balancer with a template":  `invalid balancer_name: nope`,
	}
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "invalid.yaml"))
	require.NoError(t, err)
	for name, message := range want {
		t.Run(name, func(t *testing.T) {
			sub, err := conf.Sub(name)
			require.NoError(t, err)
			cfg := createDefaultConfig().(*Config)
			err = sub.Unmarshal(cfg)
			if err == nil {
				err = confmap.Validate(cfg)
			}
			assert.ErrorContains(t, err, message)
		})
	}
	assert.Len(t, conf.ToStringMap(), len(want), "every case has a message")
}

func TestREADME_ShowsTheTestedExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	example, err := os.ReadFile(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	full, _, _ := strings.Cut(string(example), "\ntenant_routing/minimal")
	assert.Contains(t, string(readme), "```yaml\n"+full+"```")
}
