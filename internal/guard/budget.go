// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard/capacity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// budget divides a total among tenants. A tenant may hold at most three times what is free,
// so that several greedy tenants leave something for each other and for the rest. An eighth of
// the total is reserved for tenants that hold little. Greedy tenants cannot take it, in any
// number and order.
//
// It has one entry for each tenant that holds something, so the registry and the total bound
// it. It is safe for concurrent use.
type budget struct {
	total int64
	most  int64 // the most that one tenant can hold, even if no other holds anything
	small int64 // a tenant with at most this much holds little

	mu     sync.Mutex
	sum    int64
	shares map[tenant.ID]int64
}

func newBudget(total, most, small int64) *budget {
	small = min(small, most)
	return &budget{total: total, most: max(small, capacity.Most(total, most)), small: small, shares: make(map[tenant.ID]int64)}
}

// verdict is the result of budget.take.
type verdict uint8

const (
	granted   verdict = iota
	overShare         // the tenant may not hold more
	overTotal         // too little is left for any tenant
)

// take adds n to what id holds, or changes nothing.
func (b *budget) take(id tenant.ID, n int64) verdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	own := b.shares[id] + n
	free := b.total - b.sum - n
	switch {
	case own > b.most:
		return overShare
	case own > b.small && own > capacity.MaxOfFree*(free-b.total/capacity.ReservedForSmall):
		return overShare
	case free < 0:
		return overTotal
	}
	b.shares[id] = own
	b.sum += n
	return granted
}

// give returns n of what id holds.
func (b *budget) give(id tenant.ID, n int64) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sum -= n
	if b.shares[id] -= n; b.shares[id] == 0 {
		delete(b.shares, id)
	}
}

// held returns the sum that all tenants hold.
func (b *budget) held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sum
}
