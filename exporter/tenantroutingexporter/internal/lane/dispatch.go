package lane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
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
	s.passStored(l)
	oldest, waits := l.oldest()
	if waits && !now.Before(oldest.Add(s.MaxAge)) {
		s.drop(l, l.expired(now.Add(-s.MaxAge)), ReasonExpired)
		l.endSearches()
		oldest, waits = l.oldest()
	}
	var wake time.Time
	switch {
	case l.parked:
	case !waits:
		if l.inFlight == 0 && l.reserved == 0 {
			wake = l.idleUntil(&s.Config)
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
	default:
		ch := s.choose(l, now)
		if ch.source != fromNothing {
			l.parked = true
			s.enlist(l, now)
			break
		}
		if wake = ch.at; !wake.IsZero() {
			wake = sooner(wake, oldest.Add(s.MaxAge))
		}
	}
	s.setWake(l, wake)
}

func (s *Scheduler) begin(l *lane, ep *endpoint, c class, now time.Time) {
	po := s.take(l, s.choose(l, now), now)
	parent := s.ctx
	if l.failures > 0 {
		parent = s.suspectCtx
	}
	a := &attempt{
		lane: l, endpoint: ep, target: l.target, batch: newBatch(l.key, po), since: po.entries[0].Accepted, began: now,
		search: po.search, last: !s.divides(l, po, now),
	}
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
	search   *search         // that it is part of
	last     bool            // what is refused now is not taken apart any more
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
	out := s.send(a)
	res := out.Result
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
			out.Reason = "preempted"
		}
	}
	l.known = l.known || a.batch.portion.sent()
	l.lastTook = now.Sub(a.began)
	if l.lastTook >= slowAfter || res.Verdict == Delivered {
		l.slow = l.lastTook >= slowAfter
	}
	s.vacate(a)
	s.drop(l, out.lost, ReasonUnreadable)
	s.finish(a, &out, now)
	a.batch, a.target = nil, nil // it may be in pools for a while
	l.lastUse = now
	s.settle(l, now)
	s.pump(now)
	if s.inFlight == 0 {
		s.idle.Broadcast()
	}
}

// errNoReason is what a target says that gives no error.
var errNoReason = errors.New("no reason given")

// outcome is what became of an attempt.
type outcome struct {
	Result
	apart bool       // the destination refused the batch, which is to be halved
	held  bool       // it becomes a dead letter together with its neighbours
	kept  bool       // as a dead letter
	lost  []*portion // could not be read back
}

// send makes the attempt outside of the lock.
func (s *Scheduler) send(a *attempt) (out outcome) {
	b := a.batch
	if entries := b.portion.entries; s.Watch != nil && slices.ContainsFunc(entries, func(p *Payload) bool { return p.Watched }) {
		done, err := s.Watch(entries)
		if err != nil {
			out.Result = Result{Verdict: Retry, Reason: "storage", Err: fmt.Errorf("noting an attempt: %w", err)}
			return out
		}
		defer done()
	}
	var err error
	if out.lost, err = s.load(b); err != nil {
		out.Result = Result{Verdict: Retry, Reason: "storage", Err: fmt.Errorf("reading queued data: %w", err)}
		return out
	}
	if len(b.Payloads) == 0 {
		return out
	}
	po := b.portion
	if po.letter == nil {
		out.Result = deliver(a, po.entries)
		s.judge(a, &out)
	} else {
		out.Result = *po.letter
	}
	switch {
	case out.Verdict != Refused || out.apart || s.Refused == nil:
	case po.cut != nil && po.letter == nil:
		out.held = true
	default:
		if out.kept, err = s.Refused(b, out.Result); err != nil {
			out.Result = Result{Verdict: Retry, Reason: "dead_letter", Err: fmt.Errorf("keeping a dead letter: %w", err)}
		}
	}
	return out
}

