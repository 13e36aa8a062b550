package lane

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
)

// minBatchCap is where the halving of batches that a destination finds too
// large stops.
const minBatchCap = 4 << 10

// maxRetryAfter bounds what a destination can ask for.
const maxRetryAfter = 10 * time.Minute

// refusalInterval is how often a lane logs that its destination refuses data.
const refusalInterval = time.Minute

// endpoint is what targets of the same name share. It is guarded by Scheduler.mu.
type endpoint struct {
	name   string
	lanes  int                     // lanes that aim here
	parked [numClasses]fifo[*lane] // lanes with a batch to send, in turn
	inLine [numClasses]bool        // whether it waits in the line of that pool
	quick  int                     // attempts with a quick slot
	slow   int                     // all others
}

// aim gives l the target t.
func (s *Scheduler) aim(l *lane, t Target) {
	name := t.Endpoint()
	l.target = t
	if l.endpoint != nil && l.endpoint.name == name {
		return
	}
	s.leave(l)
	ep := s.endpoints[name]
	if ep == nil {
		ep = &endpoint{name: name}
		s.endpoints[name] = ep
	}
	ep.lanes++
	l.endpoint = ep
}

// leave ends l's share in its endpoint. A lane that is parked there is passed
// over when its turn comes, because its endpoint is another one by then.
func (s *Scheduler) leave(l *lane) {
	ep := l.endpoint
	if ep == nil {
		return
	}
	l.endpoint, l.parked = nil, false
	if ep.lanes--; ep.lanes == 0 {
		delete(s.endpoints, ep.name)
	}
}

// settle decides what l does next: wait in line, wait for a time, or nothing.
// It is called after every change to l; pump then starts what is in line.
func (s *Scheduler) settle(l *lane, now time.Time) {
	oldest, waits := l.oldest()
	if waits && !now.Before(oldest.Add(s.MaxAge)) {
		s.drop(l, l.expired(now.Add(-s.MaxAge)), ReasonExpired)
		oldest, waits = l.oldest()
	}
	var wake time.Time
	switch {
	case l.parked:
	case !waits:
		if l.inFlight == 0 && l.reserved == 0 {
			wake = l.lastUse.Add(s.IdleTimeout)
		}
	case l.target == nil:
		wake = oldest.Add(s.MaxAge)
	case l.inFlight >= l.limit(&s.Config):
		// the end of an attempt settles the lane again
	case now.Before(l.notBefore) && !s.draining:
		wake = l.notBefore
		if end := oldest.Add(s.MaxAge); end.Before(wake) {
			wake = end
		}
	case l.redo.len() == 0 && l.waiting < int64(l.batchBytes(&s.Config)) && now.Before(l.lingerUntil) && !s.draining:
		wake = l.lingerUntil
	default:
		l.parked = true
		s.enlist(l, now)
	}
	s.setWake(l, wake)
}

func (s *Scheduler) begin(l *lane, ep *endpoint, c class, now time.Time) {
	b := l.take(&s.Config)
	parent := s.ctx
	if l.failures > 0 {
		parent = s.suspectCtx
	}
	a := &attempt{lane: l, endpoint: ep, target: l.target, batch: b, since: b.entries[0].Accepted, began: now}
	a.ctx, a.cancel = context.WithCancel(parent)
	l.inFlight++
	l.attempts = append(l.attempts, a)
	s.inFlight++
	s.occupy(a, c)
	if c.quick() {
		s.pools.young.push(a)
	}
	s.enlistEndpoint(ep)
	s.workers.Add(1)
	go s.run(a)
}

// attempt is one call of a target.
type attempt struct {
	lane     *lane
	endpoint *endpoint
	target   Target
	batch    *Batch
	since    time.Time // when its first payload was accepted
	began    time.Time
	ctx      context.Context //nolint:containedctx // it lives as long as the attempt
	cancel   context.CancelFunc

	// These are guarded by Scheduler.mu.
	class     class // of the slot that it has
	ended     bool
	preempted bool // ended for another
}

