// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package slab

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUsage_EqualInputGivesEqualUsage(t *testing.T) {
	used := Usage{Text: 60_000, Records: 100, Fields: 1_000, Inner: 200, Strings: 1_200}
	got := used.Of(32_000, 64_000)
	assert.InEpsilon(t, 30_000, got.Text, 0.15)
	assert.InEpsilon(t, 50, got.Records, 0.15)
	assert.InEpsilon(t, 500, got.Fields, 0.15)
	assert.Zero(t, got.Ints)
	assert.Equal(t, Usage{Text: 500, Values: 250}, Usage{}.Of(500, 0), "nothing is known yet")
}

// The last line of a stack trace is short, and the trace before it was long; the
// longest line of PM2's has 16 MiB.
func TestUsage_IsBounded(t *testing.T) {
	dense := Usage{Text: 1 << 20, Records: 4096, Fields: 1 << 16, Inner: 1 << 16, Elements: 1 << 16, Strings: 1 << 16, Ints: 1 << 16, Doubles: 1 << 16, Maps: 1 << 16, Slices: 1 << 16}
	for _, size := range []int{1, 64 << 10, 16 << 20} {
		got := dense.Of(size, 20)
		assert.LessOrEqual(t, got.Text, 2*size+lastLine)
		assert.LessOrEqual(t, got.Text, 2*mostBytes+lastLine)
		for _, n := range []int{got.Records, got.Fields, got.Inner, got.Elements, got.Strings, got.Ints, got.Doubles, got.Maps, got.Slices} {
			assert.LessOrEqual(t, n, min(size, mostBytes)/partBytes)
		}
	}
}
