// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package arena

import "strings"

// Strings makes strings whose bytes are in a few large pieces. The zero value is ready. It
// is not safe for concurrent use, but the strings are.
type Strings struct {
	piece strings.Builder // never grows, so what it has never moves
	size  int             // of the next piece
	used  int
}

// NewStrings returns a Strings whose first piece has capacity for n bytes. Later ones are
// smaller.
func NewStrings(n int) Strings { return Strings{size: n} }

// Used returns how many bytes the strings have.
func (s *Strings) Used() int { return s.used }

// Copy returns the bytes of b as a string.
func (s *Strings) Copy(b []byte) string {
	s.used += len(b)
	if s.piece.Cap()-s.piece.Len() < len(b) {
		if len(b) >= leastPiece {
			return string(b) // the rest of the piece remains useful for shorter strings
		}
		s.piece = strings.Builder{}
		s.piece.Grow(max(s.size, leastPiece))
		s.size /= 16
	}
	from := s.piece.Len()
	s.piece.Write(b)
	return s.piece.String()[from:]
}
