// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// heapInterval is how often the size of the heap is measured, as often as memory_limiter does
// in the shipped configuration.
const heapInterval = time.Second

// heapGate reports whether the heap is larger than a limit. It measures when it is asked, so it
// needs no goroutine. The zero value has no limit. It is safe for concurrent use.
type heapGate struct {
	limit atomic.Int64 // 0: none
	// measured is when; nil: never. It has the monotonic clock, so that setting the clock of
	// the machine back does not keep a measurement.
	measured atomic.Pointer[time.Time]
	over     atomic.Bool
}

// exceeded reports whether the heap was too large when it was measured last, at most
// heapInterval ago.
func (h *heapGate) exceeded() bool {
	limit := h.limit.Load()
	if limit == 0 {
		return false
	}
	now, last := time.Now(), h.measured.Load()
	if (last == nil || now.Sub(*last) >= heapInterval) && h.measured.CompareAndSwap(last, &now) {
		h.over.Store(heapSize() >= limit)
	}
	return h.over.Load()
}

// heapSize returns the bytes of all objects on the heap, dead ones included, which is what
// memory_limiter looks at. Unlike runtime.ReadMemStats it stops no goroutine.
func heapSize() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(sample[0].Value.Uint64())
}
