// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sequence is a target that takes numbers, one to each record, and fails in every way.
type sequence struct {
	rnd *rand.Rand

	mu       sync.Mutex
	got      []rune // the numbers that it took, as characters
	rejected []rune
	flights  int
	most     int
}

func (*sequence) Endpoint() string { return "sequence" }
func (*sequence) Bounds() Bounds   { return Bounds{Concurrency: 1} }

func (q *sequence) Send(ctx context.Context, b *Batch) Result {
	q.mu.Lock()
	q.flights++
	q.most = max(q.most, q.flights)
	wait := time.Duration(q.rnd.IntN(3000)) * time.Millisecond
	dice := q.rnd.IntN(10)
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.flights--
	}()
	select {
	case <-ctx.Done():
		return Result{Verdict: Retry, Reason: "canceled", Err: ctx.Err()}
	case <-time.After(wait):
	}
	switch {
	case dice < 3:
		return Result{Verdict: Retry, Reason: "http_503", RetryAfter: time.Duration(dice) * time.Second, Err: errors.New("down")}
	case dice == 3:
		return Result{Verdict: Blocked, Reason: "http_404", Err: errors.New("not here")}
	case dice == 4 && len(b.Payloads) > 1:
		return Result{Verdict: TooLarge, Reason: "http_413", Err: errors.New("too large")}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	text := []rune(joined(b))
	for _, r := range text {
		if r%17 == 0 {
			return Result{Verdict: Rejected, Reason: "http_400", Err: errors.New("bad")}
		}
	}
	q.got = append(q.got, text...)
	return Result{}
}

// A lane of which a destination takes one batch at a time delivers in order, whatever
// happens between: failures, an open breaker, halves of what is rejected or too large,
// other targets, and slots that other lanes want.
func TestOrder_OfALaneWithOneBatchInFlight(t *testing.T) {
	for seed := range 20 {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(uint64(seed), 2))
			cfg := testConfig()
			cfg.Concurrency, cfg.InFlight, cfg.EndpointConcurrency = 8, 2, 2
			cfg.BatchTimeout, cfg.RetryMax, cfg.BreakerOpen, cfg.BatchMaxBytes = 100*time.Millisecond, 2*time.Second, 2*time.Second, 40
			cfg.MaxBytes = 1 << 20
			q := &sequence{rnd: rand.New(rand.NewPCG(uint64(seed), 3))}
			s := start(t, Settings{
				Config: cfg,
				Cut: func(_ *Payload, data []byte, first, end int) ([]byte, error) {
					text := []rune(string(data))
					return []byte(string(text[first:min(end, len(text))])), nil
				},
				Rejected: func(b *Batch, _ Result) (bool, error) {
					q.mu.Lock()
					defer q.mu.Unlock()
					q.rejected = append(q.rejected, []rune(joined(b))...)
					return true, nil
				},
			})
			next := rune(0x1000)
			var accepted []rune
			for i := range 150 {
				var data []rune
				for range 1 + rnd.IntN(8) {
					data, next = append(data, next), next+1
				}
				accepted = append(accepted, data...)
				part := one("a", string(data), q)
				part.Payload.Records = len(data)
				part.Payload.Size = len(data)
				offer(t, s, part)
				// Others want the slots.
				offer(t, s, one("b", "x", &stub{endpoint: fmt.Sprint("other", i%5), answer: func(context.Context, *Batch) Result {
					time.Sleep(time.Second)
					return Result{}
				}}))
				time.Sleep(time.Duration(rnd.IntN(400)) * time.Millisecond)
				if i%40 == 39 { // the registry has changed
					s.Retarget(func(k Key) Target {
						if k.Tenant == "a" {
							return &moved{q}
						}
						return nil
					})
				}
			}
			time.Sleep(20 * time.Hour)
			synctest.Wait()
			require.Equal(t, 1, q.most, "batches in flight")
			var good, bad []rune
			for _, r := range accepted {
				if r%17 == 0 {
					bad = append(bad, r)
				} else {
					good = append(good, r)
				}
			}
			assert.Equal(t, string(good), string(q.got))
			assert.Equal(t, string(bad), string(q.rejected))
			in, out := balance(total(s))
			assert.Equal(t, in, out)
		})
	}
}

type moved struct{ *sequence }

// Data that was queued before the start is sent before new data.
func TestOrder_RecoveredGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.BatchMaxBytes, cfg.Concurrency = 4, 4
		d := &stub{bounds: Bounds{Concurrency: 1}, answer: func(context.Context, *Batch) Result {
			time.Sleep(time.Second)
			return Result{}
		}}
		s := NewScheduler(Settings{Config: cfg, Logger: start(t, Settings{Config: cfg}).Logger})
		for i := range 9 {
			part := one("a", fmt.Sprintf("r%d", i), d)
			if i < 4 {
				part.Routes[0].Target = nil // not known yet
			}
			part.Payload.Accepted = time.Now().Add(-time.Minute)
			s.Recover(part)
		}
		s.Start()
		defer s.Shutdown(context.Background())
		for i := range 9 {
			offer(t, s, one("a", fmt.Sprintf("n%d", i), d))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, "r0r1r2r3r4r5r6r7r8n0n1n2n3n4n5n6n7n8", strings.NewReplacer("+", "").Replace(strings.Join(d.delivered(), "")))
	})
}
