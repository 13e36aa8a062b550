// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package requestguardextension

import (
	"context"
	"math"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension/extensiontest"

	"github.com/otelcol-tenant/otelcol-tenant/extension/requestguardextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// The soft memory limit is one of the process: it is set once, by whom it concerns
// most, and set back.
func TestExtension_SetsTheMemoryLimit(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	auto := int64(math.MaxInt64)
	if limit, group := guard.MemoryLimit(); group {
		auto = limit / 4 * 3
	}
	for name, tt := range map[string]struct {
		limit        MemoryLimit
		environment  string
		before, want int64
	}{
		"a size":                  {"224MiB", "", math.MaxInt64, 224 << 20},
		"auto":                    {MemoryLimitAuto, "", math.MaxInt64, auto},
		"off":                     {MemoryLimitOff, "", math.MaxInt64, math.MaxInt64},
		"the environment":         {"224MiB", "300MiB", 300 << 20, 300 << 20},
		"another one was first":   {"224MiB", "", 100 << 20, 100 << 20},
		"environment before auto": {MemoryLimitAuto, "300MiB", 300 << 20, 300 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOMEMLIMIT", tt.environment)
			debug.SetMemoryLimit(tt.before)
			cfg := createDefaultConfig().(*Config)
			cfg.MemoryLimit = tt.limit
			require.NoError(t, confmap.Validate(cfg))
			ext, err := create(context.Background(), extensiontest.NewNopSettings(metadata.Type), cfg)
			require.NoError(t, err)
			require.NoError(t, ext.Start(context.Background(), tenanttest.Host{}))
			assert.Equal(t, tt.want, debug.SetMemoryLimit(-1))
			require.NoError(t, ext.Shutdown(context.Background()))
			assert.Equal(t, tt.before, debug.SetMemoryLimit(-1))
		})
	}
}
