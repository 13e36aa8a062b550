// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package arena

import "sync"

// maxPooled bounds the memory of an arena that a Pool keeps. Larger ones are left to the
// garbage collector.
const maxPooled = 1 << 20

// Pool keeps the memory of arenas whose text is not needed any more. The garbage collector
// may take it at any time. A nil Pool keeps nothing. It is safe for concurrent use.
type Pool struct {
	arenas sync.Pool
	// Overwrite is set by tests: the text of an arena is overwritten when it is put back, so
	// that what still refers to it differs.
	Overwrite bool
}

// Get returns an arena whose first piece has capacity for at least n bytes. Later pieces
// are smaller.
func (p *Pool) Get(n int) *Arena {
	if p == nil {
		return New(n)
	}
	a, ok := p.arenas.Get().(*Arena)
	if !ok {
		return New(n)
	}
	*a = Arena{piece: a.piece, free: a.piece[:0], size: (n + slack) / 16}
	if cap(a.piece) < n+slack {
		*a = Arena{size: n + slack}
	}
	return a
}

// Put takes an arena back. Nothing may refer to its text.
func (p *Pool) Put(a *Arena) {
	if p == nil || cap(a.piece) > maxPooled {
		return
	}
	if p.Overwrite {
		text := a.piece[:cap(a.piece)]
		for i := range text {
			text[i] = 0xff
		}
	}
	a.free = nil
	p.arenas.Put(a)
}
