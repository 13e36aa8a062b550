// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package capacity

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestClass_FitsItsSizes(t *testing.T) {
	seen := map[int]int64{}
	for n := int64(0); n <= MaxPooledBuffer; n += 509 {
		c, size, ok := Class(n)
		assert.True(t, ok)
		assert.GreaterOrEqual(t, size, n)
		if n > MinBuffer {
			assert.Less(t, size, n*3/2+509)
		}
		if known, ok := seen[c]; ok {
			assert.Equal(t, known, size)
		}
		seen[c] = size
	}
	assert.Len(t, seen, NumClasses)
	_, _, ok := Class(MaxPooledBuffer)
	assert.True(t, ok)
	_, _, ok = Class(MaxPooledBuffer + 1)
	assert.False(t, ok)
	assert.EqualValues(t, MaxPooledBuffer+1, SizeOf(MaxPooledBuffer+1))
}
