// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"strings"
	"unicode/utf8"
)

// minChunk is the size of a chunk after the first one.
const minChunk = 16 << 10

// arena holds the texts of a request in few allocations. The texts stay valid when the
// arena is gone.
type arena struct {
	chunk   strings.Builder
	reserve func(n int64) error
}

// room makes room for a text of up to n bytes and returns where it begins in the chunk.
func (a *arena) room(n int) (int, error) {
	if a.chunk.Cap()-a.chunk.Len() >= n {
		return a.chunk.Len(), nil
	}
	size := max(n, minChunk)
	if err := a.reserve(int64(size)); err != nil {
		return 0, err
	}
	a.chunk = strings.Builder{}
	a.chunk.Grow(size)
	return 0, nil
}

// since returns the text that begins at from.
func (a *arena) since(from int) string { return a.chunk.String()[from:] }

// text copies a text. Each byte that is not valid UTF-8 becomes U+FFFD.
func (a *arena) text(raw []byte) (string, error) {
	if len(raw) == 0 {
		return "", nil
	}
	if !utf8.Valid(raw) {
		return a.repaired(raw)
	}
	from, err := a.room(len(raw))
	if err != nil {
		return "", err
	}
	a.chunk.Write(raw)
	return a.since(from), nil
}

func (a *arena) repaired(raw []byte) (string, error) {
	from, err := a.room(utf8.UTFMax * len(raw))
	if err != nil {
		return "", err
	}
	a.writeRepaired(raw)
	return a.since(from), nil
}

// writeRepaired writes a text for which there is room. A byte that is no part of a rune
// needs three.
func (a *arena) writeRepaired(raw []byte) {
	for len(raw) > 0 {
		r, n := utf8.DecodeRune(raw)
		a.chunk.WriteRune(r) // utf8.RuneError is U+FFFD
		raw = raw[n:]
	}
}
