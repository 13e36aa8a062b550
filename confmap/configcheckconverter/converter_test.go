// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package configcheckconverter

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

func TestConvert(t *testing.T) {
	pipelines := func(processors ...any) *confmap.Conf {
		return confmap.NewFromStringMap(map[string]any{
			"processors": map[string]any{"tenant": map[string]any{"source": "config"}},
			"service": map[string]any{"pipelines": map[string]any{"logs": map[string]any{
				"receivers": []any{"pm2"}, "processors": processors, "exporters": []any{"tenant_routing"},
			}}},
		})
	}
	c := NewFactory().Create(confmap.ConverterSettings{})
	good := pipelines("tenant")
	before := good.ToStringMap()
	require.NoError(t, c.Convert(context.Background(), good), "warnings are not for here")
	assert.Equal(t, before, good.ToStringMap())
	err := c.Convert(context.Background(), pipelines("tenant", "batch"))
	assert.ErrorContains(t, err, "service::pipelines::logs::processors: batch between tenant and tenant_routing")
	require.NoError(t, c.Convert(context.Background(), confmap.New()))
}