// judge decides whether a batch that is refused or too large is halved.
func (s *Scheduler) judge(a *attempt, out *outcome) {
	b := a.batch
	all := out.Rejected >= b.Records && b.Records > 0
	switch out.Verdict {
	case Delivered:
		if all && s.Refused != nil {
			out.Verdict = Refused // which records they are is known
		}
	case TooLarge:
		if len(b.portion.entries) > 1 || b.portion.divisible(s.Cut != nil) && !a.last {
			out.apart = true
		} else {
			out.Verdict = Refused
		}
	case Refused:
		switch {
		case all || !b.portion.divisible(s.Cut != nil):
		case a.last:
			out.Err = fmt.Errorf("one or more of these %d records: %w", b.Records, cmp.Or(out.Err, errNoReason))
		default:
			out.apart = true
		}
	}
}

// load fills b.Payloads, reading back what is in the store only.
func (s *Scheduler) load(b *Batch) (lost []*portion, err error) {
	po := b.portion
	data := make([][]byte, len(po.entries))
	var absent []*Payload
	for i, p := range po.entries {
		if data[i] = p.Data; p.Data == nil {
			absent = append(absent, p)
		}
	}
	if len(absent) > 0 {
		read, err := s.Store.Read(s.ctx, absent)
		if err != nil {
			return nil, err
		}
		for i := range data {
			if data[i] == nil {
				data[i], read = read[0], read[1:]
			}
		}
	}
	if po.cut != nil {
		return s.loadCut(b, data[0])
	}
	if !slices.ContainsFunc(data, func(d []byte) bool { return d == nil }) {
		b.Payloads = data
		return nil, nil
	}
	gone, kept := po.split(func(p *Payload) bool { return data[slices.Index(po.entries, p)] == nil })
	if gone != nil {
		lost = append(lost, gone)
	}
	if kept == nil {
		return lost, nil
	}
	*b = *newBatch(b.Key, kept)
	b.Payloads = slices.DeleteFunc(data, func(d []byte) bool { return d == nil })
	return lost, nil
}

// loadCut fills b.Payloads with records of a payload.
func (s *Scheduler) loadCut(b *Batch, data []byte) (lost []*portion, err error) {
	po := b.portion
	p, end := po.entries[0], po.end
	if end == p.Records {
		end = math.MaxInt
	}
	if data != nil {
		if data, err = s.Cut(p, data, po.first, end); err != nil {
			s.Logger.Error("Queued data cannot be taken apart", zap.String("tenant", string(p.Tenant)), zap.Error(err))
		}
	}
	if err != nil || len(data) == 0 {
		return []*portion{po}, nil
	}
	b.Payloads, b.Bytes = [][]byte{data}, len(data)
	return nil, nil
}

// finish does what the outcome of an attempt asks for.
func (s *Scheduler) finish(a *attempt, out *outcome, now time.Time) {
	l, b, res := a.lane, a.batch, &out.Result
	if len(b.Payloads) == 0 && res.Verdict == Delivered {
		return // all of it was lost in the store
	}
	po := b.portion
	sent := po.sent()
	if sent || res.Verdict == Retry {
		l.stats.attempt(res)
	}
	if sent {
		l.odd = res.Odd
	}
	if res.Verdict != Retry && res.Verdict != Blocked {
		l.spend(po)
		if se := po.search; se != nil {
			se.spent += l.lastTook
		}
	}
	if sent {
		s.learn(l, b, out, now)
	}
	switch {
	case out.apart:
		s.recovered(l)
		s.takeApart(l, b, res, now)
	case out.held:
		s.recovered(l)
		po.conclude(refusedOf(b, res))
		l.hold(po, res)
	case res.Verdict == Delivered:
		rejected := min(max(res.Rejected, 0), b.Records)
		l.stats.Delivered += int64(b.Records - rejected)
		l.stats.dropped(ReasonRejected, rejected)
		s.reportDelivered(l, b, res, now)
		s.recovered(l)
		if rejected == 0 {
			po.conclude(0)
		}
		s.release(l, po)
	case res.Verdict == Refused:
		if sent {
			s.recovered(l)
		}
		po.conclude(refusedOf(b, res))
		if out.kept {
			l.stats.deadLettered(res.Reason, b.Records)
			s.release(l, po)
		} else {
			s.drop(l, []*portion{po}, ReasonRefused)
		}
		s.warnRefused(l, now, "A destination refused a batch for good", append(s.fields(b, *res), zap.Bool("dead_letter", out.kept)))
	default:
		if s.draining {
			// There is no later attempt. What else the lane has would meet the same fate.
			s.drop(l, append(l.expired(now.Add(s.MaxAge)), po), ReasonShutdown)
			return
		}
		l.again(po)
		s.backOff(l, *res, now)
		// What waits for an operator is logged again when there is another reason.
		if l.failures == 1 || l.failures == s.BreakerFailures || res.Verdict == Blocked && res.Reason != l.logged {
			l.logged = res.Reason
			s.Logger.Warn(waitText(res),
				append(s.fields(b, *res), urlField(res), zap.Int("failures", l.failures), zap.Duration("wait", l.notBefore.Sub(now)))...)
		}
	}
}

