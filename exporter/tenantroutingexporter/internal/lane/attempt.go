// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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

// attempt is one call of a target.
type attempt struct {
	lane     *lane
	endpoint *endpoint
	target   Target
	batch    *Batch
	since    time.Time // when its first payload was accepted
	began    time.Time
	search   *search         // that it is part of
	last     bool            // if it is rejected, the batch is not split any more
	probe    bool            // the attempt before it failed
	ctx      context.Context //nolint:containedctx // it lives as long as the attempt
	cancel   context.CancelFunc

	// These are guarded by Scheduler.mu.
	class     class // of the slot that it has
	ended     bool
	preempted bool // canceled, because another lane needs the slot
}

// outcome is the result of an attempt and what follows from it.
type outcome struct {
	Result
	split    bool       // the destination rejected the batch, which is split
	deferred bool       // it becomes one dead letter together with its neighbors
	kept     bool       // as a dead letter
	lost     []*portion // could not be read back
}

// errNoReason replaces the error of a target that gives none.
var errNoReason = errors.New("no reason given")

func (s *Scheduler) startAttempt(l *lane, ep *endpoint, c class, now time.Time) {
	po := s.take(l, s.choose(l, now), now)
	a := &attempt{
		lane: l, endpoint: ep, target: l.target, batch: newBatch(l.key, po), since: po.entries[0].Accepted, began: now,
		search: po.search, last: !s.willSplit(l, po, now), probe: l.breaker.begin(),
	}
	parent := s.ctx
	if a.probe {
		parent = s.probeCtx
	}
	a.ctx, a.cancel = context.WithCancel(parent)
	l.inFlight++
	l.attempts = append(l.attempts, a)
	s.inFlight++
	s.takeSlot(a, c)
	if c.quick() {
		s.slots.recent.push(a)
	}
	s.queueEndpoint(ep)
	s.workers.Add(1)
	go s.runAttempt(a)
}

func (s *Scheduler) runAttempt(a *attempt) {
	defer s.workers.Done()
	defer a.cancel()
	out := s.send(a)
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	l := a.lane
	a.ended = true
	l.inFlight--
	l.attempts = slices.DeleteFunc(l.attempts, func(other *attempt) bool { return other == a })
	s.inFlight--
	if a.preempted {
		s.slots.preempting = false
		if out.Verdict == Retry {
			out.Reason = "preempted"
		}
	}
	l.measured = l.measured || a.batch.portion.sent()
	l.lastTook = now.Sub(a.began)
	if l.lastTook >= slowAfter || out.Verdict == Delivered {
		l.slow = l.lastTook >= slowAfter
	}
	s.freeSlot(a)
	s.drop(l, out.lost, ReasonUnreadable)
	l.breaker.end(a.probe)
	s.record(a, &out, now)
	a.batch, a.target = nil, nil // slots may refer to the attempt for a while
	l.lastUse = now
	s.reschedule(l, now)
	s.dispatch(now)
	if s.inFlight == 0 {
		s.idle.Broadcast()
	}
}

// send makes the attempt, without the lock.
func (s *Scheduler) send(a *attempt) (out outcome) {
	b := a.batch
	if entries := b.portion.entries; s.Watch != nil && slices.ContainsFunc(entries, func(p *Payload) bool { return p.Watched }) {
		done, err := s.Watch(entries)
		if err != nil {
			out.Result = Result{Verdict: Retry, Reason: reasonStorage, Err: fmt.Errorf("failed to record an attempt in storage: %w", err)}
			return out
		}
		defer done()
	}
	var err error
	if out.lost, err = s.load(b); err != nil {
		out.Result = Result{Verdict: Retry, Reason: reasonStorage, Err: fmt.Errorf("failed to read queued data from storage: %w", err)}
		return out
	}
	if len(b.Payloads) == 0 {
		return out
	}
	po := b.portion
	if po.deadLetter == nil {
		out.Result = a.deliver()
		s.decideSplit(a, &out)
	} else {
		out.Result = *po.deadLetter
	}
	switch {
	case out.Verdict != Rejected || out.split || s.Rejected == nil:
	case po.cut != nil && po.deadLetter == nil:
		out.deferred = true
	default:
		if out.kept, err = s.Rejected(b, out.Result); err != nil {
			out.Result = Result{Verdict: Retry, Reason: reasonDeadLetter, Err: fmt.Errorf("failed to write a dead letter: %w", err)}
		}
	}
	return out
}

// deliver sends the batch, unless it is known that the destination rejects it. All payloads of a
// batch have the same Rejection.
func (a *attempt) deliver() Result {
	if r := a.batch.portion.entries[0].Rejection; r != nil {
		return Result{Verdict: Rejected, Reason: r.Reason, Err: r.Err, Rejected: a.batch.Records}
	}
	return a.target.Send(a.ctx, a.batch)
}

