// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// FuzzIdentity takes any bytes that are OTLP and looks at the result with the
// eyes of a JSON reader. It may be another tenant's only inside of content: log
// bodies and values of other attributes.
func FuzzIdentity(f *testing.F) {
	ld, td, md := plog.NewLogs(), ptrace.NewTraces(), pmetric.NewMetrics()
	resource := ld.ResourceLogs().AppendEmpty()
	forge(resource.Resource().Attributes())
	forge(resource.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Attributes())
	span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	forge(span.Links().AppendEmpty().Attributes())
	forge(span.Events().AppendEmpty().Attributes())
	metric := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	forge(metric.Metadata())
	metric.Metadata().PutStr("business.id", "tenant-b")
	span.Attributes().PutStr("business-_-id", "tenant-b")
	forge(metric.SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Exemplars().AppendEmpty().FilteredAttributes())
	for signal, seed := range map[tenant.Signal][]byte{
		tenant.Logs:    renamed((&plog.JSONMarshaler{}).MarshalLogs(ld)),
		tenant.Traces:  renamed((&ptrace.JSONMarshaler{}).MarshalTraces(td)),
		tenant.Metrics: renamed((&pmetric.JSONMarshaler{}).MarshalMetrics(md)),
	} {
		f.Add(uint8(signal), seed)
	}
	f.Fuzz(func(t *testing.T, signal uint8, raw []byte) {
		out, ok := processJSON(t, tenant.Signal(signal%3), raw)
		if !ok {
			return
		}
		var document any
		require.NoError(t, json.Unmarshal(out, &document))
		requireOwned(t, document)
	})
}

// processJSON returns the processed form of raw, or false if raw is no OTLP.
func processJSON(t *testing.T, signal tenant.Signal, raw []byte) (out []byte, ok bool) {
	t.Helper()
	p, _ := started(t, authConfig(), signal, bareRegistry(t))
	ctx := caller(genuine, signal)
	var err error
	switch signal {
	case tenant.Logs:
		ld, bad := (&plog.JSONUnmarshaler{}).UnmarshalLogs(raw)
		if bad != nil {
			return nil, false
		}
		_, err = p.processLogs(ctx, ld)
		require.NoError(t, err)
		out, err = (&plog.JSONMarshaler{}).MarshalLogs(ld)
	case tenant.Traces:
		td, bad := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(raw)
		if bad != nil {
			return nil, false
		}
		_, err = p.processTraces(ctx, td)
		require.NoError(t, err)
		out, err = (&ptrace.JSONMarshaler{}).MarshalTraces(td)
	case tenant.Metrics:
		md, bad := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(raw)
		if bad != nil {
			return nil, false
		}
		_, err = p.processMetrics(ctx, md)
		require.NoError(t, err)
		out, err = (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
	}
	return out, err == nil
}

// requireOwned checks every attribute list of node, and that each resource has one.
func requireOwned(t *testing.T, node any) {
	t.Helper()
	switch node := node.(type) {
	case []any:
		for _, element := range node {
			requireOwned(t, element)
		}
	case map[string]any:
		for name, value := range node {
			switch name {
			case "attributes", "filteredAttributes", "metadata":
				require.LessOrEqual(t, ownersIn(t, value), 1, name)
			case "resource":
				resource, ok := value.(map[string]any)
				require.True(t, ok)
				require.Equal(t, 1, ownersIn(t, resource["attributes"]))
			case "body":
			default:
				requireOwned(t, value)
			}
		}
	}
}

// labelSeparators are what Prometheus and Loki write as one underscore.
var labelSeparators = regexp.MustCompile(`[^A-Za-z0-9]+`)

// owners returns how many times list has the tenant's attribute, each of which
// must be right.
func ownersIn(t *testing.T, list any) (n int) {
	t.Helper()
	elements, _ := list.([]any)
	for _, element := range elements {
		kv, _ := element.(map[string]any)
		key, _ := kv["key"].(string)
		if labelSeparators.ReplaceAllString(key, "_") != "business_id" {
			continue
		}
		require.Equal(t, "business_id", key, "look-alikes are removed")
		require.Equal(t, map[string]any{"stringValue": genuine}, kv["value"])
		n++
	}
	return n
}
