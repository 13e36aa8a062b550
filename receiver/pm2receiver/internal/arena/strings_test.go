// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package arena

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStrings_KeepWhatTheyHave(t *testing.T) {
	s := NewStrings(64)
	var made []string
	b := make([]byte, 0, 64)
	for i := range 2000 {
		b = fmt.Appendf(b[:0], "string %d", i)
		made = append(made, s.Copy(b))
	}
	clear(b)
	total := 0
	for i, x := range made {
		assert.Equal(t, fmt.Sprintf("string %d", i), x)
		total += len(x)
	}
	assert.Equal(t, total, s.Used())
}

func TestStrings_ZeroValueIsReady(t *testing.T) {
	var s Strings
	assert.Empty(t, s.Copy(nil))
	assert.Equal(t, "a", s.Copy([]byte("a")))
}

// A long string must not take the piece from the short ones that follow.
func TestStrings_AllocateLongOnesAlone(t *testing.T) {
	s := NewStrings(2 * leastPiece)
	s.Copy([]byte("first"))
	long := bytes.Repeat([]byte("x"), 4*leastPiece)
	assert.Equal(t, strings.Repeat("x", len(long)), s.Copy(long))
	assert.Zero(t, testing.AllocsPerRun(10, func() { s.Copy([]byte("short")) }))
}

func TestStrings_AllocateOncePerPiece(t *testing.T) {
	word := []byte("0123456789")
	assert.LessOrEqual(t, testing.AllocsPerRun(5, func() {
		s := NewStrings(100 * len(word))
		for range 100 {
			s.Copy(word)
		}
	}), 1.0)
}
