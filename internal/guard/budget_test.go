// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// fill takes one by one for each of ids, round-robin, until none gets any more.
func fill(b *budget, ids ...tenant.ID) {
	for more := true; more; {
		more = false
		for _, id := range ids {
			more = b.take(id, 1) == granted || more
		}
	}
}

func TestBudget_GreedyTenantsLeaveAShareForOthers(t *testing.T) {
	const total, small = 8000, 20
	for greedy := 1; greedy <= 20; greedy++ {
		var ids []tenant.ID
		for i := range greedy {
			ids = append(ids, tenant.ID(fmt.Sprint(i)))
		}
		together, sequential := newBudget(total, total/2, small), newBudget(total, total/2, small)
		fill(together, ids...)
		for _, id := range ids {
			fill(sequential, id)
		}
		// Each holds three times what is free of seven eighths.
		share := min(total/2, 3*total*7/8/(3*greedy+1))
		for _, id := range ids {
			assert.InDelta(t, share, together.shares[id], 3, "%d greedy tenants", greedy)
		}
		for name, b := range map[string]*budget{"together": together, "sequential": sequential} {
			assert.Equal(t, overShare, b.take(ids[0], 1), "%s, %d greedy tenants", name, greedy)
			assert.LessOrEqual(t, b.held(), int64(total*7/8+greedy*small), name)
			for i := range 20 {
				assert.Equal(t, granted, b.take(tenant.ID(fmt.Sprint("small-", i)), small), "%s, %d greedy tenants", name, greedy)
			}
		}
	}
}

func TestBudget_GrantsTheOnlyTenantItsMaximum(t *testing.T) {
	for _, most := range []int64{500, 100} {
		b := newBudget(1000, most, 0)
		fill(b, "a")
		assert.Equal(t, most, b.held())
		assert.Equal(t, overShare, b.take("a", 1))
		assert.Equal(t, granted, b.take("b", 100))
	}
}

func TestBudget_GrantsTheRestToTenantsThatHoldLittle(t *testing.T) {
	b := newBudget(100, 50, 5)
	fill(b, "a", "b")
	n := 0
	for ; b.take(tenant.ID(fmt.Sprint(n)), 5) == granted; n++ {
	}
	assert.GreaterOrEqual(t, n, 2)
	assert.Equal(t, overTotal, b.take("z", 5))
	assert.Equal(t, granted, b.take("z", 100-b.held()), "what is left")
}

func TestBudget_KeepsItsBoundsUnderConcurrentUse(t *testing.T) {
	const total, most, small = 1000, 400, 10
	b := newBudget(total, most, small)
	var users sync.WaitGroup
	for u := range 16 {
		users.Go(func() {
			id, rnd := tenant.ID(fmt.Sprint(u%5)), rand.New(rand.NewPCG(uint64(u), 1))
			var taken []int64
			for range 5000 {
				n := rnd.Int64N(200)
				if b.take(id, n) == granted {
					taken = append(taken, n)
				}
				if len(taken) > 0 && rnd.IntN(2) == 0 {
					b.give(id, taken[len(taken)-1])
					taken = taken[:len(taken)-1]
				}
				if held := b.held(); held < 0 || held > total {
					t.Errorf("%d held of %d", held, total)
				}
			}
			for _, n := range taken {
				b.give(id, n)
			}
		})
	}
	users.Wait()
	assert.Zero(t, b.held())
	assert.Empty(t, b.shares, "no entry for a tenant that holds nothing")
}
