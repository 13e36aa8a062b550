// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package cumulative

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Settings configure a Converter.
type Settings struct {
	MaxStreams int           // time series that are kept; points of others are dropped
	MaxIdle    time.Duration // after which a time series is removed, and starts again

	// MaxBuckets bounds the buckets and bounds of the histograms of all time series. Points that need more
	// are dropped.
	MaxBuckets int

	// MaxGrowth bounds how many buckets conversion adds to one request: a point of a few bytes gets all
	// buckets of its total.
	MaxGrowth int

	// MaxFuture bounds how far the time of a point may be ahead of the gateway's clock. Late points after
	// such a point get later times, at most twice as far ahead.
	MaxFuture time.Duration

	// Resolution is the least difference of two times that the destination distinguishes.
	Resolution time.Duration

	// GatewayKey is an attribute of all data points with the value GatewayID, so that the totals of
	// several gateways are different time series. Empty: none.
	GatewayKey, GatewayID string
}

// ErrGrowth is returned if conversion would add more buckets than Settings.MaxGrowth.
var ErrGrowth = errors.New("its histograms would grow too much when they are converted to cumulative ones; send fewer data points in one request")

// Converter keeps the totals of one tenant's delta time series at one
// destination. Its methods are safe for concurrent use.
type Converter struct {
	set        Settings
	budget     *Budget
	resolution pcommon.Timestamp

	discarded atomic.Bool // the totals are removed as soon as the conversion in progress ends

	mu      contextMutex
	streams map[streamID]*stream
	buckets int    // of all streams
	runs    uint64 // conversions so far
	closed  bool

	// floor is a time after which no time series has a point that was forgotten, as far as clocks agree.
	floor pcommon.Timestamp
}

// Dropped counts points that cannot be converted.
type Dropped struct {
	Late      int // so late that the total may already include it
	Duplicate int // with the start, time and value of a point that the total includes
	Future    int // more than MaxFuture ahead
	Invalid   int // has no time or no value, one that is not finite, or that a counter cannot have; or its temporality is not known
	Overflow  int // its total would be out of the range of its type, and must not start again
	TooMany   int // of a time series beyond MaxStreams, or with buckets beyond MaxBuckets, or beyond the Budget
}

// Total returns how many points were dropped.
func (d Dropped) Total() int {
	return d.Late + d.Duplicate + d.Future + d.Invalid + d.Overflow + d.TooMany
}

// New returns a converter without time series.
func New(set Settings, budget *Budget, now time.Time) *Converter {
	return &Converter{
		set: set, budget: budget, resolution: pcommon.Timestamp(max(1, set.Resolution)), //nolint:gosec // not negative
		mu: newContextMutex(), streams: make(map[streamID]*stream), floor: pcommon.NewTimestampFromTime(now),
	}
}

// Needs reports whether md has delta metrics, or metrics that a backend for cumulative metrics rejects.
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

// Hold is the exclusive right to convert once.
type Hold struct{ converter *Converter }

// Acquire waits until no other conversion is in progress, or ctx ends. The caller calls Convert or Release.
// Another caller may take long to queue its converted data, so the caller should not hold a resource
// that others need.
func (c *Converter) Acquire(ctx context.Context) (*Hold, error) {
	if err := c.mu.lock(ctx); err != nil {
		return nil, err
	}
	return &Hold{c}, nil
}

// Release ends the hold. It does nothing after Convert, or when it is called again.
func (h *Hold) Release() {
	if c := h.converter; c != nil {
		h.converter = nil
		c.release()
	}
}

// Conversion is the result of Convert. It holds the converter until Close.
type Conversion struct {
	Dropped  Dropped
	Zeros    int // added points, one for each total that starts
	run      *run
	accepted bool
}

// Convert is like Acquire without a context, followed by Hold.Convert.
func (c *Converter) Convert(md pmetric.Metrics, now time.Time) (*Conversion, error) {
	h, err := c.Acquire(context.Background())
	if err != nil {
		return nil, err
	}
	return h.Convert(md, now)
}

// Convert converts md in place. The totals keep the change only if the caller calls Accept, and no other
// conversion begins before it calls Close. So a request that a lane rejects and the client sends again does
// not count twice, and totals are queued in the order in which they grow. After an error or a panic
// there is nothing to close. Convert can be called once.
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

// Accept keeps the changed totals.
func (c *Conversion) Accept() { c.accepted = true }

// Close ends the hold. It does nothing when it is called again.
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

// release ends the hold, and discards the totals if Discard was called.
func (c *Converter) release() {
	c.mu.unlock()
	c.discard()
}

// Sweep removes idle time series.
func (c *Converter) Sweep(now time.Time) {
	if !c.mu.tryLock() {
		return // a conversion is in progress, possibly as long as a disk hangs; the next sweep retries
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
		c.streams = make(map[streamID]*stream) // maps do not shrink
	}
	c.budget.giveBack(streams-len(c.streams), buckets-c.buckets)
}

// Idle reports whether there is no time series and no conversion in progress.
func (c *Converter) Idle() bool {
	if !c.mu.tryLock() {
		return false
	}
	defer c.release()
	return len(c.streams) == 0
}

// Discard removes all time series, and makes later conversions drop all points as too many. It does not wait
// for a conversion in progress, whose end removes the time series then.
func (c *Converter) Discard() {
	c.discarded.Store(true)
	c.discard()
}

// discard removes the time series, unless a conversion is in progress, which calls discard at its end.
func (c *Converter) discard() {
	for c.discarded.Load() && c.mu.tryLock() {
		if !c.closed {
			c.budget.giveBack(len(c.streams), c.buckets)
			c.streams, c.buckets, c.closed = nil, 0, true
		}
		c.discarded.Store(false)
		c.mu.unlock()
	}
}
