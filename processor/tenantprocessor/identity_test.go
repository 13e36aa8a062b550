// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/telemetrytest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// Keys that the tests write into attribute lists and then rename to business_id
// in the JSON form, since pcommon.Map cannot hold a key twice.
var forgedKeys = []string{"forged_first", "forged_second", "forged_third"}

// forge makes m name other tenants, between other attributes.
func forge(m pcommon.Map) {
	m.PutStr("before", "kept")
	m.PutStr(forgedKeys[0], "tenant-b")
	m.PutStr("between", "kept")
	m.PutEmptySlice(forgedKeys[1]).AppendEmpty().SetStr("tenant-b")
	m.PutStr(forgedKeys[2], "tenant-a")
	m.PutInt("after", 1)
}

const (
	forgedWrong = 2 // of the three, the last is right
	genuine     = "tenant-a"
)

func renamed(raw []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	text := string(raw)
	for _, key := range forgedKeys {
		text = strings.ReplaceAll(text, key, "business_id")
	}
	return []byte(text)
}

// assertOneOwner walks the JSON form of processed data, which knows nothing of
// the processor's own walk, and checks every attribute list in it.
func assertOneOwner(t *testing.T, raw []byte, err error, wantLists int) {
	t.Helper()
	require.NoError(t, err)
	var document any
	require.NoError(t, json.Unmarshal(raw, &document))
	lists := 0
	var walk func(node any)
	walk = func(node any) {
		switch node := node.(type) {
		case []any:
			ids := 0
			for _, element := range node {
				walk(element)
				if kv, ok := element.(map[string]any); ok && kv["key"] == "business_id" {
					ids++
					assert.Equal(t, map[string]any{"stringValue": genuine}, kv["value"])
				}
			}
			if ids > 0 {
				lists++
				assert.Equal(t, 1, ids, "a list names its owner once")
			}
		case map[string]any:
			for _, value := range node {
				walk(value)
			}
		}
	}
	walk(document)
	assert.Equal(t, wantLists, lists, "attribute lists that name an owner")
	assert.NotContains(t, string(raw), "tenant-b")
	assert.Equal(t, wantLists, strings.Count(string(raw), `"before"`), "other attributes are kept")
}

func assertOverwritten(t *testing.T, telemetry *componenttest.Telemetry, resource, scope, record int64) {
	t.Helper()
	telemetrytest.AssertCounted(t, telemetry, "otelcol_processor_tenant_overwritten_attributes", []metricdata.DataPoint[int64]{
		{Value: resource, Attributes: attribute.NewSet(attribute.String("location", "resource"))},
		{Value: scope, Attributes: attribute.NewSet(attribute.String("location", "scope"))},
		{Value: record, Attributes: attribute.NewSet(attribute.String("location", "record"))},
	}, metricdatatest.IgnoreTimestamp())
}

func TestIdentity_OfLogsIsTheTenantsEverywhere(t *testing.T) {
	ld := plog.NewLogs()
	resource := ld.ResourceLogs().AppendEmpty()
	forge(resource.Resource().Attributes())
	scope := resource.ScopeLogs().AppendEmpty()
	forge(scope.Scope().Attributes())
	for range 3 {
		forge(scope.LogRecords().AppendEmpty().Attributes())
	}
	forgedLogs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(renamed((&plog.JSONMarshaler{}).MarshalLogs(ld)))
	require.NoError(t, err)
	require.Equal(t, 6, forgedLogs.ResourceLogs().At(0).Resource().Attributes().Len(), "the test data has the key thrice")

	p, telemetry := started(t, authConfig(), tenant.Logs, bareRegistry(t))
	got, err := p.processLogs(caller(genuine, tenant.Logs), forgedLogs)
	require.NoError(t, err)
	raw, err := (&plog.JSONMarshaler{}).MarshalLogs(got)
	assertOneOwner(t, raw, err, 5)
	assertOverwritten(t, telemetry, forgedWrong, forgedWrong, 3*forgedWrong)
}

