// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ratelimit

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/internal/ratelimit/redistest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// demand is how a gateway's callers send: so many at once, requests of so many
// records, with a pause after each and another after a rejection.
type demand struct {
	senders, records      int
	pause, pauseRejected  time.Duration
	wantLeast, wantAtMost float64 // share of what all get
}

func TestShared_GatewaysGetFairShares(t *testing.T) {
	const rate = 10_000
	r := redistest.Start(t)
	for name, demands := range map[string][]demand{
		"many senders and one": {
			{50, 100, 0, time.Millisecond, 0.4, 0.6}, {1, 100, 0, 20 * time.Millisecond, 0.4, 0.6},
		},
		"large requests and small": {
			{4, 8000, 0, time.Millisecond, 0.4, 0.6}, {4, 50, 0, 5 * time.Millisecond, 0.4, 0.6},
		},
		"three, one of which waits as long as it was asked to": {
			{20, 100, 0, time.Millisecond, 0.26, 0.4}, {20, 100, 0, time.Millisecond, 0.26, 0.4}, {20, 500, 0, time.Second, 0.26, 0.4},
		},
		"what one leaves goes to others": {
			{20, 100, 0, time.Millisecond, 0.75, 0.95}, {1, 100, 100 * time.Millisecond, 100 * time.Millisecond, 0.05, 0.12},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: rate})
			accepted := make([]atomic.Int64, len(demands))
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for n, d := range demands {
				s := startSharing(t, r.Addr, limits, func(c *sharingSettings) {
					c.timeout, c.KeyPrefix = time.Minute, strings.ReplaceAll(name, " ", "-")
				})
				for range d.senders {
					all.Go(func() {
						for ctx.Err() == nil {
							pause := d.pauseRejected
							if _, over := s.send(tenant.Logs, d.records); over.Limit == None {
								accepted[n].Add(int64(d.records))
								pause = d.pause
							}
							select {
							case <-ctx.Done():
							case <-time.After(pause):
							}
						}
					})
				}
			}
			time.Sleep(3 * time.Second) // the burst is used up, and the shares are stable
			before, total := make([]int64, len(demands)), 0.0
			for n := range demands {
				before[n] = accepted[n].Load()
			}
			began := time.Now()
			time.Sleep(8 * time.Second) // the shares are measured over this time
			took := time.Since(began)
			got := make([]float64, len(demands))
			for n := range demands {
				got[n] = float64(accepted[n].Load() - before[n])
				total += got[n]
			}
			cancel()
			all.Wait()
			for n, d := range demands {
				t.Logf("gateway %d: %.0f %% of what all got", n, 100*got[n]/total)
				assert.GreaterOrEqual(t, got[n]/total, d.wantLeast, "gateway %d", n)
				assert.LessOrEqual(t, got[n]/total, d.wantAtMost, "gateway %d", n)
			}
			t.Logf("all: %.0f %% of the rate", 100*total/rate/took.Seconds())
			assert.Greater(t, total/rate/took.Seconds(), 0.8, "what nobody waits for is not held back")
		})
	}
}
