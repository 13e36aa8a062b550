// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.uber.org/goleak"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// A start that fails because of the client leaves nothing of the server running,
// whether or not the extension is shut down after it.
func TestStart_ThatFailsLeavesNothingRunning(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Registry = &registryID
	cfg.Failures.Audit = FailureAuditConfig{Directory: filepath.Join(t.TempDir(), "audit"), MaxBytes: bytesize.MiB}
	cfg.KeyUse.File = filepath.Join(t.TempDir(), "key-use.json")
	cfg.Client = configoptional.Some(ClientConfig{KeyFile: filepath.Join(t.TempDir(), "missing")})
	before := goleak.IgnoreCurrent()
	ext, err := newExtension(nopSettings(), cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, ext.Shutdown(context.Background())) }()
	require.ErrorContains(t, ext.Start(t.Context(), tenanttest.Host{registryID: tenanttest.NewRegistry(t)}), "client::key_file")
	goleak.VerifyNone(t, before)
}
