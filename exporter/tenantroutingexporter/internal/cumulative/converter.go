package cumulative

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Settings say how a Converter converts, and bound it.
type Settings struct {
	MaxStreams int           // time series that are kept; points of others are dropped
	MaxIdle    time.Duration // after which a time series is forgotten and begins again

	// MaxBuckets bounds the buckets and bounds of histograms that are kept, over all
	// time series. Points that need more are dropped.
	MaxBuckets int

	// MaxGrowth bounds how many buckets one request may get that it did not have: a
	// point of a few bytes gets all buckets of its total.
	MaxGrowth int

	// MaxFuture bounds how far points may be dated ahead of the gateway's clock. Points
	// that come late after one get later times, at most twice as far ahead.
	MaxFuture time.Duration

	// Resolution is the least difference of two times that the destination tells apart.
	Resolution time.Duration

	// GatewayKey is an attribute that data points get, with the value GatewayID, so that
	// the totals of several gateways are different time series. Empty: none.
	GatewayKey, GatewayID string
}

// ErrGrowth says that a request would get more buckets than Settings.MaxGrowth.
var ErrGrowth = errors.New("its histograms would grow too much when they are converted to cumulative ones; send fewer data points in one request")

// Converter keeps the totals of one tenant's delta time series at one
// destination. Its methods are safe for concurrent use.
type Converter struct {
	set        Settings
	budget     *Budget
	resolution pcommon.Timestamp

	discarded atomic.Bool // what is kept is dropped as soon as turn is free

	turn    turn
	streams map[streamID]*stream
	buckets int    // of all streams
	runs    uint64 // conversions so far
	closed  bool

	// floor is a time after which no time series has a point that is not known any more,
	// as far as clocks agree.
	floor pcommon.Timestamp
}

// Dropped counts points that cannot be converted.
type Dropped struct {
	Late      int // so late that it is not known any more whether the total has it
	Duplicate int // of the same start, time and value as one that the total has
	Future    int // dated ahead by more than MaxFuture
	Invalid   int // has no time or no value, one that is not finite, or that a counter cannot have; or its temporality is not known
	Overflow  int // takes a total that must not begin again out of the range of its type
	TooMany   int // of a time series beyond MaxStreams, or with buckets beyond MaxBuckets, or beyond the Budget
}

// Total returns how many points were dropped.
func (d Dropped) Total() int {
	return d.Late + d.Duplicate + d.Future + d.Invalid + d.Overflow + d.TooMany
}

// New returns a converter that has seen nothing.
func New(set Settings, budget *Budget, now time.Time) *Converter {
	return &Converter{
		set: set, budget: budget, resolution: pcommon.Timestamp(max(1, set.Resolution)), //nolint:gosec // not negative
		turn: newTurn(), streams: make(map[streamID]*stream), floor: pcommon.NewTimestampFromTime(now),
	}
}

// Needs tells whether md has anything that is not cumulative and should be, or that
// a backend of cumulative metrics refuses as a whole.
func Needs(md pmetric.Metrics) bool {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if fitnessOf(m) != fit {
					return true
				}
			}
		}
	}
	return false
}

// fitness is what a metric needs.
type fitness uint8

const (
	fit   fitness = iota // nothing
	delta                // to be converted
	unfit                // to be dropped
)

func fitnessOf(m pmetric.Metric) fitness {
	var t pmetric.AggregationTemporality
	switch m.Type() {
	case pmetric.MetricTypeSum:
		t = m.Sum().AggregationTemporality()
	case pmetric.MetricTypeHistogram:
		t = m.Histogram().AggregationTemporality()
	case pmetric.MetricTypeExponentialHistogram:
		t = m.ExponentialHistogram().AggregationTemporality()
	case pmetric.MetricTypeEmpty:
		return unfit
	default:
		return fit
	}
	switch t {
	case pmetric.AggregationTemporalityCumulative:
		return fit
	case pmetric.AggregationTemporalityDelta:
		return delta
	}
	return unfit
}

// Hold is the right to convert once. No other conversion is under way meanwhile.
type Hold struct{ converter *Converter }

