// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

// maxLinear is the number of pairs up to which a search is faster than a map.
const maxLinear = 16

// pair is a label or an entry of structured metadata.
type pair struct{ name, value string }

// pairs are the labels of a stream or the structured metadata of an entry, up to a
// bound. Each name occurs once, so that the attributes need not be searched for it.
type pairs struct {
	list    []pair
	most    int
	dropped int // without a name, or over the bound

	places map[string]int // by name, of all pairs of a list longer than maxLinear
}

func (p *pairs) reset() {
	p.list, p.dropped = p.list[:0], 0
	clear(p.places)
}

// full reports whether the next pair would be dropped.
func (p *pairs) full() bool { return len(p.list) >= p.most }

// add adds a pair. One without a value is none, as in Loki. The last one of a name counts,
// in the place of the first one.
func (p *pairs) add(name, value string) {
	if value == "" {
		return
	}
	if name == "" || p.full() {
		p.dropped++
		return
	}
	if at := p.place(name); at < len(p.list) {
		p.list[at].value = value
		return
	}
	p.list = append(p.list, pair{name, value})
}

// place returns the place of the pair with a name, or that of the next pair.
func (p *pairs) place(name string) int {
	next := len(p.list)
	if next < maxLinear {
		for i := range p.list {
			if p.list[i].name == name {
				return i
			}
		}
		return next
	}
	if next == maxLinear {
		if p.places == nil {
			p.places = make(map[string]int)
		}
		for i := range p.list {
			p.places[p.list[i].name] = i
		}
	}
	if at, ok := p.places[name]; ok {
		return at
	}
	p.places[name] = next
	return next
}