func (s *Scheduler) run(a *attempt) {
	defer s.workers.Done()
	defer a.cancel()
	res, kept, lost := s.send(a)
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	l := a.lane
	a.ended = true
	l.inFlight--
	l.attempts = slices.DeleteFunc(l.attempts, func(other *attempt) bool { return other == a })
	s.inFlight--
	if a.preempted {
		s.pools.giving = false
		if res.Verdict == Retry {
			res.Reason = "preempted"
		}
	}
	l.known = true
	if took := now.Sub(a.began); took >= slowAfter || res.Verdict == Delivered {
		l.slow = took >= slowAfter
	}
	s.vacate(a)
	s.drop(l, lost, ReasonUnreadable)
	s.finish(a, res, kept, now)
	a.batch, a.target = nil, nil // it may be in pools for a while
	l.lastUse = now
	s.settle(l, now)
	s.pump(now)
	if s.inFlight == 0 {
		s.idle.Broadcast()
	}
}

// send makes the attempt outside of the lock. It returns the payloads that
// could not be read back.
func (s *Scheduler) send(a *attempt) (res Result, kept bool, lost []*Payload) {
	b := a.batch
	if s.Watch != nil && slices.ContainsFunc(b.entries, func(p *Payload) bool { return p.Watched }) {
		done, err := s.Watch(b.entries)
		if err != nil {
			return Result{Verdict: Retry, Reason: "storage", Err: fmt.Errorf("noting an attempt: %w", err)}, false, nil
		}
		defer done()
	}
	lost, err := s.load(b)
	if err != nil {
		return Result{Verdict: Retry, Reason: "storage", Err: fmt.Errorf("reading queued data: %w", err)}, false, lost
	}
	if len(b.entries) == 0 {
		return Result{Verdict: Delivered}, false, lost
	}
	res = deliver(a, b.entries)
	if res.Verdict == TooLarge && len(b.entries) == 1 {
		res.Verdict = Refused
	}
	if res.Verdict == Refused && s.Refused != nil {
		if kept, err = s.Refused(b, res); err != nil {
			return Result{Verdict: Retry, Reason: "dead_letter", Err: fmt.Errorf("keeping a dead letter: %w", err)}, false, lost
		}
	}
	return res, kept, lost
}

// load fills b.Payloads, reading back what is in the store only.
func (s *Scheduler) load(b *Batch) (lost []*Payload, err error) {
	b.Payloads = make([][]byte, len(b.entries))
	var absent []*Payload
	for i, p := range b.entries {
		if b.Payloads[i] = p.Data; p.Data == nil {
			absent = append(absent, p)
		}
	}
	if len(absent) == 0 {
		return nil, nil
	}
	data, err := s.Store.Read(s.ctx, absent)
	if err != nil {
		return nil, err
	}
	read := make(map[*Payload][]byte, len(absent))
	for i, p := range absent {
		read[p] = data[i]
	}
	var entries []*Payload
	var payloads [][]byte
	for _, p := range b.entries {
		d := p.Data
		if d == nil {
			d = read[p]
		}
		if d == nil {
			lost = append(lost, p)
			continue
		}
		entries, payloads = append(entries, p), append(payloads, d)
	}
	*b = *newBatch(b.Key, entries)
	b.Payloads = payloads
	return lost, nil
}