// decideSplit decides whether a batch that is rejected or too large is split.
func (s *Scheduler) decideSplit(a *attempt, out *outcome) {
	b := a.batch
	all := out.Rejected >= b.Records && b.Records > 0
	switch out.Verdict {
	case Delivered:
		if all && s.Rejected != nil {
			out.Verdict = Rejected // all records are rejected, so there is nothing to search
		}
	case TooLarge:
		if len(b.portion.entries) > 1 || b.portion.divisible(s.Cut != nil) && !a.last {
			out.split = true
		} else {
			out.Verdict = Rejected
		}
	case Rejected:
		switch {
		case all || !b.portion.divisible(s.Cut != nil):
		case a.last:
			out.Err = fmt.Errorf("one or more of these %d records: %w", b.Records, cmp.Or(out.Err, errNoReason))
		default:
			out.split = true
		}
	}
}

// load fills b.Payloads. It reads back what is in the store only.
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
	unreadable, kept := po.partition(func(p *Payload) bool { return data[slices.Index(po.entries, p)] == nil })
	if unreadable != nil {
		lost = append(lost, unreadable)
	}
	if kept == nil {
		return lost, nil
	}
	*b = *newBatch(b.Key, kept)
	b.Payloads = slices.DeleteFunc(data, func(d []byte) bool { return d == nil })
	return lost, nil
}

// loadCut fills b.Payloads with some records of a payload.
func (s *Scheduler) loadCut(b *Batch, data []byte) (lost []*portion, err error) {
	po := b.portion
	p, end := po.entries[0], po.end
	if end == p.Records {
		end = math.MaxInt
	}
	if data != nil {
		if data, err = s.Cut(p, data, po.first, end); err != nil {
			s.Logger.Error("Failed to split queued data; it is dropped", zap.String("tenant", string(p.Tenant)), zap.Error(err))
		}
	}
	if err != nil || len(data) == 0 {
		return []*portion{po}, nil
	}
	b.Payloads, b.Bytes = [][]byte{data}, len(data)
	return nil, nil
}

// record counts the outcome of an attempt and decides what becomes of its batch.
func (s *Scheduler) record(a *attempt, out *outcome, now time.Time) {
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
		l.unexpected = res.Unexpected
	}
	if res.Verdict != Retry && res.Verdict != Blocked {
		l.spend(po)
		if se := po.search; se != nil {
			se.spent += l.lastTook
		}
	}
	if sent {
		s.observeAnswer(l, b, out, now)
	}
	switch {
	case out.split:
		s.succeeded(l, now)
		s.splitBatch(l, b, res, now)
	case out.deferred:
		s.succeeded(l, now)
		po.conclude(rejectedOf(b, res))
		l.mergeDeadLetter(po, res)
	case res.Verdict == Delivered:
		rejected := min(max(res.Rejected, 0), b.Records)
		l.stats.Delivered += int64(b.Records - rejected)
		l.stats.dropped(ReasonRecordsRejected, rejected)
		s.logDelivered(l, b, res, now)
		s.succeeded(l, now)
		if rejected == 0 {
			po.conclude(0)
		}
		s.complete(l, po)
	case res.Verdict == Rejected:
		if sent {
			s.succeeded(l, now)
		}
		po.conclude(rejectedOf(b, res))
		if out.kept {
			l.stats.deadLettered(res.Reason, b.Records)
			s.complete(l, po)
		} else {
			s.drop(l, []*portion{po}, ReasonBatchRejected)
		}
		s.logRejected(l, now, "A destination rejected a batch permanently", append(fields(b, res), zap.Bool("dead_letter", out.kept)))
	default:
		s.retry(l, b, res, now)
	}
}

// rejectedOf returns how many records of a rejected batch are rejected.
func rejectedOf(b *Batch, res *Result) int {
	switch {
	case b.Records == 1:
		return 1
	case res.Rejected > 0:
		return min(res.Rejected, b.Records)
	}
	return unknown
}

// complete ends the work of l on a portion: delivered, dead-lettered or dropped. A payload that goes in several
// portions is released when all of them are complete.
func (s *Scheduler) complete(l *lane, po *portion) {
	l.stats.QueuedRecords -= int64(po.records())
	if po.cut != nil {
		if po.cut.remaining -= po.records(); po.cut.remaining > 0 {
			l.flushDeadLetter(po.cut)
			return
		}
	}
	for _, p := range po.entries {
		l.bytes -= s.cost(p)
		l.stats.QueuedBytes -= int64(p.Size)
		s.release(p)
	}
	if s.Store != nil {
		s.Store.Release(po.entries, l.key.Destination)
	}
}

// drop completes and counts portions that are not delivered.
func (s *Scheduler) drop(l *lane, portions []*portion, reason Reason) {
	if len(portions) == 0 {
		return
	}
	records := 0
	for _, po := range portions {
		records += po.records()
		s.complete(l, po)
	}
	l.stats.dropped(reason, records)
	if reason == ReasonExpired || reason == ReasonUnreadable {
		s.Logger.Warn("Dropped accepted data", zap.String("reason", reason.String()), zap.Int("records", records),
			zap.String("tenant", string(l.key.Tenant)), zap.String("destination", l.key.Destination), zap.Stringer("signal", l.key.Signal))
	}
}
