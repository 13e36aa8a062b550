// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard/capacity"
)

func TestBufferPool_RejectsForeignBuffers(t *testing.T) {
	var p bufferPool
	for _, n := range []int64{0, 1, 5000, 1 << 20, capacity.MaxPooledBuffer} {
		b := p.get(n)
		assert.GreaterOrEqual(t, int64(cap(b.data)), n)
		p.put(b)
		assert.Empty(t, p.get(n).data)
	}
	p.put(&buffer{make([]byte, 0, 5000)})
	p.put(p.get(capacity.MaxPooledBuffer + 1))
	assert.GreaterOrEqual(t, cap(p.get(5000).data), 6<<10)
}
