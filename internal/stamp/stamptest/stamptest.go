// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package stamptest stamps random requests without decoding them, for tests of what
// package stamp says about them.
package stamptest

import (
	"iter"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Encoded stamps n requests, the same in each test, and returns those that need not be decoded,
// as they were before and after.
func Encoded(t *testing.T, signal tenant.Signal, n int, request func(*rand.Rand) []byte) iter.Seq2[[]byte, stamp.Encoded] {
	t.Helper()
	return func(yield func([]byte, stamp.Encoded) bool) {
		random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // reproducible
		var stamper stamp.Stamper
		owner := &stamp.Owner{Identity: stamp.Attribute{Key: "tenant", Value: "a"}}
		for range n {
			data := request(random)
			e, err := stamper.Encoded(signal, data, owner, otlpwire.Limits{})
			require.NoError(t, err)
			if e.Slow == stamp.SlowNone && !yield(data, e) {
				return
			}
		}
	}
}