// Acquire waits until no other conversion is under way, or ctx ends. The caller calls
// Convert or Release. It waits for as long as another caller takes to queue what it has
// converted, so that a caller should hold nothing that others need.
func (c *Converter) Acquire(ctx context.Context) (*Hold, error) {
	if err := c.turn.lock(ctx); err != nil {
		return nil, err
	}
	return &Hold{c}, nil
}

// Release lets others convert. It does nothing after Convert, or when it is called again.
func (h *Hold) Release() {
	if c := h.converter; c != nil {
		h.converter = nil
		c.release()
	}
}

// Conversion is a call of Convert that has not been closed. It holds the converter.
type Conversion struct {
	Dropped  Dropped
	Zeros    int // points that were added, one for each total that begins
	run      *run
	accepted bool
}

// Convert is Acquire, without an end of the wait, and Convert of the hold.
func (c *Converter) Convert(md pmetric.Metrics, now time.Time) (*Conversion, error) {
	h, err := c.Acquire(context.Background())
	if err != nil {
		return nil, err
	}
	return h.Convert(md, now)
}

// Convert changes md in place. The totals stay changed only if the caller calls Accept;
// others cannot convert until it calls Close. So what a lane did not accept
// and the client sends again is not counted twice, and totals are queued in the order in
// which they grew. With an error, or if it panics, there is nothing to close. It can be
// called once.
func (h *Hold) Convert(md pmetric.Metrics, now time.Time) (*Conversion, error) {
	c := h.converter
	h.converter = nil
	r := c.begin(now)
	converted := false
	defer func() {
		if !converted {
			r.undo()
			r.end()
			c.release()
		}
	}()
	r.read(md)
	if r.shuffled {
		r.sort(md)
	}
	r.write(md)
	if r.growth > c.set.MaxGrowth {
		return nil, ErrGrowth
	}
	converted = true
	return &Conversion{Dropped: r.dropped, Zeros: r.begun, run: r}, nil
}

// Accept makes the totals those of what was converted.
func (c *Conversion) Accept() { c.accepted = true }

// Close lets others convert. It does nothing when it is called again.
func (c *Conversion) Close() {
	r := c.run
	if r == nil {
		return
	}
	c.run = nil
	if !c.accepted {
		r.undo()
	}
	converter := r.converter
	r.end()
	converter.release()
}

// release lets others convert, unless there is something to discard.
func (c *Converter) release() {
	c.turn.unlock()
	c.discard()
}

// Sweep forgets time series that have been idle for too long.
func (c *Converter) Sweep(now time.Time) {
	if !c.turn.tryLock() {
		return // it is in use, perhaps for as long as a disk hangs; the next sweep sees it
	}
	defer c.release()
	streams, buckets := len(c.streams), c.buckets
	cut := now.Add(-c.set.MaxIdle)
	for id, s := range c.streams {
		if s.seen.Before(cut) {
			c.buckets -= s.size()
			c.floor = max(c.floor, s.last)
			delete(c.streams, id)
		}
	}
	if len(c.streams) == 0 && streams > 0 {
		c.streams = make(map[streamID]*stream) // a map that was large stays large
	}
	c.budget.giveBack(streams-len(c.streams), buckets-c.buckets)
}

// Idle tells whether no time series is kept and no conversion is under way.
func (c *Converter) Idle() bool {
	if !c.turn.tryLock() {
		return false
	}
	defer c.release()
	return len(c.streams) == 0
}

// Discard forgets all time series and drops all points that come, as too many. If a
// conversion is under way, that is when it ends: Discard does not wait for it.
func (c *Converter) Discard() {
	c.discarded.Store(true)
	c.discard()
}

// discard does what Discard asked for, unless another has the turn: it calls discard when
// it passes it on.
func (c *Converter) discard() {
	for c.discarded.Load() && c.turn.tryLock() {
		if !c.closed {
			c.budget.giveBack(len(c.streams), c.buckets)
			c.streams, c.buckets, c.closed = nil, 0, true
		}
		c.discarded.Store(false)
		c.turn.unlock()
	}
}
