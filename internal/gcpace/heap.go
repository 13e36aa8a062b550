// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gcpace

import "runtime/metrics"

// heap is what the runtime bases the size of the heap at the next collection on.
type heap struct {
	live  uint64 // bytes that the last collection found in use
	roots uint64 // bytes of stacks and global variables that it scanned
}

// readHeap returns the heap after the last collection.
func readHeap() heap {
	samples := [...]metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(samples[:])
	var n [len(samples)]uint64
	for i := range samples {
		if samples[i].Value.Kind() == metrics.KindUint64 {
			n[i] = samples[i].Value.Uint64()
		}
	}
	return heap{live: n[0], roots: n[1] + n[2]}
}

// percentFor returns the GOGC with which the next collection is at floor, at least normal and at most
// maxPercent. The runtime collects when the heap has grown to live + (live + roots) * GOGC / 100.
func (h heap) percentFor(floor uint64, normal int) int {
	if h.live >= floor {
		return normal
	}
	percent := (floor - h.live) * 100 / max(h.live+h.roots, 1)
	return max(normal, int(min(percent, maxPercent)))
}
