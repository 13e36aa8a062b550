// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package requestguardextension

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
)

var registryID = component.MustNewID("tenant_registry")

func TestConfig_OfTheReadme(t *testing.T) {
	all, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	sub, err := all.Sub("request_guard")
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	assert.Equal(t, &Config{
		Registry: &registryID, Memory: 128 * bytesize.MiB, MaxRequests: 2000,
		Tenant:   TenantConfig{Memory: 48 * bytesize.MiB, MaxRequests: 200},
		MaxDepth: 32, MaxElements: 500_000,
		Upload: UploadConfig{MinRate: 16 * bytesize.KiB, Window: 5 * time.Second},
		Connections: ConnectionsConfig{
			Max: 5000, MaxPerSource: 500, Exempt: []string{"127.0.0.0/8", "10.0.0.0/8", "fd00::/8"}, FirstRequestTimeout: 20 * time.Second,
		},
		Throttle:    ThrottleConfig{AboveCPUPercent: 75, LargeRequest: bytesize.MiB},
		MemoryLimit: MemoryLimitOff,
		HeapFloor:   "96MiB",
	}, cfg)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	example, err := os.ReadFile(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	assert.Contains(t, string(readme), string(example))
}

func TestConfig_DefaultsAreValid(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.Validate(cfg))
	set, err := cfg.settings()
	require.NoError(t, err)
	assert.Nil(t, set.Connections.Exempt, "the guard's default")
	assert.Equal(t, guard.DefaultThrottleAbove(), set.ThrottleAbove)
	cfg.Throttle.AboveCPUPercent = 0
	set, err = cfg.settings()
	require.NoError(t, err)
	assert.Negative(t, set.ThrottleAbove, "never")
	cfg.Connections.Exempt = []string{}
	set, err = cfg.settings()
	require.NoError(t, err)
	assert.NotNil(t, set.Connections.Exempt)
	assert.Empty(t, set.Connections.Exempt)
}

func TestConfig_ErrorNamesTheKey(t *testing.T) {
	for want, change := range map[string]func(*Config){
		`"memory" must be at least 8MiB, got 1MiB`:                            func(c *Config) { c.Memory = bytesize.MiB },
		`"max_requests" must be positive, got 0`:                              func(c *Config) { c.MaxRequests = 0 },
		`"max_depth" must be positive, got -1`:                                func(c *Config) { c.MaxDepth = -1 },
		`"max_elements" must be positive, got 0`:                              func(c *Config) { c.MaxElements = 0 },
		`"tenant::memory" must be at most "memory", got 65MiB and 64MiB`:      func(c *Config) { c.Memory, c.Tenant.Memory = 64*bytesize.MiB, 65*bytesize.MiB },
		`"tenant::max_requests" must be at most "max_requests"`:               func(c *Config) { c.Tenant.MaxRequests = 5000 },
		`tenant: "max_requests" must not be negative, got -1`:                 func(c *Config) { c.Tenant.MaxRequests = -1 },
		`upload: "window" must be at least 1s, got 0s`:                        func(c *Config) { c.Upload.Window = 0 },
		`connections: "max" must not be negative, got -1`:                     func(c *Config) { c.Connections.Max = -1 },
		`"max_per_source" must not be negative, got -2`:                       func(c *Config) { c.Connections.MaxPerSource = -2 },
		`"first_request_timeout" must be at least 1s, got 1ms`:                func(c *Config) { c.Connections.FirstRequestTimeout = time.Millisecond },
		`"exempt[1]" is not a network such as 10.0.0.0/8: "localhost"`:        func(c *Config) { c.Connections.Exempt = []string{"10.0.0.0/8", "localhost"} },
		`throttle: "above_cpu_percent" must be 0 to 100, got 101`:             func(c *Config) { c.Throttle.AboveCPUPercent = 101 },
		`throttle: "large_request" must be at least 16KiB, got 1KiB`:          func(c *Config) { c.Throttle.LargeRequest = bytesize.KiB },
		`"memory_limit" must be auto, off or a size such as 224MiB, got "on"`: func(c *Config) { c.MemoryLimit = "on" },
		`"memory_limit" must be auto, off or a size such as 224MiB, got "0"`:  func(c *Config) { c.MemoryLimit = "0" },
		`"memory_limit" must be auto, off or a size such as 224MiB, got ""`:   func(c *Config) { c.MemoryLimit = "" },
		`"memory_limit" must be at least 64MiB, got 63MiB`:                    func(c *Config) { c.MemoryLimit = "63MiB" },
		`"heap_floor" must be auto, off or a size such as 64MiB, got "on"`:    func(c *Config) { c.HeapFloor = "on" },
		`"heap_floor" must be auto, off or a size such as 64MiB, got "0"`:     func(c *Config) { c.HeapFloor = "0" },
		`"heap_floor" must be auto, off or a size such as 64MiB, got ""`:      func(c *Config) { c.HeapFloor = "" },
		`"heap_floor" must be auto, off or a size such as 64MiB, got "-1MiB"`: func(c *Config) { c.HeapFloor = "-1MiB" },
		`"heap_floor" must be 16MiB to 1GiB, got 15MiB`:                       func(c *Config) { c.HeapFloor = "15MiB" },
		`"heap_floor" must be at most half of "memory_limit", got 113MiB`:     func(c *Config) { c.MemoryLimit, c.HeapFloor = "224MiB", "113MiB" },
		`"heap_floor" must be 16MiB to 1GiB, got 2GiB`:                        func(c *Config) { c.HeapFloor = "2GiB" },
	} {
		cfg := createDefaultConfig().(*Config)
		change(cfg)
		assert.ErrorContains(t, confmap.Validate(cfg), want)
	}
}

// documented returns the metadata, whose lists of reasons are for readers.
func documented(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("metadata.yaml")
	require.NoError(t, err)
	return string(raw)
}
