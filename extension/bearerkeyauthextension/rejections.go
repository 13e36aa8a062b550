// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/extension/bearerkeyauthextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/clientaddr"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// maxRejections limits the counters and thereby the series of the metric. It is
	// below 2000, the series limit of the metrics SDK.
	maxRejections = 1000

	// maxClients limits the addresses in a log line.
	maxClients = 4

	// maxReasons limits the reasons that components may post.
	maxReasons  = 100
	reasonOther = "other"
)

// rejections counts rejected requests with known keys by tenant, key and reason.
// Clients without a key of the registry cannot add counters. It is safe for concurrent
// use.
type rejections struct {
	perTenant bool // in the metric
	logger    *zap.Logger

	mu     sync.Mutex
	recent *simplelru.LRU[rejectionKey, *rejectionCount]
	totals map[string]int64 // since the start, by reason

	evicted map[string]int64 // unlogged counts of evicted counters, by reason
	logged  time.Time        // when evicted was last logged
}

type rejectionKey struct {
	tenant        tenant.ID
	keyID, reason string
}

// rejectionCount counts the rejected requests of one rejectionKey.
type rejectionCount struct {
	total    int64     // since it was added
	logged   time.Time // when it was last logged
	unlogged int64     // since it was last logged

	signals tenant.Signals
	clients []netip.Addr // the first ones since it was last logged
	others  bool         // there were more clients
}

func newRejections(perTenant bool, logger *zap.Logger) (*rejections, error) {
	r := &rejections{perTenant: perTenant, logger: logger, totals: make(map[string]int64), evicted: make(map[string]int64)}
	recent, err := simplelru.NewLRU(maxRejections, func(key rejectionKey, c *rejectionCount) {
		if c.unlogged > 0 {
			r.evicted[key.reason] += c.unlogged
		}
	})
	r.recent = recent
	return r, err
}

// add counts a request.
func (r *rejections) add(of rejection.Rejected) {
	addr := clientaddr.Of(of.Client)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.totals[of.Reason]; !known && len(r.totals) >= maxReasons {
		of.Reason = reasonOther
	}
	r.totals[of.Reason]++
	key := rejectionKey{of.Tenant, of.KeyID, of.Reason}
	c, ok := r.recent.Get(key)
	if !ok {
		c = &rejectionCount{}
		r.recent.Add(key, c)
	}
	c.total++
	c.unlogged++
	c.signals |= of.Signal
	switch {
	case !addr.IsValid(), slices.Contains(c.clients, addr):
	case len(c.clients) < maxClients:
		c.clients = append(c.clients, addr)
	default:
		c.others = true
	}
}

// rejectionReport is a log line.
type rejectionReport struct {
	rejectionKey
	rejectionCount
}

// report logs the counters, each at most once per minute and a limited number at a
// time. The others remain for the next call, or are summed up if last is true.
func (r *rejections) report(now time.Time, last bool) {
	due, others := r.due(now, last)
	for i := range due {
		d := &due[i]
		fields := []zap.Field{
			zap.String("tenant", string(d.tenant)), zap.String("key", d.keyID), zap.String("reason", d.reason),
			zap.Int64("requests", d.unlogged), zap.Stringers("clients", d.clients),
		}
		if d.others {
			fields = append(fields, zap.Bool("other_clients", true))
		}
		if names := d.signals.Names(); len(names) > 0 {
			fields = append(fields, zap.String("signals", strings.Join(names, ",")))
		}
		r.logger.Warn("Rejected requests of a tenant", fields...)
	}
	if len(others) > 0 {
		fields := make([]zap.Field, 0, len(others))
		for _, reason := range slices.Sorted(maps.Keys(others)) {
			fields = append(fields, zap.Int64(reason, others[reason]))
		}
		r.logger.Warn("Rejected requests of other tenants", fields...)
	}
}

func (r *rejections) due(now time.Time, last bool) (due []rejectionReport, others map[string]int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range r.recent.Keys() {
		c, _ := r.recent.Peek(key)
		since := now.Sub(c.logged)
		switch {
		case c.unlogged == 0, !last && since >= 0 && since < failureWindow:
			continue
		case len(due) < maxReports:
			due = append(due, rejectionReport{key, *c})
			c.logged, c.unlogged, c.signals, c.clients, c.others = now, 0, 0, nil, false
		case last:
			r.evicted[key.reason] += c.unlogged
			c.unlogged = 0
		}
	}
	if since := now.Sub(r.logged); len(r.evicted) > 0 && (last || since < 0 || since >= failureWindow) {
		others, r.evicted, r.logged = r.evicted, make(map[string]int64), now
	}
	return due, others
}

// register adds the metric.
func (r *rejections) register(telemetry *metadata.TelemetryBuilder, registry tenant.Registry) error {
	return telemetry.RegisterExtensionBearerKeyAuthRejectedRequestsCallback(func(_ context.Context, o metric.Int64Observer) error {
		r.observe(o, registry.Snapshot())
		return nil
	})
}

// observe reports the counters of tenants in the registry individually and the others
// by reason. The counter without a tenant exists for every expected reason.
func (r *rejections) observe(o metric.Int64Observer, snapshot *tenant.Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rest := maps.Clone(r.totals)
	if r.perTenant && snapshot != nil {
		for _, key := range r.recent.Keys() {
			c, _ := r.recent.Peek(key)
			if snapshot.Tenant(key.tenant) == nil {
				continue
			}
			rest[key.reason] -= c.total
			o.Observe(c.total, metric.WithAttributes(attribute.String("tenant", string(key.tenant)),
				attribute.String("key", key.keyID), attribute.String("reason", key.reason)))
		}
	}
	for _, reason := range rejection.OfCallers() {
		o.Observe(rest[reason.String()], metric.WithAttributes(attribute.String("reason", reason.String())))
		delete(rest, reason.String())
	}
	for reason, n := range rest {
		if n > 0 {
			o.Observe(n, metric.WithAttributes(attribute.String("reason", reason)))
		}
	}
}
