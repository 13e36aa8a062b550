// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestTenantSlots_LimitATenantAndDelayNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := newTenantSlots(2)
		var mu sync.Mutex
		var order []int
		var work sync.WaitGroup
		for n := range 5 {
			work.Go(func() {
				slots.acquire("a")
				mu.Lock()
				defer mu.Unlock()
				order = append(order, n)
			})
			synctest.Wait() // in this order
		}
		assert.Equal(t, []int{0, 1}, order, "two requests of the tenant are processed")

		slots.acquire("b") // would block forever if requests of "a" delayed it
		slots.release("b")

		for want := 3; want <= 5; want++ {
			slots.release("a")
			synctest.Wait()
			assert.Len(t, order, want)
		}
		assert.Equal(t, []int{0, 1, 2, 3, 4}, order, "first in, first out")
		slots.release("a")
		slots.release("a")
		work.Wait()
		assert.Empty(t, slots.tenants, "no entry for a tenant without requests")
	})
}

// More requests are checked, one after the other, than there are slots: good ones and rejected
// ones, each released twice.
func TestRequest_ReleasesItsTenantSlotOnce(t *testing.T) {
	g := New(Settings{})
	for n := range 3 * requestsAtWork {
		r, err := g.Admit(t.Context(), tenant.Logs)
		require.NoError(t, err)
		_, err = r.Check(n%2 == 0, []byte("{}"))
		assert.Equal(t, n%2 == 0, err == nil, "{} is JSON and no protobuf")
		r.Release()
		r.Release()
	}
	assert.Empty(t, g.tenantSlots.tenants)
}
