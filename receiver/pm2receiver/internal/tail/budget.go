package tail

import (
	"context"
	"slices"
	"sync"
)

const (
	// defaultBuffer is [Settings.MaxBuffer] if that is zero.
	defaultBuffer = 64 << 20
	// lineCost is how much memory a long line takes, in its own size: itself, its
	// text without escapes, and what is made of that.
	lineCost = 3
)

// pools is what all streams share. Each part is bounded by itself, so that neither a
// few long lines nor many half ones keep others waiting.
type pools struct {
	blocks *budget // of files, each of many lines
	lines  *budget // lines longer than a block
	held   *shares // half lines and stack traces that wait for their end
}

func newPools(size int64) *pools {
	if size == 0 {
		size = defaultBuffer
	}
	return &pools{blocks: newBudget(size / 4), lines: newBudget(size / 2), held: &shares{limit: size / 4, of: map[*stream]int64{}}}
}

// budget is memory that is lent in the order in which it was asked for.
type budget struct {
	size int64

	mu   sync.Mutex
	free int64
	wait []*request
}

type request struct {
	size  int64
	given chan struct{} // closed when the memory is the asker's
}

func newBudget(size int64) *budget { return &budget{size: size, free: size} }

// take waits for memory and returns how much it got: n, or all there is if that is
// less. It returns an error only if ctx ended before.
func (b *budget) take(ctx context.Context, n int64) (int64, error) {
	n = min(n, b.size)
	b.mu.Lock()
	if len(b.wait) == 0 && b.free >= n {
		b.free -= n
		b.mu.Unlock()
		return n, nil
	}
	r := &request{size: n, given: make(chan struct{})}
	b.wait = append(b.wait, r)
	b.mu.Unlock()
	select {
	case <-r.given:
		return n, nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	at := slices.Index(b.wait, r)
	if at >= 0 {
		b.wait = slices.Delete(b.wait, at, at+1)
	}
	b.mu.Unlock()
	if at < 0 { // it came at the same moment
		b.give(n)
	} else {
		b.give(0) // those behind it may need less
	}
	return 0, context.Canceled
}

// give gives memory back.
func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
	for len(b.wait) > 0 && b.free >= b.wait[0].size {
		b.free -= b.wait[0].size
		close(b.wait[0].given)
		b.wait = slices.Delete(b.wait, 0, 1)
	}
}

// shares is memory that streams keep for as long as an application likes, so that
// no stream waits for it.
type shares struct {
	limit int64

	mu  sync.Mutex
	of  map[*stream]int64 // those that keep any
	all int64
}

// set notes how much a stream keeps, and reports whether it must give that up: there is
// not enough for all and it has more than an equal share.
func (h *shares) set(s *stream, n int64) (beyond bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all += n - h.of[s]
	if n == 0 {
		delete(h.of, s)
		return false
	}
	h.of[s] = n
	return h.all > h.limit && n > h.limit/int64(len(h.of))
}
