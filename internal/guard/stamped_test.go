// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"bytes"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard/capacity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// TestCheckStamped_RejectsAsCheckDoes compares both with the same limits.
func TestCheckStamped_RejectsAsCheckDoes(t *testing.T) {
	for name, data := range map[string][]byte{
		"few": someLogs(t, 10), "empty": nil, "nested as deeply as allowed": nested(t, 8), "nested more deeply": nested(t, 9),
		"many": someLogs(t, 1001), "cut": someLogs(t, 10)[:20],
		"too much memory": bytes.Repeat([]byte{0x0a, 6, 0x12, 4, 0x12, 2, 0x2a, 0}, 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			g := New(Settings{Memory: 2 * mib, MaxDepth: 8, MaxElements: 1000})
			if name == "too much memory" {
				g = New(Settings{Memory: 2 * mib})
			}
			decoded, stamped := admit(asTenant("a"), t, g), admit(asTenant("b"), t, g)
			var given otlpwire.Limits
			want, wantErr := decoded.Check(false, data)
			got, gotErr := stamped.CheckStamped(data, func(limits otlpwire.Limits) (otlpwire.Counts, error) {
				given = limits
				return otlpwire.CheckProto(tenant.Logs, data, limits)
			})
			assert.Equal(t, want, got)
			assert.Equal(t, wantErr == nil, gotErr == nil)
			if wantErr != nil {
				assert.Equal(t, wantErr.Error(), gotErr.Error())
				assert.Equal(t, reasonFor(t, wantErr), reasonFor(t, gotErr))
			}
			assert.Equal(t, g.wireLimits(capacity.RequestOverhead), given, "the copy does not lower the limit")
			decoded.Release()
			stamped.Release()
			assertNothingHeld(t, g)
		})
	}
}

// TestCheckStamped_HoldsTheCopy follows what is reserved for a request that is not decoded, and
// for one that must be.
func TestCheckStamped_HoldsTheCopy(t *testing.T) {
	g := New(Settings{})
	held := func() int64 {
		_, bytes := g.InFlight()
		return bytes
	}
	data := someLogs(t, 100)
	for _, slow := range []bool{false, true} {
		r := admit(asTenant("a"), t, g)
		idle := held()
		body, err := r.ReadBody(httptest.NewRecorder(), post(bytes.NewReader(data), ""), BodyLimits{})
		require.NoError(t, err)
		read := held()
		counts, err := r.CheckStamped(body, func(limits otlpwire.Limits) (otlpwire.Counts, error) {
			assert.Equal(t, read+int64(len(data)), held(), "the copy is reserved before it is made")
			return otlpwire.CheckProto(tenant.Logs, body, limits)
		})
		require.NoError(t, err)
		assert.Equal(t, read, held())
		if slow {
			require.NoError(t, r.ReserveDecoded(counts))
			assert.Equal(t, read+counts.Memory, held())
		} else {
			require.NoError(t, r.ReserveEncoded(len(data)+50))
			assert.Equal(t, idle+int64(len(data))+50, held(), "the body is not needed any more")
		}
		r.Release()
		assertNothingHeld(t, g)
	}
}

func TestCheckStamped_RejectsWhatOthersReject(t *testing.T) {
	g := New(Settings{})
	r := admit(asTenant("a"), t, g)
	_, err := r.CheckStamped(someLogs(t, 1), func(otlpwire.Limits) (otlpwire.Counts, error) {
		return otlpwire.Counts{}, rejection.Of(rejection.Panic)
	})
	assert.Equal(t, rejection.Panic, rejection.From(err).Reason())
	assert.Zero(t, g.Stats().Panics(), "the component that had the panic counts it")
	r.Release()
	assertNothingHeld(t, g)
}

func TestCheckHeap(t *testing.T) {
	g := New(Settings{})
	r := admit(asTenant("a"), t, g)
	defer r.Release()
	require.NoError(t, r.CheckHeap(1), "without a limit")
	g.RefuseAbove(1 << 50)
	require.NoError(t, r.CheckHeap(1))
}

func TestHeapGate_MeasuresOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h heapGate
		h.limit.Store(1)
		assert.True(t, h.exceeded(), "a process needs more than one byte")
		h.limit.Store(1 << 50)
		assert.True(t, h.exceeded(), "the measurement is new")
		time.Sleep(heapInterval - time.Nanosecond)
		assert.True(t, h.exceeded())
		time.Sleep(time.Nanosecond)
		assert.False(t, h.exceeded())
		h.limit.Store(0)
		assert.False(t, h.exceeded())
	})
}

func TestHeapSize_IsWhatTheRuntimeReports(t *testing.T) {
	kept := make([]byte, 64<<20)
	before := heapSize()
	assert.Greater(t, before, int64(len(kept)))
	assert.Less(t, before, int64(1<<40))
	kept[0] = 1
}
