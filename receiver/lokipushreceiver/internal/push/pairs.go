// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

// pair is a label or an entry of structured metadata.
type pair struct{ name, value string }

// pairs are the labels of a stream or the structured metadata of an entry, up to a
// bound.
type pairs struct {
	list    []pair
	most    int
	dropped int // without a name, or over the bound
}

func (p *pairs) reset() { p.list, p.dropped = p.list[:0], 0 }

// full reports whether the next pair would be dropped.
func (p *pairs) full() bool { return len(p.list) >= p.most }

// add adds a pair. One without a value is none, as in Loki. The last one of a name counts.
func (p *pairs) add(name, value string) {
	if value == "" {
		return
	}
	if name == "" || p.full() {
		p.dropped++
		return
	}
	p.list = append(p.list, pair{name, value})
}
