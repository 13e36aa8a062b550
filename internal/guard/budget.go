package guard

import (
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// budget shares a total among tenants. What a tenant holds is at most three times what
// is free, so that a greedy one leaves something for others, and they for each other. An
// eighth of the total is kept for tenants that hold little: it is out of reach for
// greedy ones, however many come and in which order.
//
// Its keys are tenants that hold something, so that it is bounded by the registry
// and by the total.
type budget struct {
	total int64
	most  int64 // of one tenant, whatever is free
	small int64 // up to which a tenant holds little

	mu     sync.Mutex
	sum    int64
	shares map[tenant.ID]int64
}

const (
	keptForSmall = 8 // the part of the total
	greed        = 3 // how many times of what is free a tenant may hold
)

func newBudget(total, most, small int64) *budget {
	return &budget{total: total, most: min(most, total), small: min(small, most), shares: make(map[tenant.ID]int64)}
}

// verdict is the answer of a budget.
type verdict uint8

const (
	granted   verdict = iota
	overShare         // the tenant holds its share
	overTotal         // there is nothing left
)

// take takes n for id, or nothing.
func (b *budget) take(id tenant.ID, n int64) verdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	own := b.shares[id] + n
	free := b.total - b.sum - n
	switch {
	case own > b.most:
		return overShare
	case own > b.small && own > greed*(free-b.total/keptForSmall):
		return overShare
	case free < 0:
		return overTotal
	}
	b.shares[id] = own
	b.sum += n
	return granted
}

// give gives back n of what id has taken.
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

// held returns what all tenants hold.
func (b *budget) held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sum
}