// finish does what the result of an attempt asks for.
func (s *Scheduler) finish(a *attempt, res Result, kept bool, now time.Time) {
	l, b := a.lane, a.batch
	if len(b.entries) == 0 {
		return // all of it was lost in the store
	}
	l.stats.attempt(res)
	switch res.Verdict {
	case Delivered:
		rejected := min(max(res.Rejected, 0), b.Records)
		l.stats.Delivered += int64(b.Records - rejected)
		l.stats.dropped(ReasonRejected, rejected)
		if res.Err != nil {
			s.warnRefused(l, now, "A destination took only part of a batch", s.fields(b, res))
		}
		s.recovered(l)
		s.release(l, b.entries)
	case TooLarge:
		l.batchCap = max(b.Bytes/2, minBatchCap)
		half := len(b.entries) / 2
		l.redo.pushFront(b.entries[half:])
		l.redo.pushFront(b.entries[:half])
	case Refused:
		s.recovered(l)
		if kept {
			l.stats.deadLettered(res.Reason, b.Records)
			s.release(l, b.entries)
		} else {
			s.drop(l, b.entries, ReasonRefused)
		}
		s.warnRefused(l, now, "A destination refused a batch for good", append(s.fields(b, res), zap.Bool("dead_letter", kept)))
	case Retry, Blocked:
		if s.draining {
			// There is no later attempt. What else the lane has would meet the same fate.
			s.drop(l, append(l.expired(now.Add(s.MaxAge)), b.entries...), ReasonShutdown)
			return
		}
		l.redo.pushFront(b.entries)
		s.backOff(l, res, now)
		// What waits for an operator is logged again when there is another reason.
		if l.failures == 1 || l.failures == s.BreakerFailures || res.Verdict == Blocked && res.Reason != l.logged {
			l.logged = res.Reason
			s.Logger.Warn("A destination does not take data; its lane waits",
				append(s.fields(b, res), zap.Int("failures", l.failures), zap.Duration("wait", l.notBefore.Sub(now)))...)
		}
	}
}

// warnRefused logs the first refusal of a lane in an interval. How many there are is in
// the hand of the backend, and the metrics count them.
func (s *Scheduler) warnRefused(l *lane, now time.Time, text string, fields []zap.Field) {
	if now.Before(l.quietUntil) {
		l.unlogged++
		return
	}
	s.Logger.Warn(text, append(fields, zap.Int64("refusals_not_logged", l.unlogged))...)
	l.quietUntil, l.unlogged = now.Add(refusalInterval), 0
}

// recovered notes that the destination answers.
func (s *Scheduler) recovered(l *lane) {
	if l.failures >= s.BreakerFailures {
		s.Logger.Info("A destination takes data again", zap.String("tenant", string(l.key.Tenant)),
			zap.String("destination", l.key.Destination), zap.Stringer("signal", l.key.Signal))
	}
	l.failures, l.notBefore = 0, time.Time{}
}

func (s *Scheduler) backOff(l *lane, res Result, now time.Time) {
	l.failures++
	if res.Verdict == Blocked && l.failures < s.BreakerFailures {
		l.failures = s.BreakerFailures
	}
	wait := s.RetryMax
	if l.failures < 32 {
		wait = min(s.RetryMax, s.RetryInitial<<(l.failures-1))
		if wait <= 0 {
			wait = s.RetryMax
		}
	}
	if l.failures >= s.BreakerFailures {
		wait = max(wait, s.BreakerOpen)
	}
	wait = max(jitter(wait), min(res.RetryAfter, maxRetryAfter))
	l.notBefore = now.Add(wait)
}

// drop gives payloads up and counts them.
func (s *Scheduler) drop(l *lane, payloads []*Payload, reason Reason) {
	if len(payloads) == 0 {
		return
	}
	records := 0
	for _, p := range payloads {
		records += p.Records
	}
	l.stats.dropped(reason, records)
	s.release(l, payloads)
	if reason == ReasonExpired || reason == ReasonUnreadable {
		s.Logger.Warn("Accepted data was given up", zap.String("reason", reason.String()), zap.Int("records", records),
			zap.String("tenant", string(l.key.Tenant)), zap.String("destination", l.key.Destination), zap.Stringer("signal", l.key.Signal))
	}
}

// release ends l's hold on payloads.
func (s *Scheduler) release(l *lane, payloads []*Payload) {
	for _, p := range payloads {
		l.bytes -= s.cost(p)
		l.stats.QueuedRecords -= int64(p.Records)
		l.stats.QueuedBytes -= int64(p.Size)
		s.letGo(p)
	}
	if s.Store != nil && len(payloads) > 0 {
		s.Store.Release(payloads, l.key.Destination)
	}
}

func (*Scheduler) fields(b *Batch, res Result) []zap.Field {
	return []zap.Field{
		zap.String("tenant", string(b.Key.Tenant)), zap.String("destination", b.Key.Destination), zap.Stringer("signal", b.Key.Signal),
		zap.Int("records", b.Records), zap.String("reason", res.Reason), zap.Error(res.Err),
	}
}
