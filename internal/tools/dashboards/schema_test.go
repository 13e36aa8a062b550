// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package dashboards

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/logs"
	"github.com/grafana/grafana-foundation-sdk/go/loki"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/tempo"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// problems returns the text of err. The SDK returns an error without a problem.
func problems(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestDashboards_AreOfGrafanasSchema decodes each dashboard with its panels and queries, and
// rejects unknown fields, wrong types and missing fields.
func TestDashboards_AreOfGrafanasSchema(t *testing.T) {
	runtime := cog.NewRuntime()
	runtime.RegisterPanelcfgVariant(logs.VariantConfig())
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(table.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	runtime.RegisterDataqueryVariant(loki.VariantConfig())
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	runtime.RegisterDataqueryVariant(tempo.VariantConfig())
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "distributions", "monitoring", "dashboards", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			var d dashboard.Dashboard
			assert.Empty(t, problems(d.UnmarshalJSONStrict(raw)))
			assert.Empty(t, problems(d.Validate()))
			assert.NotEmpty(t, d.Panels)
		})
	}
}
