package cumulative

import "sync"

// Budget bounds what several converters keep together. Its methods are safe for
// concurrent use.
//
// A converter may hold as much as is still free, hence at most half: one that holds much
// is refused first, and there is always room for those that hold little.
type Budget struct {
	seeds seeds
	runs  sync.Pool // of *run

	mu                     sync.Mutex
	maxStreams, maxBuckets int
	streams, buckets       int
}

// NewBudget returns a budget for so many time series, and buckets and bounds of their
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

// take gives a converter that holds so many streams and buckets more of them, or reports
// false and gives it none.
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
