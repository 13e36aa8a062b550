package lane

// portion is what one batch carries: payloads that were merged, or some records of one
// payload. A lane keeps those that it has to send again in the order in which they were
// accepted.
type portion struct {
	entries []*Payload // at least one

	cut        *cut // nil: all records of the entries
	first, end int  // with a cut: which records of the only entry, counted from 0
	reserve    int  // with a cut: what has to be left of its requests for the parts after it
	later      bool // with a cut: it had its turn and waits for the budget of the lane
	allowance  int  // without a cut: what taking it apart may cost

	search *search // nil: the destination has not refused anything that this was part of
	letter *Result // why the destination refuses it: it is kept and not sent; nil: it is sent

	// Of the first half of a refused portion.
	after   *portion // the other half; nil if there is nothing to conclude about it
	refused int      // how many records of both halves are refused; 0: not known

	// What is known before it is sent.
	refusing bool // records of it are refused
	refusals int  // how many; 0: not known
	stored   bool // the destination has all of it
}

// sent tells whether the outcome of an attempt is an answer of the destination, and not one
// that was known before.
func (po *portion) sent() bool { return po.letter == nil && po.entries[0].Refusal == nil }

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

// cost is what sending the portion takes of the budget of its lane.
func (po *portion) cost() int {
	if po.cut == nil || po.letter != nil {
		return 0
	}
	return po.unit()
}

// unit is the cost of a part of the only payload.
func (po *portion) unit() int { return 1 + po.entries[0].Size/searchBytes }

// divisible tells whether the portion has halves. Without cuts, payloads are not taken
// apart.
func (po *portion) divisible(cuts bool) bool {
	return len(po.entries) > 1 || cuts && po.records() > 1
}

// divide returns the halves of a divisible portion: by payloads, or by the records of
// the only one. The first half may use half of what is left of its requests, or what finds
// one record, and the second what the first has not used.
func (po *portion) divide() (a, b *portion) {
	if half := len(po.entries) / 2; half > 0 {
		return &portion{entries: po.entries[:half], search: po.search}, &portion{entries: po.entries[half:], search: po.search}
	}
	c, first, end := po.cut, po.first, po.end
	if c == nil {
		first, end = 0, po.entries[0].Records
		c = &cut{left: end, allowance: po.allowance}
	}
	middle := first + (end-first)/2
	spare := max(0, c.allowance-po.reserve)
	share := max(spare/2, min(spare, oneOf(middle-first)*po.unit()))
	return &portion{entries: po.entries, cut: c, first: first, end: middle, search: po.search, later: po.later, reserve: po.reserve + spare - share},
		&portion{entries: po.entries, cut: c, first: middle, end: end, search: po.search, later: po.later, reserve: po.reserve}
}

// unknown is how many records are refused where a destination does not say so.
const unknown = -1

// conclude notes what the outcome of the portion, of which so many records are refused,
// says about the other half.
func (po *portion) conclude(refused int) {
	other := po.after
	po.after = nil
	switch {
	case other == nil || refused == unknown:
	case po.refused > 0:
		switch rest := po.refused - refused; {
		case rest == 0:
			other.stored = true
		case rest > 0 && rest <= other.records():
			other.refusing, other.refusals = true, rest
		}
		// Otherwise the destination contradicts itself, and the other half is sent.
	case refused == 0:
		other.refusing = true
	}
}

// split takes out the entries that match. Either may be nil. What was known of halves
// holds for the rest no longer if some do.
func (po *portion) split(match func(*Payload) bool) (matching, rest *portion) {
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
