// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pipeline"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// pipelinesHost is a host that knows its exporters, as the collector's does.
type pipelinesHost struct {
	tenanttest.Host
	exporters map[pipeline.Signal]map[component.ID]component.Component
}

func (h pipelinesHost) GetExporters() map[pipeline.Signal]map[component.ID]component.Component {
	return h.exporters
}

func TestOrphanedQueues_AreLoggedAtTheStart(t *testing.T) {
	dir := t.TempDir()
	st := newStorage(t, dir)
	requests, _ := numbered(1, 1)
	fillQueue(t, st, requests...)
	for _, name := range []string{
		"exporter_otlp_http_gateway_traces", "exporter_otlphttp__metrics", "exporter_otlp_http_used_logs", // queues
		"exporter_tenant_routing__logs", "receiver_pm2_", "exporter_otlp_http__other", "exporter_loki__logs", // other files
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "exporter_otlp_http_folder_logs"), 0o700))
	host := pipelinesHost{tenanttest.Host{storageID: st}, map[pipeline.Signal]map[component.ID]component.Component{
		pipeline.SignalLogs: {component.MustNewIDWithName("otlp_http", "used"): nil},
	}}
	const (
		none  = "migrate_queues: []"
		all   = "migrate_queues: [otlp_http, otlp_http/gateway, otlphttp]"
		ofOne = "migrate_queues: [otlp_http]"
	)
	for migrate, want := range map[string][]any{
		none:  {"exporter_otlp_http__logs", "exporter_otlp_http_gateway_traces", "exporter_otlphttp__metrics"},
		ofOne: {"exporter_otlp_http_gateway_traces", "exporter_otlphttp__metrics"},
		all:   nil,
	} {
		t.Run(migrate, func(t *testing.T) {
			core, logs := observer.New(zap.WarnLevel)
			set := exportertest.NewNopSettings(metadata.Type)
			set.Logger = zap.New(core)
			cfg := parseConfig(t, `
storage: file_storage
`+migrate+`
destinations: {gateway: {otlp_http: {endpoint: "http://127.0.0.1:1"}}}
routes: {logs: [gateway]}
`)
			r := &router{cfg: cfg, set: set, stateDir: dir}
			r.warnOfOrphanedQueues(host)
			if want == nil {
				assert.Zero(t, logs.Len())
				return
			}
			require.Equal(t, 1, logs.Len())
			entry := logs.All()[0]
			assert.Contains(t, entry.Message, `under "migrate_queues"`)
			assert.Equal(t, map[string]any{"directory": dir, "files": want}, entry.ContextMap())
		})
	}
}
