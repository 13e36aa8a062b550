// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// stub is a target that a test scripts.
type stub struct {
	endpoint string
	bounds   Bounds
	answer   func(ctx context.Context, b *Batch) Result // nil: delivered

	mu      sync.Mutex
	sent    []string // the batches that were delivered, payloads joined by "+"
	at      []time.Time
	flights int
	most    int
}

func (s *stub) Endpoint() string { return s.endpoint }
func (s *stub) Bounds() Bounds   { return s.bounds }

func (s *stub) Send(ctx context.Context, b *Batch) Result {
	s.mu.Lock()
	s.flights++
	s.most = max(s.most, s.flights)
	s.at = append(s.at, time.Now())
	s.mu.Unlock()
	res := Result{}
	if s.answer != nil {
		res = s.answer(ctx, b)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flights--
	if res.Verdict == Delivered {
		text := ""
		for i, p := range b.Payloads {
			if i > 0 {
				text += "+"
			}
			text += string(p)
		}
		s.sent = append(s.sent, text)
	}
	return res
}

func (s *stub) delivered() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.sent...)
}

func (s *stub) attempts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.at)
}

// resetMost returns the most batches that were in flight since the last call.
func (s *stub) resetMost() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := s.most
	s.most = s.flights
	return most
}

// answers returns each of the given results once, and then the last one.
func answers(results ...Result) func(context.Context, *Batch) Result {
	var mu sync.Mutex
	n := 0
	return func(context.Context, *Batch) Result {
		mu.Lock()
		defer mu.Unlock()
		res := results[min(n, len(results)-1)]
		n++
		return res
	}
}

func hang(ctx context.Context, _ *Batch) Result {
	<-ctx.Done()
	return Result{Verdict: Retry, Reason: "timeout", Err: ctx.Err()}
}

func testConfig() Config {
	return Config{
		MaxBytes: 1000, MaxAge: time.Hour, BatchMaxBytes: 100, BatchTimeout: 0, Concurrency: 2,
		RetryInitial: time.Second, RetryMax: 30 * time.Second, BreakerFailures: 5, BreakerOpen: 10 * time.Second,
		MaxTotalBytes: 1 << 20, EndpointConcurrency: 8, InFlight: 16, IdleTimeout: time.Minute,
	}
}

func start(t *testing.T, set Settings) *Scheduler {
	t.Helper()
	if set.Logger == nil {
		set.Logger = zap.NewNop()
	}
	s := NewScheduler(set)
	s.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.Shutdown(ctx)
	})
	return s
}

// one returns a part of one record for the destinations of the targets d0, d1 and so on.
func one(id tenant.ID, text string, targets ...Target) Part {
	p := Part{Payload: &Payload{Tenant: id, Signal: tenant.Logs, Records: 1, Size: len(text), Data: []byte(text)}}
	for i, t := range targets {
		p.Routes = append(p.Routes, Route{Destination: fmt.Sprintf("d%d", i), Target: t})
	}
	return p
}

func offer(t *testing.T, s *Scheduler, parts ...Part) {
	t.Helper()
	require.NoError(t, s.Offer(context.Background(), parts))
}

// total returns the sum of all statistics.
func total(s *Scheduler) Stats {
	var sum Stats
	for _, st := range s.Observe() {
		sum.Accepted += st.Accepted
		sum.Recovered += st.Recovered
		sum.Delivered += st.Delivered
		sum.QueuedRecords += st.QueuedRecords
		sum.QueuedBytes += st.QueuedBytes
		for i, n := range st.Dropped {
			sum.Dropped[i] += n
		}
		for reason, n := range st.DeadLettered {
			sum.deadLettered(reason, int(n))
		}
		for i, n := range st.Lanes {
			sum.Lanes[i] += n
		}
	}
	return sum
}

func balance(st Stats) (in, out int64) {
	out = st.Delivered + st.QueuedRecords
	for _, n := range st.Dropped {
		out += n
	}
	for _, n := range st.DeadLettered {
		out += n
	}
	return st.Accepted + st.Recovered, out
}

// open returns how many lanes are open.
func open(s *Scheduler) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lanes)
}

// held returns how many bytes of payloads are held.
func held(s *Scheduler) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}
