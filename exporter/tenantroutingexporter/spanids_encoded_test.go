// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp/stamptest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// TestHasInvalidSpan_OfEncodedRequests: a request that is stamped without being decoded says
// itself whether it has spans that a strict destination rejects.
func TestHasInvalidSpan_OfEncodedRequests(t *testing.T) {
	request := func(random *rand.Rand) []byte {
		td := ptrace.NewTraces()
		for range random.IntN(3) {
			ss := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
			for range random.IntN(4) {
				s := ss.Spans().AppendEmpty()
				if random.IntN(8) > 0 {
					s.SetTraceID(pcommon.TraceID{15: 1})
				}
				if random.IntN(8) > 0 {
					s.SetSpanID(pcommon.SpanID{7: 1})
				}
				s.Links().AppendEmpty().SetTraceID(pcommon.TraceID{1})
			}
		}
		data, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
		require.NoError(t, err)
		return data
	}
	const requests = 1000
	seen := map[bool]int{}
	for data, e := range stamptest.Encoded(t, tenant.Traces, requests, request) {
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
		require.NoError(t, err)
		invalid := hasInvalidSpan(td)
		assert.Equal(t, invalid, e.InvalidSpans, "%x", data)
		seen[invalid]++
	}
	assert.Greater(t, seen[true], 100)
	assert.Greater(t, seen[false], 100)
	assert.Equal(t, requests, seen[true]+seen[false], "none must be decoded")
}
