// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// TestJSSDK_OddNumbers makes the JavaScript SDK send numbers that JSON cannot represent.
// Each becomes null, or an integer of more than 64 bits. No other data is lost.
func TestJSSDK_OddNumbers(t *testing.T) {
	t.Parallel()
	dir := nodeProject(t)
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "shop")
	g := startGateway(t, reg)
	_, key := reg.key("shop")
	g.awaitKey(key)
	program(t, dir, sdkEnv("odd", map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + g.http, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
		"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer " + key,
	}), "node", filepath.Join("sdk", "odd.cjs"))

	s := &service{name: "odd", tenant: "shop", resources: map[string]pcommon.Map{}, scopes: map[string]int{}, metrics: map[string]pmetric.Metric{}}
	reader := archive.NewReader(g.data)
	require.Eventually(t, func() bool {
		require.NoError(t, reader.Poll(s.handler(t)))
		return len(s.spans) >= 1 && len(s.logs) >= 17 && len(s.metrics) >= 2
	}, 20*time.Second, 50*time.Millisecond, "%d spans, %d log records, %d metrics", len(s.spans), len(s.logs), len(s.metrics))

	want := map[string]any{
		"nan": nil, "infinite": nil, "minus": nil, "large": math.MaxFloat64, "integer": math.Pow(2, 63), "small": math.SmallestNonzeroFloat64, "fine": 1.5,
	}
	seen := 0
	for _, record := range s.logs {
		value, ok := want[record.Body().AsString()]
		if !ok {
			continue
		}
		seen++
		attributes := record.Attributes().AsRaw()
		assert.Equal(t, map[string]any{"value": value, "list": []any{int64(1), value}, "map": map[string]any{"value": value}}, attributes, record.Body().AsString())
	}
	assert.Equal(t, len(want), seen)
	require.Len(t, s.spans, 1)
	assert.Equal(t, want, s.spans[0].Attributes().AsRaw())
	require.Equal(t, 1, s.spans[0].Events().Len())
	assert.Equal(t, want, s.spans[0].Events().At(0).Attributes().AsRaw())
	assert.Equal(t, want, s.metrics["shop.ratio"].Histogram().DataPoints().At(0).Attributes().AsRaw())
	g.stop()
}
