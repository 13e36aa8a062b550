// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

// portion is what one batch carries: merged payloads, or some records of one payload. A lane keeps
// portions that it sends again in the order in which they were accepted.
type portion struct {
	entries []*Payload // at least one

	cut        *cut // nil: all records of the entries
	first, end int  // with a cut: which records of the only entry, counted from 0
	reserve    int  // with a cut: the requests of its allowance that later parts need
	postponed  bool // with a cut: it used its share and waits for the budget of the lane
	allowance  int  // without a cut: how many requests splitting it may cost

	search     *search // nil: the destination has not rejected a batch that this was part of
	deadLetter *Result // the known result, so that it is kept and not sent; nil: it is sent

	// For the first half of a rejected portion.
	sibling  *portion // the second half; nil if nothing can be concluded about it
	rejected int      // how many records of both halves are rejected; 0: not known

	// What is known before it is sent.
	rejecting  bool // records of it are rejected
	rejections int  // how many; 0: not known
	stored     bool // the destination has all of it
}

// cut is the state of a payload that goes in several portions.
type cut struct {
	remaining int      // records without an outcome
	allowance int      // requests that further splitting may cost
	run       *portion // the last rejected records that follow each other and are rejected for the same reason
}

// sent reports whether the outcome of an attempt is an answer of the destination, and was not
// known before.
func (po *portion) sent() bool { return po.deadLetter == nil && po.entries[0].Rejection == nil }

// records returns how many records the portion has.
func (po *portion) records() int {
	if po.cut != nil {
		return po.end - po.first
	}
	n := 0
	for _, p := range po.entries {
		n += p.Records
	}
	return n
}

// cost returns what sending the portion takes from the budget of its lane.
func (po *portion) cost() int {
	if po.cut == nil || po.deadLetter != nil {
		return 0
	}
	return po.unit()
}

// unit is the cost of a part of the only payload.
func (po *portion) unit() int { return 1 + po.entries[0].Size/searchBytes }

// divisible reports whether the portion has halves. If payloads cannot be cut, it needs at least two.
func (po *portion) divisible(cuts bool) bool {
	return len(po.entries) > 1 || cuts && po.records() > 1
}

// halve returns the halves of a divisible portion: by payloads, or by the records of the only one.
// The first half may use half of the remaining requests, or as many as find one record. The second half
// may use what the first leaves.
func (po *portion) halve() (a, b *portion) {
	if half := len(po.entries) / 2; half > 0 {
		return &portion{entries: po.entries[:half], search: po.search}, &portion{entries: po.entries[half:], search: po.search}
	}
	c, first, end := po.cut, po.first, po.end
	if c == nil {
		first, end = 0, po.entries[0].Records
		c = &cut{remaining: end, allowance: po.allowance}
	}
	middle := first + (end-first)/2
	spare := max(0, c.allowance-po.reserve)
	share := max(spare/2, min(spare, searchCost(middle-first)*po.unit()))
	return &portion{entries: po.entries, cut: c, first: first, end: middle, search: po.search, postponed: po.postponed, reserve: po.reserve + spare - share},
		&portion{entries: po.entries, cut: c, first: middle, end: end, search: po.search, postponed: po.postponed, reserve: po.reserve}
}

// unknown is the number of rejected records if the destination does not state it.
const unknown = -1

// conclude records what the outcome of the portion, with the given number of rejected records, implies
// for its sibling.
func (po *portion) conclude(rejected int) {
	other := po.sibling
	po.sibling = nil
	switch {
	case other == nil || rejected == unknown:
	case po.rejected > 0:
		switch rest := po.rejected - rejected; {
		case rest == 0:
			other.stored = true
		case rest > 0 && rest <= other.records():
			other.rejecting, other.rejections = true, rest
		}
		// Otherwise the destination contradicts itself, and the sibling is sent.
	case rejected == 0:
		other.rejecting = true
	}
}

// partition separates the entries that match from the rest. Either result may be nil. If both are not,
// nothing is known about the halves any more.
func (po *portion) partition(match func(*Payload) bool) (matching, rest *portion) {
	var in, out []*Payload
	for _, p := range po.entries {
		if match(p) {
			in = append(in, p)
		} else {
			out = append(out, p)
		}
	}
	switch {
	case len(in) == 0:
		return nil, po
	case len(out) == 0:
		return po, nil
	}
	return &portion{entries: in}, &portion{entries: out, search: po.search}
}
