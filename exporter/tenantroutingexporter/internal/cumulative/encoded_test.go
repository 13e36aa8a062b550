// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatagen"
	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp/stamptest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// TestNeeds_OfEncodedRequests: a request that is stamped without being decoded says itself
// whether it needs to be converted.
func TestNeeds_OfEncodedRequests(t *testing.T) {
	seen := map[bool]int{}
	request := func(random *rand.Rand) []byte {
		choices := make([]byte, random.IntN(150))
		for i := range choices {
			choices[i] = byte(random.Uint32())
		}
		return pdatagen.New(choices).Request(tenant.Metrics)
	}
	for data, e := range stamptest.Encoded(t, tenant.Metrics, 10_000, request) {
		md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data)
		require.NoError(t, err)
		needs := Needs(md)
		assert.Equal(t, needs, e.Delta, "%x", data)
		seen[needs]++
	}
	assert.Greater(t, seen[true], 100)
	assert.Greater(t, seen[false], 100)
}
