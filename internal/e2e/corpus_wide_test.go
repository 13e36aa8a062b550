// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// TestCorpus_WideDeltaPoint has a delta point with a very large number of attributes
// between others. It is rejected or arrives completely; the others arrive.
func TestCorpus_WideDeltaPoint(t *testing.T) {
	t.Parallel()
	s := newRecorder(t)
	r := newRig(t, fmt.Sprintf(prometheusLike, s.url), "acme")
	g := r.run()
	door := newDeltaDoor()
	wide := func(name string, attributes int) pmetric.Metrics {
		md := door.sum(name, delta{second: 2, value: 6})
		raw := make(map[string]any, attributes) // Put compares all keys each time
		for i := range attributes {
			raw["attribute."+strconv.Itoa(i)] = int64(i)
		}
		require.NoError(t, metricsOf(md)[0].Sum().DataPoints().At(0).Attributes().FromRaw(raw))
		return md
	}
	r.post("acme", door.sum("narrow", delta{second: 1, value: 2}))
	accepted := 0
	for _, n := range []int{10, 1000, 5000, 20_000, 100_000, 200_000} {
		switch status, text := r.try("acme", wide("wide_"+strconv.Itoa(n), n)); status {
		case http.StatusOK:
			accepted++
		case http.StatusRequestEntityTooLarge:
			t.Logf("%d attributes: %s", n, text)
		default:
			t.Errorf("%d attributes: %d %s", n, status, text)
		}
	}
	r.post("acme", door.sum("narrow", delta{second: 3, value: 2}))
	r.drained()
	assert.Equal(t, 4.0, s.grown(t, "narrow"))
	require.GreaterOrEqual(t, accepted, 3)
	names := slices.Compact(slices.Sorted(slices.Values(s.metricNames())))
	require.Len(t, names, accepted+1)
	for _, name := range names {
		if count, ok := strings.CutPrefix(name, "wide_"); ok {
			n, err := strconv.Atoi(count)
			require.NoError(t, err)
			assert.Equal(t, 6.0, s.grown(t, name))
			assert.Equal(t, n, s.attributesOf(name))
		}
	}
	g.stop()
}

// attributesOf returns how many of the test's attributes the points of a sum have.
func (r *recorder) attributesOf(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	least := math.MaxInt
	for _, md := range r.metrics {
		for _, m := range metricsOf(md) {
			if m.Name() != name {
				continue
			}
			for _, p := range m.Sum().DataPoints().All() {
				n := 0
				for k := range p.Attributes().All() {
					if strings.HasPrefix(k, "attribute.") {
						n++
					}
				}
				least = min(least, n)
			}
		}
	}
	return least
}
