// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func takes(d time.Duration, verdict Verdict) func(context.Context, *Batch) Result {
	return func(ctx context.Context, _ *Batch) Result {
		select {
		case <-time.After(d):
			return Result{Verdict: verdict}
		case <-ctx.Done():
			return Result{Verdict: Retry, Reason: "timeout", Err: ctx.Err()}
		}
	}
}

// crowd is tenants whose backends take long, each with its own endpoint.
type crowd struct {
	tenants, lanes int // lanes of each tenant
	answer         func(context.Context, *Batch) Result
}

// offerAll gives every lane of the crowd more batches than it may have in flight.
func (c crowd) offerAll(t *testing.T, s *Scheduler) {
	t.Helper()
	for i := range c.tenants {
		for j := range c.lanes {
			p := one(tenant.ID(fmt.Sprintf("slow-%d", i)), "x")
			p.Routes = []Route{{
				Destination: fmt.Sprintf("d%d", j),
				Target:      &stub{endpoint: fmt.Sprintf("slow-%d-%d", i, j), answer: c.answer},
			}}
			for range 3 {
				q := *p.Payload
				offer(t, s, Part{Payload: &q, Routes: p.Routes})
			}
		}
	}
}

// However many backends are slow, and whether they answer in the end, the batches of
// a tenant whose backend is quick begin at once: the first one too.
func TestDispatch_SlowBackendsDoNotDelayOthers(t *testing.T) {
	quickAtFirst := func() func(context.Context, *Batch) Result {
		begun := time.Now()
		slow := takes(9*time.Second, Delivered)
		return func(ctx context.Context, b *Batch) Result {
			if time.Since(begun) < time.Second {
				return Result{}
			}
			return slow(ctx, b)
		}
	}
	for name, c := range map[string]struct {
		crowd func() crowd
		wait  time.Duration
	}{
		"300 tenants, success after 9 s":           {func() crowd { return crowd{300, 1, takes(9*time.Second, Delivered)} }, 0},
		"600 lanes that hang":                      {func() crowd { return crowd{600, 1, takes(10*time.Second, Retry)} }, 0},
		"one tenant with 600 lanes":                {func() crowd { return crowd{1, 600, takes(9*time.Second, Delivered)} }, 0},
		"2000 lanes, more than there are slots":    {func() crowd { return crowd{1000, 2, takes(9*time.Second, Delivered)} }, patience},
		"600 lanes that were quick until now":      {func() crowd { return crowd{300, 2, quickAtFirst()} }, 0},
		"600 lanes just below what is called slow": {func() crowd { return crowd{600, 1, takes(slowAfter-time.Millisecond, Delivered)} }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				cfg.InFlight, cfg.EndpointConcurrency, cfg.BatchMaxBytes, cfg.MaxTotalBytes = 256, 64, 1, 1<<30
				s := start(t, Settings{Config: cfg})
				crowd := c.crowd()
				honest := 0
				for range 40 {
					crowd.offerAll(t, s)
					time.Sleep(1500 * time.Millisecond)
					synctest.Wait()
					for range 2 { // the first batch of a lane, and one of a lane that is known
						d := &stub{endpoint: "honest"}
						if honest%2 == 1 {
							d.endpoint = "another"
						}
						began := time.Now()
						offer(t, s, one(tenant.ID(fmt.Sprintf("honest-%d", honest/2)), "x", d))
						synctest.Wait()
						if d.attempts() == 0 {
							time.Sleep(c.wait)
							synctest.Wait()
						}
						require.Equal(t, 1, d.attempts(), "batch %d after %v", honest, time.Since(began))
						honest++
					}
					s.mu.Lock()
					require.LessOrEqual(t, s.inFlight, maxInFlightFactor*cfg.InFlight)
					s.mu.Unlock()
				}
			})
		})
	}
}

