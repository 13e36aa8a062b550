// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guardedhttp

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// quietTime is how long no request may be in flight until a shutdown takes the
	// connections that are left for idle ones.
	quietTime = time.Second

	// pollInterval is how often a shutdown looks whether requests are in flight.
	pollInterval = 10 * time.Millisecond
)

// running counts requests in flight.
type running struct{ count atomic.Int64 }

func (r *running) start() { r.count.Add(1) }

func (r *running) end() { r.count.Add(-1) }

// drain returns when stopped is closed, when no request has been in flight for quietTime,
// or when ctx is done, and how many are in flight then. A server alone would wait for
// callers that send nothing.
func (r *running) drain(ctx context.Context, stopped <-chan struct{}) int64 {
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

// wait returns when no request is in flight or ctx is done, and how many are left.
func (r *running) wait(ctx context.Context) int64 {
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
