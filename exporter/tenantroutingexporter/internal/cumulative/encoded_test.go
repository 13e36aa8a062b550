// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatagen"
	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// TestNeeds_OfEncodedRequests: a request that is stamped without being decoded says itself
// whether it needs to be converted.
func TestNeeds_OfEncodedRequests(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // reproducible
	var stamper stamp.Stamper
	owner := &stamp.Owner{Identity: stamp.Attribute{Key: "tenant", Value: "a"}}
	seen := map[bool]int{}
	for range 10_000 {
		choices := make([]byte, random.IntN(150))
		for i := range choices {
			choices[i] = byte(random.Uint32())
		}
		data := pdatagen.New(choices).Request(tenant.Metrics)
		e, err := stamper.Encoded(tenant.Metrics, data, owner, otlpwire.Limits{})
		require.NoError(t, err)
		if e.Slow != stamp.SlowNone {
			continue
		}
		md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data)
		require.NoError(t, err)
		needs := Needs(md)
		assert.Equal(t, needs, e.Delta, "%x", data)
		seen[needs]++
	}
	assert.Greater(t, seen[true], 100)
	assert.Greater(t, seen[false], 100)
}
