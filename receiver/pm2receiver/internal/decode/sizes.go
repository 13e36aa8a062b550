// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

const (
	// sizeStep is how many bytes longer a line must be to have a size of its own, and
	// sizeSteps how many sizes there are.
	sizeStep  = 16
	sizeSteps = 64
	// maxSize bounds the size that is expected.
	maxSize = 64
	// unknownSize is expected of a length that no line has had.
	unknownSize = 8
)

// sizes predicts how many attributes a record will have: lines of a file that are about as
// long mostly have the same fields. It only saves memory and never changes a record. The
// zero value is ready.
type sizes [sizeSteps]uint8

// of returns how many attributes a line is expected to have, or a small number if nothing is
// known.
func (s *sizes) of(line []byte) int {
	if n := s[step(line)]; n != 0 {
		return int(n)
	}
	return unknownSize
}

// set notes how many attributes a line has. What is expected falls slowly, so that most
// lines get enough at once.
func (s *sizes) set(line []byte, size int) {
	n := &s[step(line)]
	*n = uint8(max(min(size, maxSize), int(*n)-1))
}

func step(line []byte) int { return min(len(line)/sizeStep, sizeSteps-1) }
