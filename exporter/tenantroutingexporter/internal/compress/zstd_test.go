// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package compress

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

// At the highest levels an encoder has tens of megabytes of tables. A destination
// that is not used must not keep one for each processor.
func TestZstd_ReleasesUnusedMemory(t *testing.T) {
	heap := func() int64 {
		for range 3 { // a pool forgets in two rounds
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc) //nolint:gosec // less than that
	}
	z, data := newZstd(t, 22), text(100_000)
	before := heap()
	compressed(t, z, data)
	assert.Less(t, heap()-before, int64(4<<20))
	runtime.KeepAlive(z)
	runtime.KeepAlive(data)
}
