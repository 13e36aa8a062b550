// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Config bounds the lanes. Every value must be positive unless its comment allows zero.
type Config struct {
	MaxBytes      int64         // of one lane
	MaxAge        time.Duration // older data expires
	BatchMaxBytes int           // payloads are merged up to this size
	BatchTimeout  time.Duration // how long a batch may wait to become full; 0: not at all
	Concurrency   int           // batches of one lane in flight

	RetryInitial, RetryMax time.Duration // the first and the longest backoff
	BreakerFailures        int           // failures in a row that open the circuit breaker
	BreakerOpen            time.Duration // the shortest delay between attempts while it is not closed

	MaxTotalBytes  int64 // of all payloads; one tenant may use as much as is still free
	MaxMemoryBytes int64 // with a store: of payloads that stay in memory too, and of the index of all payloads

	EntryBytes  int64 // what a payload costs in addition to its bytes, in MaxBytes and MaxTotalBytes; may be 0
	EntryMemory int64 // the same in MaxMemoryBytes

	// EndpointConcurrency bounds the quick batches in flight to one endpoint. Half of it bounds
	// its slow ones.
	EndpointConcurrency int

	// InFlight bounds the batches in flight of lanes whose last attempt was quick. There are as many
	// more for lanes that have not made one yet, and half as many for lanes that fail or are slow.
	InFlight int

	IdleTimeout time.Duration // an empty lane closes after it
}

// Settings are what a Scheduler needs. Callbacks may be called from several goroutines at once.
type Settings struct {
	Config
	Store  Store // nil: payloads are in memory only
	Logger *zap.Logger

	// Precompress may compress the data of a part, which then waits in that form. Offer
	// calls it without a lock, after the part was admitted. Nil leaves data as they are.
	Precompress func(ctx context.Context, part Part)

	// Watch records durably that payloads are about to be sent, until done is called. Workers call
	// it for batches that have watched payloads.
	Watch func(payloads []*Payload) (done func(), err error)

	// Space returns how much the store can take. It must be quick. Nil: any amount.
	Space func(id tenant.ID) Space

	// Rejected keeps a batch that a destination rejected permanently. Workers call it. If it
	// returns an error, the batch stays in the lane and is retried; if it reports false, the
	// batch is dropped and counted. Nil drops all.
	Rejected func(b *Batch, res Result) (kept bool, err error)

	// Cut returns the records of p from first until end, counted from 0, as an encoded
	// request. data is the data of p. Workers call it. Nil: the records of a payload
	// are rejected together.
	Cut func(p *Payload, data []byte, first, end int) ([]byte, error)

	// PerTenant keeps statistics for each tenant.
	PerTenant bool
}

// Scheduler owns all lanes. Its methods are safe for concurrent use.
type Scheduler struct {
	Settings

	ctx    context.Context // of attempts
	cancel context.CancelFunc

	probeCtx     context.Context // of attempts that are probes, within ctx
	cancelProbes context.CancelFunc

	mu        sync.Mutex
	lanes     map[Key]*lane
	endpoints map[string]*endpoint
	stats     map[StatsKey]*Stats
	usage     map[tenant.ID]usage
	total     int64 // sum of the bytes of usage
	entries   int64 // sum of the entries of usage
	inMemory  int64 // bytes of data of payloads in memory, in the form in which they are there

	started  bool
	closed   bool // offers are rejected
	draining bool // lanes make one attempt at once, whatever their retry time
	halted   bool // no attempt begins
	ended    bool // what is admitted now will not be sent

	offering int   // offers that are admitted and not queued yet
	storing  int64 // the cost of their payloads
	inFlight int
	slots    slots
	demoteAt time.Time // when the next quick attempt becomes a slow one; zero: there is none

	timers   timerHeap
	loopAt   time.Time // when the loop looks at the timers next
	kick     chan struct{}
	stop     chan struct{}
	loopDone chan struct{}
	workers  sync.WaitGroup
	idle     *sync.Cond // nothing is in flight, or no offer is in progress
}

// NewScheduler returns a scheduler that takes offers and recovered payloads but makes no attempts
// until Start.
func NewScheduler(set Settings) *Scheduler {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Scheduler{
		Settings: set, ctx: ctx, cancel: cancel,
		lanes:     make(map[Key]*lane),
		endpoints: make(map[string]*endpoint),
		stats:     make(map[StatsKey]*Stats),
		usage:     make(map[tenant.ID]usage),
		kick:      make(chan struct{}, 1),
		stop:      make(chan struct{}),
		loopDone:  make(chan struct{}),
		slots:     newSlots(set.InFlight),
	}
	s.probeCtx, s.cancelProbes = context.WithCancel(ctx)
	s.idle = sync.NewCond(&s.mu)
	return s
}

// Start begins to deliver.
func (s *Scheduler) Start() {
	go s.loop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = true
	now := time.Now()
	for _, l := range s.lanes {
		s.reschedule(l, now)
	}
	s.dispatch(now)
}

// Retarget calls target for every open lane and uses the target that it returns from then on. Call it
// when tenants or their settings have changed. A lane for which target returns nil keeps the target
// that it has. A lane whose target changes is tried at once.
func (s *Scheduler) Retarget(target func(Key) Target) {
	s.mu.Lock()
	keys := make([]Key, 0, len(s.lanes))
	for k := range s.lanes {
		keys = append(keys, k)
	}
	s.mu.Unlock()
	for _, k := range keys {
		if t := target(k); t != nil {
			s.retarget(k, t)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dispatch(time.Now())
}

func (s *Scheduler) retarget(k Key, t Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[k]
	if l == nil || l.target == t {
		return
	}
	s.setTarget(l, t)
	l.breaker.retryNow()
	l.batchCap = 0
	s.reschedule(l, time.Now())
}

// Shutdown ends the scheduler. Without a store it tries everything that is queued once more, at
// once, and drops and counts what fails. With a store it leaves the queue there, and cancels
// probes, so that a backend that hangs delays nothing. It returns when that is done or ctx ends,
// which also cancels attempts in flight. It must be called once, after Start.
func (s *Scheduler) Shutdown(ctx context.Context) {
	defer s.cancel()
	if s.Store != nil {
		s.cancelProbes()
	}
	s.mu.Lock()
	s.closed = true
	now := time.Now()
	if s.Store == nil {
		s.draining = true
		for _, l := range s.lanes {
			s.reschedule(l, now)
		}
		s.dispatch(now)
	} else {
		s.halted = true
	}
	s.mu.Unlock()

	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended = true
		s.halted = true
		s.cancel()
		s.idle.Broadcast()
	})
	s.mu.Lock()
	for s.inFlight > 0 || (s.offering > 0 && !s.ended) {
		s.idle.Wait()
	}
	s.mu.Unlock()
	stop()
	s.workers.Wait()
	close(s.stop)
	<-s.loopDone

	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.Store == nil {
		for _, l := range s.lanes {
			for l.hasWork() { // a dead letter that is dropped may free the rest of its payload
				s.drop(l, l.expired(time.Now().Add(time.Hour)), ReasonShutdown)
				l.pruneSearches()
			}
		}
	}
}
