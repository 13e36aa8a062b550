package guard

import (
	"sync"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// budget shares a total among tenants. A tenant may hold at most as much as is free:
// alone it gets half of the total, beside one greedy tenant a third, beside n of them
// 1/(n+2). What others hold at their limit never takes the rest away, so that there
// is always something for those that hold little.
//
// Its keys are tenants that hold something, so that it is bounded by the registry
// and by the total.
type budget struct {
	total int64
	most  int64 // of one tenant, whatever is free
	small int64 // for everybody, as long as there is any left

	mu     sync.Mutex
	sum    int64
	shares map[tenant.ID]int64
}

func newBudget(total, most, small int64) *budget {
	return &budget{total: total, most: min(most, total), small: small, shares: make(map[tenant.ID]int64)}
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
	case free < 0 && own > b.small:
		return overShare
	case free < 0:
		return overTotal
	case own > b.most, own > free && own > b.small:
		return overShare
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