func TestIdentity_OfTracesIsTheTenantsEverywhere(t *testing.T) {
	td := ptrace.NewTraces()
	resource := td.ResourceSpans().AppendEmpty()
	forge(resource.Resource().Attributes())
	scope := resource.ScopeSpans().AppendEmpty()
	forge(scope.Scope().Attributes())
	span := scope.Spans().AppendEmpty()
	forge(span.Attributes())
	forge(span.Events().AppendEmpty().Attributes())
	forge(span.Links().AppendEmpty().Attributes())
	forgedTraces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(renamed((&ptrace.JSONMarshaler{}).MarshalTraces(td)))
	require.NoError(t, err)

	p, telemetry := started(t, authConfig(), tenant.Traces, bareRegistry(t))
	got, err := p.processTraces(caller(genuine, tenant.Traces), forgedTraces)
	require.NoError(t, err)
	raw, err := (&ptrace.JSONMarshaler{}).MarshalTraces(got)
	assertOneOwner(t, raw, err, 5)
	assertOverwritten(t, telemetry, forgedWrong, forgedWrong, 3*forgedWrong)
}

func TestIdentity_OfMetricsIsTheTenantsEverywhere(t *testing.T) {
	md := pmetric.NewMetrics()
	resource := md.ResourceMetrics().AppendEmpty()
	forge(resource.Resource().Attributes())
	scope := resource.ScopeMetrics().AppendEmpty()
	forge(scope.Scope().Attributes())
	metric := func() pmetric.Metric {
		m := scope.Metrics().AppendEmpty()
		m.SetName("m")
		forge(m.Metadata())
		return m
	}
	gauge := metric().SetEmptyGauge().DataPoints().AppendEmpty()
	forge(gauge.Attributes())
	forge(gauge.Exemplars().AppendEmpty().FilteredAttributes())
	sum := metric().SetEmptySum().DataPoints().AppendEmpty()
	forge(sum.Attributes())
	forge(sum.Exemplars().AppendEmpty().FilteredAttributes())
	histogram := metric().SetEmptyHistogram().DataPoints().AppendEmpty()
	forge(histogram.Attributes())
	forge(histogram.Exemplars().AppendEmpty().FilteredAttributes())
	exponential := metric().SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
	forge(exponential.Attributes())
	forge(exponential.Exemplars().AppendEmpty().FilteredAttributes())
	forge(metric().SetEmptySummary().DataPoints().AppendEmpty().Attributes())
	metric() // of no type
	forgedMetrics, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(renamed((&pmetric.JSONMarshaler{}).MarshalMetrics(md)))
	require.NoError(t, err)

	p, telemetry := started(t, authConfig(), tenant.Metrics, bareRegistry(t))
	got, err := p.processMetrics(caller(genuine, tenant.Metrics), forgedMetrics)
	require.NoError(t, err)
	raw, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(got)
	const records = 5 + 4 + 6 // points, exemplars, metrics' metadata
	assertOneOwner(t, raw, err, 2+records)
	assertOverwritten(t, telemetry, forgedWrong, forgedWrong, records*forgedWrong)
}

func TestIdentity_OverwritesValuesOfEveryType(t *testing.T) {
	for name, set := range map[string]func(pcommon.Value){
		"empty":        func(pcommon.Value) {},
		"empty string": func(v pcommon.Value) { v.SetStr("") },
		"other tenant": func(v pcommon.Value) { v.SetStr("tenant-b") },
		"other case":   func(v pcommon.Value) { v.SetStr("Tenant-A") },
		"with a NUL":   func(v pcommon.Value) { v.SetStr("tenant-a\x00") },
		"look-alike":   func(v pcommon.Value) { v.SetStr("tenаnt-a") }, // the third vowel is Cyrillic
		"bool":         func(v pcommon.Value) { v.SetBool(true) },
		"int":          func(v pcommon.Value) { v.SetInt(1) },
		"double":       func(v pcommon.Value) { v.SetDouble(1.5) },
		"bytes":        func(v pcommon.Value) { v.SetEmptyBytes().FromRaw([]byte("tenant-a")) },
		"slice":        func(v pcommon.Value) { v.SetEmptySlice().AppendEmpty().SetStr("tenant-a") },
		"map":          func(v pcommon.Value) { v.SetEmptyMap().PutStr("business_id", "tenant-a") },
	} {
		t.Run(name, func(t *testing.T) {
			ld := oneLog()
			set(ld.ResourceLogs().At(0).ScopeLogs().At(0).Scope().Attributes().PutEmpty("business_id"))
			n := (&stamp.Stamper{}).Logs(ld, &stamp.Owner{Identity: stamp.Attribute{Key: "business_id", Value: "tenant-a"}})
			assert.Equal(t, stamp.Overwritten{Scope: 1}, n.Overwritten)
			assert.Equal(t, map[string]any{"business_id": "tenant-a"}, ld.ResourceLogs().At(0).ScopeLogs().At(0).Scope().Attributes().AsRaw())
		})
	}
}

