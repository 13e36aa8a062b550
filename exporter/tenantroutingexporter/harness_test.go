// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"bufio"
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap/zaptest"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

var (
	registryID = component.MustNewID("tenant_registry")
	storageID  = component.MustNewID("file_storage")
)

// newLifecycleHost is the host of the generated tests.
func newLifecycleHost(tb testing.TB) component.Host {
	return tenanttest.Host{registryID: tenanttest.NewRegistry(tb, &tenant.Tenant{ID: "R1"})}
}

// parseConfig returns the configuration in text, validated.
func parseConfig(tb testing.TB, text string) *Config {
	tb.Helper()
	var raw map[string]any
	require.NoError(tb, yaml.Unmarshal([]byte(text), &raw))
	cfg := createDefaultConfig().(*Config)
	require.NoError(tb, confmap.NewFromStringMap(raw).Unmarshal(cfg))
	require.NoError(tb, confmap.Validate(cfg))
	return cfg
}

// gateway is a running exporter of all signals.
type gateway struct {
	tb       testing.TB
	registry *tenanttest.Registry
	tel      *componenttest.Telemetry
	logs     exporter.Logs
	metrics  exporter.Metrics
	traces   exporter.Traces
	stopped  bool
}

func startGateway(tb testing.TB, config string, registry *tenanttest.Registry) *gateway {
	tb.Helper()
	return startGatewayWith(tb, parseConfig(tb, config), tenanttest.Host{registryID: registry}, registry)
}

func startGatewayWith(tb testing.TB, cfg *Config, host tenanttest.Host, registry *tenanttest.Registry) *gateway {
	tb.Helper()
	g := &gateway{tb: tb, registry: registry, tel: componenttest.NewTelemetry()}
	set := exportertest.NewNopSettings(metadata.Type)
	set.ID = component.NewID(metadata.Type) // the default is a random one, which finds no queue again
	set.TelemetrySettings = g.tel.NewTelemetrySettings()
	set.TelemetrySettings.Logger = zaptest.NewLogger(tb)
	f := NewFactory()
	ctx := context.Background()
	var err error
	g.logs, err = f.CreateLogs(ctx, set, cfg)
	require.NoError(tb, err)
	g.metrics, err = f.CreateMetrics(ctx, set, cfg)
	require.NoError(tb, err)
	g.traces, err = f.CreateTraces(ctx, set, cfg)
	require.NoError(tb, err)
	for _, c := range []component.Component{g.logs, g.metrics, g.traces} {
		require.NoError(tb, c.Start(ctx, host))
	}
	tb.Cleanup(func() { g.stop() })
	return g
}

func (g *gateway) stop() {
	g.tb.Helper()
	if g.stopped {
		return
	}
	g.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, c := range []component.Component{g.logs, g.metrics, g.traces} {
		assert.NoError(g.tb, c.Shutdown(ctx))
	}
	assert.NoError(g.tb, g.tel.Shutdown(ctx))
}

// newStorage returns a started file_storage extension on directory.
func newStorage(tb testing.TB, directory string) extension.Extension {
	tb.Helper()
	f := filestorage.NewFactory()
	cfg := f.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory = directory
	ext, err := f.Create(context.Background(), extensiontest.NewNopSettings(f.Type()), cfg)
	require.NoError(tb, err)
	require.NoError(tb, ext.Start(context.Background(), componenttest.NewNopHost()))
	tb.Cleanup(func() { assert.NoError(tb, ext.Shutdown(context.Background())) })
	return ext
}

// logsOf returns one record per body, each in a resource of the given tenant.
func logsOf(id string, bodies ...string) plog.Logs {
	ld := plog.NewLogs()
	for _, body := range bodies {
		addLog(ld, id, body)
	}
	return ld
}

func addLog(ld plog.Logs, id, body string) {
	rl := ld.ResourceLogs().AppendEmpty()
	if id != "" {
		rl.Resource().Attributes().PutStr(tenant.AttributeKey, id)
	}
	rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr(body)
}

// archived returns the bodies of all records in an archive by tenant. It fails
// if a record lies in the folder of a tenant that its resource does not name.
func archived(tb testing.TB, directory string) map[string][]string {
	tb.Helper()
	out := make(map[string][]string)
	err := filepath.WalkDir(directory, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".jsonl") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(directory, path)
		if err != nil {
			return err
		}
		id := strings.TrimPrefix(strings.Split(relative, string(filepath.Separator))[0], "tenant=")
		lines := bufio.NewScanner(bytes.NewReader(data))
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(lines.Bytes())
			if err != nil {
				return err
			}
			for _, rl := range ld.ResourceLogs().All() {
				v, _ := rl.Resource().Attributes().Get(tenant.AttributeKey)
				assert.Equal(tb, id, v.Str(), "resource in the folder of another tenant")
				for _, sl := range rl.ScopeLogs().All() {
					for _, r := range sl.LogRecords().All() {
						out[id] = append(out[id], r.Body().Str())
					}
				}
			}
		}
		return lines.Err()
	})
	if !os.IsNotExist(err) {
		assert.NoError(tb, err)
	}
	return out
}

// sum returns the sum over all series of one of the exporter's own metrics whose
// attributes include attrs, given as "key=value".
func sum(tb testing.TB, tel *componenttest.Telemetry, name string, attrs ...string) int64 {
	tb.Helper()
	m, err := tel.GetMetric("otelcol_exporter_tenant_routing_" + name)
	if err != nil {
		return 0 // no series yet
	}
	var points []metricdata.DataPoint[int64]
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		points = data.DataPoints
	case metricdata.Gauge[int64]:
		points = data.DataPoints
	default:
		require.Failf(tb, "unexpected metric", "%s is a %T", name, m.Data)
	}
	var total int64
	for _, p := range points {
		matches := true
		for _, attr := range attrs {
			k, v, _ := strings.Cut(attr, "=")
			got, ok := p.Attributes.Value(attribute.Key(k))
			matches = matches && ok && got.AsString() == v
		}
		if matches {
			total += p.Value
		}
	}
	return total
}
