// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package arena

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPool_ArenasTakeWhatTheyReserve(t *testing.T) {
	pool := &Pool{Overwrite: true}
	for _, size := range []int{0, 100, 5000, 10, maxPooled, 2 * maxPooled, 64} {
		a := pool.Get(size)
		assert.Zero(t, a.Used())
		one, two := a.Copy([]byte("one")), a.Copy(make([]byte, size))
		assert.Equal(t, "one", string(one), size)
		assert.Len(t, two, size)
		assert.NotContains(t, string(two), "\xff")
		assert.Equal(t, len("one")+size, a.Used())
		pool.Put(a)
	}
}

func TestPool_KeepsNoLargeArena(t *testing.T) {
	pool := new(Pool)
	a := pool.Get(maxPooled)
	a.Copy(make([]byte, maxPooled))
	pool.Put(a)
	assert.LessOrEqual(t, cap(pool.Get(0).piece), maxPooled)
}

func TestPool_OverwritesForTests(t *testing.T) {
	pool := &Pool{Overwrite: true}
	a := pool.Get(100)
	text := a.Copy([]byte("still in use"))
	pool.Put(a)
	assert.NotEqual(t, "still in use", string(text))
}

func TestPool_NilAllocates(t *testing.T) {
	var pool *Pool
	a := pool.Get(8)
	text := a.Copy([]byte("kept"))
	pool.Put(a)
	assert.Equal(t, "kept", string(text))
}
