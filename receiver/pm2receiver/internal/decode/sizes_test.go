// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSizes_ExpectWhatLinesOfTheLengthHad(t *testing.T) {
	var s sizes
	short, long := bytes.Repeat([]byte("x"), 40), bytes.Repeat([]byte("x"), 400)
	assert.Equal(t, unknownSize, s.of(short))

	s.set(short, 3)
	s.set(long, 12)
	assert.Equal(t, 3, s.of(short))
	assert.Equal(t, 12, s.of(long))

	s.set(long, 4)
	assert.Equal(t, 11, s.of(long), "one line with fewer fields lowers it only a little")
	s.set(long, 13)
	assert.Equal(t, 13, s.of(long))
}

// A line may have hundreds of fields, and is no reason to reserve as much for all others.
func TestSizes_AreBounded(t *testing.T) {
	var s sizes
	for _, n := range []int{0, 15, 1 << 10, 1 << 20} {
		line := make([]byte, n)
		s.set(line, 1<<16)
		assert.Equal(t, maxSize, s.of(line))
	}
}
