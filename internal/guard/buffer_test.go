// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBufferPool_ClassesFitTheirSizes(t *testing.T) {
	seen := map[int]int64{}
	for n := int64(0); n <= maxPooledBuffer; n += 509 {
		c, size, ok := class(n)
		assert.True(t, ok)
		assert.GreaterOrEqual(t, size, n)
		if n > minBuffer {
			assert.Less(t, size, n*3/2+509)
		}
		if known, ok := seen[c]; ok {
			assert.Equal(t, known, size)
		}
		seen[c] = size
	}
	assert.Len(t, seen, numClasses)
	_, _, ok := class(maxPooledBuffer)
	assert.True(t, ok)
	_, _, ok = class(maxPooledBuffer + 1)
	assert.False(t, ok)
	assert.EqualValues(t, maxPooledBuffer+1, sizeOf(maxPooledBuffer+1))
}

func TestBufferPool_RejectsForeignBuffers(t *testing.T) {
	var p bufferPool
	for _, n := range []int64{0, 1, 5000, 1 << 20, maxPooledBuffer} {
		b := p.get(n)
		assert.GreaterOrEqual(t, int64(cap(b.data)), n)
		p.put(b)
		assert.Empty(t, p.get(n).data)
	}
	p.put(&buffer{make([]byte, 0, 5000)})
	p.put(p.get(maxPooledBuffer + 1))
	assert.GreaterOrEqual(t, cap(p.get(5000).data), 6<<10)
}
