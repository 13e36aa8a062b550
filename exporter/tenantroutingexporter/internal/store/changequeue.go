// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import "github.com/otelcol-tenant/otelcol-tenant/internal/tenant"

const (
	// turnBytes bounds the bytes of one tenant in a transaction, unless it has one change only. It bounds
	// how long the changes of other tenants wait.
	turnBytes = 512 << 10

	// groupBytes bounds the bytes of all tenants in a transaction.
	groupBytes = 4 << 20
)

// changeQueue is the queue of changes that wait for a transaction. Tenants are served in round-robin order, so that
// the flood of one tenant does not delay the changes of others.
type changeQueue struct {
	waiting map[tenant.ID]*tenantChanges // none of them is empty
	order   []tenant.ID                  // the tenants of waiting, in round-robin order
}

type tenantChanges struct{ changes []*change }

func newChangeQueue() changeQueue { return changeQueue{waiting: make(map[tenant.ID]*tenantChanges)} }

func (l *changeQueue) empty() bool { return len(l.order) == 0 }

// first returns the change that the next transaction certainly has.
func (l *changeQueue) first() *change { return l.waiting[l.order[0]].changes[0] }

func (l *changeQueue) add(id tenant.ID, c *change) {
	q := l.waiting[id]
	if q == nil {
		q = &tenantChanges{}
		l.waiting[id] = q
		l.order = append(l.order, id)
	}
	q.changes = append(q.changes, c)
}

// take removes the changes of the next transaction: those of one tenant after the other, up to the bounds.
func (l *changeQueue) take() []*change {
	var group []*change
	var unfinished []tenant.ID // tenants with more than turnBytes
	total, turns := 0, 0
	for ; turns < len(l.order) && (turns == 0 || total < groupBytes); turns++ {
		id := l.order[turns]
		q := l.waiting[id]
		n, size := 0, 0
		for n < len(q.changes) && (n == 0 || size+q.changes[n].bytes <= turnBytes) {
			size += q.changes[n].bytes
			n++
		}
		group = append(group, q.changes[:n]...)
		total += size
		if q.changes = q.changes[n:]; len(q.changes) > 0 {
			unfinished = append(unfinished, id)
		} else {
			delete(l.waiting, id)
		}
	}
	l.order = append(l.order[turns:len(l.order):len(l.order)], unfinished...)
	return group
}