// refusedOf returns how many records of a refused batch are refused.
func refusedOf(b *Batch, res *Result) int {
	switch {
	case b.Records == 1:
		return 1
	case res.Rejected > 0:
		return min(res.Rejected, b.Records)
	}
	return unknown
}

// reportDelivered logs what is worth it about an answer.
func (s *Scheduler) reportDelivered(l *lane, b *Batch, res *Result, now time.Time) {
	switch {
	case res.Err == nil:
	case res.Odd: // the target says so rarely
		s.Logger.Warn("A destination says that it took a batch, but does not answer as it should", s.fields(b, *res)...)
	case res.Rejected > 0:
		s.warnRefused(l, now, "A destination took only part of a batch", s.fields(b, *res))
	default:
		s.warnRefused(l, now, "A destination took a batch with a warning", s.fields(b, *res))
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
	l.failures, l.notBefore, l.answer = 0, time.Time{}, nil
}

func (s *Scheduler) backOff(l *lane, res Result, now time.Time) {
	if l.failures == 0 {
		l.failedSince = now
	}
	l.failures++
	l.answer = res.answer(now)
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

// drop gives portions up and counts them.
func (s *Scheduler) drop(l *lane, portions []*portion, reason Reason) {
	if len(portions) == 0 {
		return
	}
	records := 0
	for _, po := range portions {
		records += po.records()
		s.release(l, po)
	}
	l.stats.dropped(reason, records)
	if reason == ReasonExpired || reason == ReasonUnreadable {
		s.Logger.Warn("Accepted data was given up", zap.String("reason", reason.String()), zap.Int("records", records),
			zap.String("tenant", string(l.key.Tenant)), zap.String("destination", l.key.Destination), zap.Stringer("signal", l.key.Signal))
	}
}

// release ends l's hold on what has an outcome. A payload that goes in several portions
// is held until all of them have one.
func (s *Scheduler) release(l *lane, po *portion) {
	l.stats.QueuedRecords -= int64(po.records())
	if po.cut != nil {
		if po.cut.left -= po.records(); po.cut.left > 0 {
			l.flush(po.cut)
			return
		}
	}
	for _, p := range po.entries {
		l.bytes -= s.cost(p)
		l.stats.QueuedBytes -= int64(p.Size)
		s.letGo(p)
	}
	if s.Store != nil {
		s.Store.Release(po.entries, l.key.Destination)
	}
}

func (*Scheduler) fields(b *Batch, res Result) []zap.Field {
	return []zap.Field{
		zap.String("tenant", string(b.Key.Tenant)), zap.String("destination", b.Key.Destination), zap.Stringer("signal", b.Key.Signal),
		zap.Int("records", b.Records), zap.String("reason", res.Reason), zap.Error(res.Err),
	}
}
