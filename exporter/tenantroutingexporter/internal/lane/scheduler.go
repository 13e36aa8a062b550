package lane

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Config bounds the lanes. Every value must be positive unless it says otherwise.
type Config struct {
	MaxBytes      int64         // of one lane
	MaxAge        time.Duration // after which what was not delivered expires
	BatchMaxBytes int           // payloads are merged up to this
	BatchTimeout  time.Duration // how long a batch may wait to become full; 0: not at all
	Concurrency   int           // batches of one lane in flight

	RetryInitial, RetryMax time.Duration
	BreakerFailures        int           // attempts that fail in a row until the breaker opens
	BreakerOpen            time.Duration // the least wait once it is open

	MaxTotalBytes  int64 // of all payloads; one tenant may use as much as is still free
	MaxMemoryBytes int64 // with a store: of payloads that stay in memory too, and of what is known of all

	EntryBytes  int64 // what a payload costs beside its bytes, in MaxBytes and MaxTotalBytes; may be 0
	EntryMemory int64 // likewise, in MaxMemoryBytes

	// EndpointConcurrency bounds the quick batches in flight to one endpoint, and
	// half of it the others.
	EndpointConcurrency int

	// InFlight bounds the quick batches in flight of lanes whose last one was
	// quick, and as many of lanes without one yet. Half of it are begun of lanes that
	// fail or are slow.
	InFlight    int
	IdleTimeout time.Duration
}

// Settings are what a Scheduler needs.
type Settings struct {
	Config
	Store  Store // nil: payloads are in memory only
	Logger *zap.Logger

	// Seal may bring the data of a part into the form in which it waits. Offer
	// calls it without a lock, once there is room for the part. Nil leaves data as
	// they are.
	Seal func(ctx context.Context, part Part)

	// Watch notes that payloads are about to be sent, durably, until done is called.
	// It is called from workers, with batches that have watched payloads.
	Watch func(payloads []*Payload) (done func(), err error)

	// Space says how much the store can take. It must be quick. Nil: any amount.
	Space func(id tenant.ID) Space

	// Refused keeps what a destination refused for good. It is called from
	// workers. If it returns an error, the batch stays and is tried again; if
	// it reports false, the batch is given up and counted. Nil gives up all.
	Refused func(b *Batch, res Result) (kept bool, err error)

	// Cut returns the records of p from first until end, counted from 0, as an encoded
	// request. data is that of p. It is called from workers. Nil: the records of a payload
	// are refused together.
	Cut func(p *Payload, data []byte, first, end int) ([]byte, error)

	// PerTenant keeps statistics per tenant.
	PerTenant bool
}

// Scheduler owns all lanes. Its methods are safe for concurrent use.
type Scheduler struct {
	Settings

	ctx    context.Context // of attempts
	cancel context.CancelFunc

	suspectCtx     context.Context // of attempts of lanes with failures, within ctx
	cancelSuspects context.CancelFunc

	mu        sync.Mutex
	lanes     map[Key]*lane
	endpoints map[string]*endpoint
	stats     map[StatsKey]*Stats
	usage     map[tenant.ID]holding
	total     int64 // sum of the bytes of usage
	entries   int64 // sum of the entries of usage
	inMemory  int64 // bytes of data of payloads in memory, sealed or not
	started   bool
	closed    bool // no offers any more
	draining  bool // attempts at once and only one each
	ended     bool // what comes now is not sent any more

	offering int   // offers that have reserved room and are not queued yet
	storing  int64 // what these cost
	inFlight int
	halted   bool // no attempts any more
	pools    pools
	pumpAt   time.Time // when an attempt ages; zero: none does

	wakes    wakeHeap
	loopAt   time.Time // when the loop looks next
	kick     chan struct{}
	stop     chan struct{}
	loopDone chan struct{}
	workers  sync.WaitGroup
	idle     *sync.Cond // nothing in flight, or no offer under way
}

// NewScheduler returns a scheduler that takes offers and recovered payloads but
// makes no attempts until Start.
func NewScheduler(set Settings) *Scheduler {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Scheduler{
		Settings: set, ctx: ctx, cancel: cancel,
		lanes:     make(map[Key]*lane),
		endpoints: make(map[string]*endpoint),
		stats:     make(map[StatsKey]*Stats),
		usage:     make(map[tenant.ID]holding),
		kick:      make(chan struct{}, 1),
		stop:      make(chan struct{}),
		loopDone:  make(chan struct{}),
		pools:     newPools(set.InFlight),
	}
	s.suspectCtx, s.cancelSuspects = context.WithCancel(ctx)
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
		s.settle(l, now)
	}
	s.pump(now)
}

// errOffer is the end of an offer that panicked. Its caller does not see it.
var errOffer = errors.New("the offer panicked")

// Offer accepts all parts or none. When it returns nil they are queued for
// every route and, with a store, durable. The routes of a part lead to different
// destinations. Errors are ErrShutdown, *FullError, *TooLargeError, *StoreError.
// A callback of Settings may panic: Offer then reserves nothing and holds no lock.
func (s *Scheduler) Offer(ctx context.Context, parts []Part) (err error) {
	cost, queued, err := s.beginOffer(parts)
	if err != nil || queued {
		return err
	}
	err = errOffer // unless keep returns
	defer func() { err = s.endOffer(parts, cost, err) }()
	err = s.keep(ctx, parts)
	return err
}

