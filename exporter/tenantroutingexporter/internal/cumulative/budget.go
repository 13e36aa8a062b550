// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import "sync"

// Budget bounds the memory of several converters. Its methods are safe for concurrent use.
//
// A converter may use as much as is still free, hence at most half: a converter that uses much is rejected
// first, and there is always space for those that use little.
type Budget struct {
	seeds seeds
	runs  sync.Pool // of *run

	mu                     sync.Mutex
	maxStreams, maxBuckets int
	streams, buckets       int
}

// NewBudget returns a budget for the given numbers of time series, and of buckets and bounds of their
// histograms.
func NewBudget(streams, buckets int) *Budget {
	return &Budget{seeds: newSeeds(), maxStreams: streams, maxBuckets: buckets}
}

// Streams returns how many time series are kept.
func (b *Budget) Streams() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.streams
}

// take gives a converter that has the given numbers of streams and buckets more of them, or reports false.
func (b *Budget) take(heldStreams, streams, heldBuckets, buckets int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if streams > 0 && heldStreams+streams > b.maxStreams-b.streams-streams {
		return false
	}
	if buckets > 0 && heldBuckets+buckets > b.maxBuckets-b.buckets-buckets {
		return false
	}
	b.streams += streams
	b.buckets += buckets
	return true
}

func (b *Budget) giveBack(streams, buckets int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.streams -= streams
	b.buckets -= buckets
}
