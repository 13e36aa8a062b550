// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatasample"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// asSDK returns a request as SDKs write it: fields in the order of their numbers. pdata writes
// them in the opposite order.
func asSDK(t testing.TB, signal tenant.Signal, data []byte) []byte {
	t.Helper()
	var m proto.Message
	switch signal {
	case tenant.Metrics:
		m = &metrics.MetricsData{}
	case tenant.Traces:
		m = &traces.TracesData{}
	default:
		m = &logs.LogsData{}
	}
	require.NoError(t, proto.Unmarshal(data, m))
	out, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	require.NoError(t, err)
	return out
}

// sampleRequest returns a request as a collector sends it, with n records.
func sampleRequest(t testing.TB, signal tenant.Signal, n int, resource func(pcommon.Map)) []byte {
	t.Helper()
	data, err := pdatasample.Proto(signal, n, resource)
	require.NoError(t, err)
	return data
}
