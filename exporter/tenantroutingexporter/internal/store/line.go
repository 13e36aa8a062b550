package store

import "github.com/otelcol-tenant/otelcol-tenant/internal/tenant"

const (
	// turnBytes bounds how much of one tenant a transaction writes if it wants
	// more than one change: what others have to wait for when they come a
	// moment too late.
	turnBytes = 512 << 10

	// groupBytes bounds how much a transaction writes of all tenants.
	groupBytes = 4 << 20
)

// line is who waits for a transaction. Tenants take turns, so that the changes of
// one that floods are not before those of another.
type line struct {
	waiting map[tenant.ID]*fifo // none of them empty
	order   []tenant.ID         // the tenants of waiting, whose turn is next first
}

type fifo struct{ changes []*change }

func newLine() line { return line{waiting: make(map[tenant.ID]*fifo)} }

func (l *line) empty() bool { return len(l.order) == 0 }

// first returns the change that the next transaction has for certain.
func (l *line) first() *change { return l.waiting[l.order[0]].changes[0] }

func (l *line) add(id tenant.ID, c *change) {
	q := l.waiting[id]
	if q == nil {
		q = &fifo{}
		l.waiting[id] = q
		l.order = append(l.order, id)
	}
	q.changes = append(q.changes, c)
}

// take removes what the next transaction writes: the changes of one tenant after
// the other, in their order, until a bound is met.
func (l *line) take() []*change {
	var group []*change
	var again []tenant.ID // who has more than a turn
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
			again = append(again, id)
		} else {
			delete(l.waiting, id)
		}
	}
	l.order = append(l.order[turns:len(l.order):len(l.order)], again...)
	return group
}