// Slow lanes are delivered as fast as their slots allow.
func TestDispatch_SlowLanesAreDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.BatchMaxBytes = 1
		s := start(t, Settings{Config: cfg})
		crowd{20, 2, takes(9*time.Second, Delivered)}.offerAll(t, s)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		assert.Equal(t, int64(120), total(s).Delivered)
		slower := &stub{endpoint: "slower", answer: takes(2*patience, Delivered)}
		for range 300 {
			offer(t, s, one("a", "x", slower))
			time.Sleep(3 * patience)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range numClasses {
			assert.Zero(t, s.slots.classes[c].busy)
		}
		assert.Empty(t, s.slots.slowOf)
		assert.LessOrEqual(t, s.slots.overdue.len(), 2*maxInFlightFactor*cfg.InFlight, "what ended is forgotten")
	})
}

// One tenant has at most half of the slow slots while other tenants need some.
func TestDispatch_TenantsShareSlowSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.InFlight, cfg.BatchMaxBytes, cfg.Concurrency = 16, 1, 1
		s := start(t, Settings{Config: cfg})
		failing := takes(0, Retry)
		crowd{1, 50, func(ctx context.Context, b *Batch) Result {
			if s.Observe()[StatsKey{Destination: b.Key.Destination}].Attempts == nil {
				return failing(ctx, b)
			}
			return hang(ctx, b)
		}}.offerAll(t, s)
		time.Sleep(10 * time.Second) // all have failed and try again
		synctest.Wait()
		s.mu.Lock()
		assert.Equal(t, 4, s.slots.slowOf["slow-0"])
		s.mu.Unlock()
		d := &stub{endpoint: "other", answer: answers(Result{Verdict: Retry}, Result{})}
		offer(t, s, one("other", "x", d))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"x"}, d.delivered())
	})
}

// A payload that may have crashed the process is sent alone, and one such payload at a time.
func TestDispatch_PayloadsThatMayEndTheProcessAreSentAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		var watching, most atomic.Int32
		s := NewScheduler(Settings{Config: cfg, Logger: zap.NewNop(), Watch: func(payloads []*Payload) (func(), error) {
			if payloads[0].Deaths == 0 {
				for _, p := range payloads {
					assert.Zero(t, p.Deaths)
				}
				return func() {}, nil
			}
			assert.Len(t, payloads, 1)
			most.Store(max(most.Load(), watching.Add(1)))
			return func() { watching.Add(-1) }, nil
		}})
		d := []*stub{{endpoint: "a", answer: takes(time.Second, Delivered)}, {endpoint: "b"}}
		for i := range 12 {
			p := one(tenant.ID(fmt.Sprint(i%2)), fmt.Sprint(i), d[i%2])
			p.Payload.Accepted, p.Payload.Watched, p.Payload.Deaths = time.Now(), true, uint8(i%3)
			s.Recover(p)
		}
		s.Start()
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, int64(12), total(s).Delivered)
		assert.Equal(t, int32(1), most.Load())
		assert.Contains(t, d[1].delivered(), "1")
		s.Shutdown(context.Background())
	})
}

// A lane that got a new target while it was in the run queue does not use up the slot of the next
// lane.
func TestDispatch_SkipsALaneThatIsNoLongerReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.InFlight = 2 // and one for those that fail
		s := start(t, Settings{Config: cfg})
		end := make(chan struct{})
		failing := func(name tenant.ID) *stub {
			n := 0
			d := &stub{endpoint: string(name)}
			d.answer = func(context.Context, *Batch) Result {
				if n++; n > 1 {
					<-end
					return Result{}
				}
				return Result{Verdict: Retry}
			}
			offer(t, s, one(name, "x", d))
			synctest.Wait()
			return d
		}
		a, b, c := failing("a"), failing("b"), failing("c")
		time.Sleep(5 * time.Second) // all try again
		synctest.Wait()
		s.mu.Lock()
		queue := &s.slots.classes[classSlow].runQueue
		require.Equal(t, 2, queue.len())
		queue.peek().ready[classSlow].peek().ready = false // as when it gets another target, until its data is stored
		s.mu.Unlock()
		close(end)
		synctest.Wait()
		delivered := len(a.delivered()) + len(b.delivered()) + len(c.delivered())
		assert.Equal(t, 2, delivered)
	})
}
