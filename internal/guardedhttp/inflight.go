// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guardedhttp

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// quietTime is how long no request may be in flight until a shutdown considers the
	// remaining connections idle.
	quietTime = time.Second

	// pollInterval is how often a shutdown checks for requests in flight.
	pollInterval = 10 * time.Millisecond
)

// InFlight counts the requests in flight of a server. The zero value is ready, and all
// methods are safe for concurrent use.
type InFlight struct{ count atomic.Int64 }

// Start counts a request that begins.
func (r *InFlight) Start() { r.count.Add(1) }

// End counts a request that ends.
func (r *InFlight) End() { r.count.Add(-1) }

// Drain returns when stopped is closed, when no request has been in flight for quietTime,
// or when ctx is done. It returns how many requests are in flight then, which it stopped
// waiting for. Without it a server would wait for callers that send nothing.
func (r *InFlight) Drain(ctx context.Context, stopped <-chan struct{}) int64 {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	quietSince := time.Now()
	for {
		select {
		case <-stopped:
			return 0
		case <-ctx.Done():
			return r.count.Load()
		case now := <-ticker.C:
			if r.count.Load() > 0 {
				quietSince = now
			}
			if now.Sub(quietSince) >= quietTime {
				return 0
			}
		}
	}
}

// Wait returns when no request is in flight or ctx is done, and how many are in flight then.
func (r *InFlight) Wait(ctx context.Context) int64 {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for r.count.Load() > 0 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return r.count.Load()
		}
	}
	return 0
}