// beginOffer reserves what parts cost. It queues them if there is nothing to do
// outside of the lock.
func (s *Scheduler) beginOffer(parts []Part) (cost int64, queued bool, err error) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.admit(parts, now); err != nil {
		return 0, false, err
	}
	for i := range parts {
		s.reserve(&parts[i], now)
	}
	if s.Store == nil && s.Seal == nil {
		s.enqueue(parts, now)
		return 0, true, nil
	}
	for i := range parts {
		cost += s.cost(parts[i].Payload)
	}
	s.offering++
	s.storing += cost
	return cost, false, nil
}

// endOffer queues parts, or gives back what they have reserved if keeping them
// failed, and returns the result of the offer.
func (s *Scheduler) endOffer(parts []Part, cost int64, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.storing -= cost
	if s.offering--; s.offering == 0 {
		s.idle.Broadcast()
	}
	for _, part := range parts {
		s.inMemory += int64(len(part.Payload.Data) - part.Payload.Size) // what sealing saved
	}
	now := time.Now()
	if err == nil && s.ended && s.Store == nil {
		err = ErrShutdown
	}
	if err != nil {
		for i := range parts {
			s.unreserve(&parts[i], now)
		}
		return err
	}
	s.enqueue(parts, now)
	return nil
}

// keep does what an offer does outside of the lock, between reserving room and
// being queued.
func (s *Scheduler) keep(ctx context.Context, parts []Part) error {
	if s.Seal != nil {
		for _, part := range parts {
			s.Seal(ctx, part)
		}
	}
	if s.Store == nil {
		return nil
	}
	if err := s.Store.Put(ctx, parts); err != nil {
		return &StoreError{err}
	}
	return nil
}

// reserve counts a part against the bounds of its tenant and lanes.
func (s *Scheduler) reserve(part *Part, now time.Time) {
	p := part.Payload
	p.Accepted = now
	p.refs = int32(len(part.Routes))
	s.hold(p)
	for _, route := range part.Routes {
		l := s.open(Key{p.Tenant, route.Destination, p.Signal}, route.Target, now)
		p.Tenant = l.key.Tenant // a copy less of the name
		l.reserved++
		l.bytes += s.cost(p)
	}
}

// unreserve undoes reserve.
func (s *Scheduler) unreserve(part *Part, now time.Time) {
	p := part.Payload
	for _, route := range part.Routes {
		l := s.lanes[Key{p.Tenant, route.Destination, p.Signal}]
		l.reserved--
		l.bytes -= s.cost(p)
		s.letGo(p)
		s.settle(l, now)
	}
}

// enqueue queues parts that were reserved, and starts attempts.
func (s *Scheduler) enqueue(parts []Part, now time.Time) {
	for i := range parts {
		p := parts[i].Payload
		if s.Store != nil && s.inMemory+s.entries*s.EntryMemory > s.MaxMemoryBytes {
			s.inMemory -= int64(len(p.Data))
			p.Data = nil
		}
		for _, route := range parts[i].Routes {
			l := s.lanes[Key{p.Tenant, route.Destination, p.Signal}]
			l.reserved--
			l.stats.Accepted += int64(p.Records)
			s.append(l, p, now)
			s.settle(l, now)
		}
	}
	s.pump(now)
}

// append queues p, whose bytes are already counted in l.bytes.
func (s *Scheduler) append(l *lane, p *Payload, now time.Time) {
	if l.queue.len() == 0 {
		l.lingerUntil = now.Add(s.BatchTimeout)
	}
	l.queue.push(p)
	l.waiting += int64(p.Size)
	l.lastUse = now
	l.stats.QueuedRecords += int64(p.Records)
	l.stats.QueuedBytes += int64(p.Size)
}

// Recover queues what an earlier run left in the store, or another exporter. Bounds do not
// apply: it was accepted once.
func (s *Scheduler) Recover(part Part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	p := part.Payload
	p.refs = int32(len(part.Routes))
	s.hold(p)
	for _, route := range part.Routes {
		l := s.open(Key{p.Tenant, route.Destination, p.Signal}, route.Target, now)
		p.Tenant = l.key.Tenant
		l.bytes += s.cost(p)
		l.stats.Recovered += int64(p.Records)
		s.append(l, p, now)
		if s.started {
			s.settle(l, now)
		}
	}
	if s.started {
		s.pump(now)
	}
}

// Retarget asks target for the current target of every open lane, for use when
// tenants or their settings have changed. A lane for which it returns nil keeps
// the target that it has. A lane whose target changes is tried at once.
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
	s.pump(time.Now())
}

func (s *Scheduler) retarget(k Key, t Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[k]
	if l == nil || l.target == t {
		return
	}
	s.aim(l, t)
	l.notBefore, l.batchCap = time.Time{}, 0
	s.settle(l, time.Now())
}

// open returns the lane k, with target as its current one.
func (s *Scheduler) open(k Key, target Target, now time.Time) *lane {
	l := s.lanes[k]
	if l == nil {
		l = &lane{key: k, wakeIndex: -1, stats: s.statsOf(k), budget: newBudget(now)}
		s.lanes[k] = l
	}
	l.lastUse = now
	if target != nil && target != l.target {
		s.aim(l, target)
	}
	return l
}

// closeIfIdle forgets a lane that has had nothing to do for a while.
func (s *Scheduler) closeIfIdle(l *lane, now time.Time) bool {
	if l.hasWork() || l.inFlight > 0 || l.reserved > 0 || now.Before(l.idleUntil(&s.Config)) {
		return false
	}
	delete(s.lanes, l.key)
	s.leave(l)
	return true
}

// jitter returns d changed by up to a quarter either way, so that lanes that
// failed together do not come back together.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.75 + rand.Float64()/2))
}
