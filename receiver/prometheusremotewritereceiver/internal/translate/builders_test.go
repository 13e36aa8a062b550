// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package translate

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
)

// everything returns series of all kinds, with the owner in what the builder makes maps of.
func everything(owner string) []*message.Series {
	waits := series("x_bucket", "instance", "i", "job", "j", "le", "1")
	waits.Samples, waits.Exemplars = nil, []message.Exemplar{{Value: 1, Timestamp: 1, Labels: []message.Label{{Name: "owner", Value: owner}}}}
	h := native(message.NativeHistogram{Count: 1, Positive: message.Buckets{Spans: []message.Span{{Offset: 1, Length: 1}}, Deltas: []int64{1}}})
	h.Labels = []message.Label{{Name: "instance", Value: "i"}, {Name: "job", Value: "j"}}
	return []*message.Series{
		waits,
		typed(series("x_total", "instance", "i", "job", "j", "owner", owner), message.Counter, ""),
		series("x_bucket", "instance", "i", "job", "j", "le", "1"),
		series("of_"+owner, "instance", owner, "job", "j", "otel_scope_name", owner),
		h,
	}
}

// What a builder was used for before, and for whom, does not show.
func TestBuilders_KeepNothing(t *testing.T) {
	fresh := func(id tenant.ID) Result { return build(t, newBuilder(newMemory(), id), everything(string(id))...) }
	want := map[tenant.ID]Result{"a": fresh("a"), "b": fresh("b")}
	m, builders := newMemory(), new(Builders)
	for n := range 50 {
		for id, w := range want {
			b := builders.Get(m.Of(id), 1<<20, func(int64) error { return nil })
			if n%3 == 2 { // a message that ends with an error
				for _, s := range everything("other") {
					require.NoError(t, b.Add(s))
				}
				builders.Put(b)
				continue
			}
			got := build(t, b, everything(string(id))...)
			builders.Put(b)
			require.Equal(t, w.Written, got.Written)
			require.Equal(t, w.Missing, got.Missing)
			require.Equal(t, text(t, w.Metrics), text(t, got.Metrics))
		}
	}
}

func text(t *testing.T, md pmetric.Metrics) string {
	t.Helper()
	out, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
	require.NoError(t, err)
	return string(out)
}

// A builder of a large message is not kept, nor is what another one refers to.
func TestBuilders_KeepLittle(t *testing.T) {
	large := newBuilder(newMemory(), "a")
	for i := range maxKept {
		require.NoError(t, large.Add(series("m"+strconv.Itoa(i))))
	}
	large.Finish()
	new(Builders).Put(large)
	assert.NotEmpty(t, large.names, "left to the garbage collector as it is")

	small := newBuilder(newMemory(), "a")
	build(t, small, everything("a")...)
	new(Builders).Put(small)
	assert.Nil(t, small.remembered)
	assert.Zero(t, small.metrics)
	for i, n := range small.names[:cap(small.names)] {
		assert.Zero(t, n, i)
	}
	for i, r := range small.resources[:cap(small.resources)] {
		assert.Zero(t, r, i)
	}
	for i, l := range small.attrs[:cap(small.attrs)] {
		assert.Zero(t, l, i)
	}
	assert.Empty(t, small.nameOfSeries)
	assert.Zero(t, small.result)
}
