// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pdatagen_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatagen"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Random bytes make valid requests, with records of every kind.
func TestRequest_IsValid(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	kinds := make(map[pmetric.MetricType]int)
	logs, spans, twice := 0, 0, 0
	for range 1000 {
		data := make([]byte, random.IntN(2000))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(pdatagen.New(data).Request(tenant.Logs))
		require.NoError(t, err)
		logs += ld.LogRecordCount()
		for _, rl := range ld.ResourceLogs().All() {
			keys := make(map[string]bool)
			for key := range rl.Resource().Attributes().All() {
				if keys[key] {
					twice++
				}
				keys[key] = true
			}
		}
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(pdatagen.New(data).Request(tenant.Traces))
		require.NoError(t, err)
		spans += td.SpanCount()
		md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(pdatagen.New(data).Request(tenant.Metrics))
		require.NoError(t, err)
		for _, rm := range md.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					kinds[m.Type()]++
				}
			}
		}
	}
	assert.Greater(t, logs, 300)
	assert.Greater(t, spans, 300)
	assert.Greater(t, twice, 30, "keys that occur twice")
	for _, k := range []pmetric.MetricType{
		pmetric.MetricTypeGauge, pmetric.MetricTypeSum, pmetric.MetricTypeHistogram, pmetric.MetricTypeExponentialHistogram, pmetric.MetricTypeSummary, pmetric.MetricTypeEmpty,
	} {
		assert.Greater(t, kinds[k], 30, k)
	}
	assert.Empty(t, pdatagen.New(nil).Request(tenant.Logs))
}
