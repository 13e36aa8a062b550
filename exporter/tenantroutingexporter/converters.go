// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/cumulative"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// Bounds of the delta time series of one tenant at one destination.
	maxStreams        = 100_000
	maxBuckets        = 4_000_000 // of all of them, 32 MB
	streamIdleTimeout = time.Hour

	// bucketsPerSeries is how many buckets and bounds all tenants may have for each of
	// their time series, on average.
	bucketsPerSeries = 32

	// totalsResolution is the resolution of timestamps in Prometheus and compatible backends.
	totalsResolution = time.Millisecond
)

// converters keeps the totals of delta time series by lane. Its methods are safe for concurrent use.
type converters struct {
	set    cumulative.Settings
	budget *cumulative.Budget

	mu    sync.Mutex
	lanes map[lane.Key]*cumulative.Converter // bounded by the directory: see forget
}

func newConverters(c *DeltaConfig, gatewayID string) *converters {
	return &converters{
		set: cumulative.Settings{
			MaxStreams: maxStreams, MaxIdle: streamIdleTimeout, MaxBuckets: maxBuckets, MaxGrowth: maxBuckets,
			MaxFuture: c.MaxFuture, Resolution: totalsResolution, GatewayKey: c.GatewayAttribute, GatewayID: gatewayID,
		},
		budget: cumulative.NewBudget(c.MaxSeries, bucketsPerSeries*c.MaxSeries),
		lanes:  make(map[lane.Key]*cumulative.Converter),
	}
}

// of returns the converter of lane k.
func (cs *converters) of(k lane.Key) *cumulative.Converter {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.lanes[k]
	if c == nil {
		c = cumulative.New(cs.set, cs.budget, time.Now())
		cs.lanes[k] = c
	}
	return c
}

// series returns how many time series are kept.
func (cs *converters) series() int { return cs.budget.Streams() }

// sweep removes idle time series.
func (cs *converters) sweep(now time.Time) {
	cs.mu.Lock()
	list := slices.Collect(maps.Values(cs.lanes))
	cs.mu.Unlock()
	for _, c := range list {
		c.Sweep(now)
	}
}

// addTenants adds the tenants with totals to the set. Their lanes may close between two requests, and the
// totals must not start again with each request.
func (cs *converters) addTenants(to map[tenant.ID]bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for k, c := range cs.lanes {
		if !c.Idle() {
			to[k.Tenant] = true
		}
	}
}

// forget removes the totals of removed tenants. It waits for conversions in progress without the lock,
// because these may need another converter.
func (cs *converters) forget(dir directory) {
	var removed []*cumulative.Converter
	cs.mu.Lock()
	maps.DeleteFunc(cs.lanes, func(k lane.Key, c *cumulative.Converter) bool {
		if dir.Tenant(k.Tenant) != nil {
			return false
		}
		removed = append(removed, c)
		return true
	})
	cs.mu.Unlock()
	for _, c := range removed {
		c.Discard()
	}
}