// In Prometheus, Mimir and Loki these become the label business_id, or make it
// read "tenant-a;tenant-b".
func TestIdentity_LookAlikesOfTheAttributeAreRemoved(t *testing.T) {
	p, telemetry := started(t, authConfig(), tenant.Logs, bareRegistry(t))
	ld := oneLog()
	lists := []pcommon.Map{
		ld.ResourceLogs().At(0).Resource().Attributes(),
		ld.ResourceLogs().At(0).ScopeLogs().At(0).Scope().Attributes(),
		ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes(),
	}
	lookAlikes := []string{"business.id", "business-id", "business id", "business/id", "business__id", "business._id", "business\u00b7id", "business\x00id", "business\xffid"}
	others := map[string]any{"business": "kept", "businessid": "kept", "business_ids": "kept", "my.business.id": "kept", "Business.id": "kept", "business.i.d": "kept", "business_x_id": "kept", "_business_id": "kept", "b": "kept", "": "kept"}
	for _, m := range lists {
		for _, key := range lookAlikes {
			m.PutStr(key, "tenant-b")
		}
		for key := range others {
			m.PutStr(key, "kept")
		}
	}
	_, err := p.processLogs(caller(genuine, tenant.Logs), ld)
	require.NoError(t, err)
	assert.Equal(t, others, lists[1].AsRaw())
	assert.Equal(t, others, lists[2].AsRaw())
	others["business_id"] = genuine
	assert.Equal(t, others, lists[0].AsRaw())
	n := int64(len(lookAlikes))
	assertOverwritten(t, telemetry, n, n, n)
}

func TestIdentity_RightValuesAreNotCounted(t *testing.T) {
	p, telemetry := started(t, authConfig(), tenant.Logs, bareRegistry(t))
	ld := oneLog()
	ld.ResourceLogs().At(0).Resource().Attributes().PutStr("business_id", genuine)
	_, err := p.processLogs(caller(genuine, tenant.Logs), ld)
	require.NoError(t, err)
	telemetrytest.AssertCounted(t, telemetry, "otelcol_processor_tenant_overwritten_attributes", nil)
}

func TestIdentity_IsInTheConfiguredAttribute(t *testing.T) {
	cfg := edgeConfig()
	cfg.Attribute = "tenant.id"
	p, _ := started(t, cfg, tenant.Logs, nil)
	ld := oneLog()
	ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().PutStr("tenant.id", "tenant-b")
	_, err := p.processLogs(context.Background(), ld)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"tenant.id": "tenant-a"}, ld.ResourceLogs().At(0).Resource().Attributes().AsRaw())
	assert.Equal(t, map[string]any{"tenant.id": "tenant-a"}, ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().AsRaw())
}

func TestIdentity_WinsOverTheTenantsOwnAttributes(t *testing.T) {
	p, _ := started(t, authConfig(), tenant.Logs, testRegistry(t))
	ld := oneLog()
	ld.ResourceLogs().At(0).Resource().Attributes().PutStr("plan", "forged")
	_, err := p.processLogs(caller("tenant-a", tenant.Logs), ld)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"business_id": "tenant-a", "plan": "enterprise"},
		ld.ResourceLogs().At(0).Resource().Attributes().AsRaw())
}

func bareRegistry(tb testing.TB) *tenanttest.Registry {
	tb.Helper()
	return tenanttest.NewRegistry(tb, &tenant.Tenant{ID: genuine})
}
