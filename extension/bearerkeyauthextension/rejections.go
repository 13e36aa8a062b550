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
	// maxRejections bounds what is remembered, and so the series of the metric. It is
	// below the 2000 series that the metrics SDK keeps apart.
	maxRejections = 1000

	// maxClients bounds the addresses in a line of the log.
	maxClients = 4

	// maxReasons bounds the words that others may post.
	maxReasons  = 100
	reasonOther = "other"

	// reasonDeleted is why the key of a deleted tenant is refused. The caller reads that
	// the key is unknown.
	reasonDeleted = "tenant_deleted"
)

// rejections counts refused requests of known keys, by tenant, key and reason. Keys are
// of the registry, so that strangers cannot fill it. It is safe for concurrent use.
type rejections struct {
	perTenant bool // in the metric
	logger    *zap.Logger

	mu     sync.Mutex
	recent *simplelru.LRU[rejectionKey, *rejectionCount]
	totals map[string]int64 // since the start, by reason
	gone   map[string]int64 // by reason: what went from recent and is not in the log
	said   time.Time        // when gone was in the log last
}

type rejectionKey struct {
	tenant        tenant.ID
	keyID, reason string
}

// rejectionCount is what happened of one kind.
type rejectionCount struct {
	total  int64     // as long as it is remembered
	said   time.Time // when the log named it last
	unsaid int64     // since then

	signals tenant.Signals
	clients []netip.Addr // the first since then
	others  bool         // there were more
}

func newRejections(cfg RejectionsConfig, logger *zap.Logger) (*rejections, error) {
	r := &rejections{perTenant: cfg.TenantMetrics, logger: logger, totals: make(map[string]int64), gone: make(map[string]int64)}
	recent, err := simplelru.NewLRU(maxRejections, func(key rejectionKey, evicted *rejectionCount) {
		if evicted.unsaid > 0 {
			r.gone[key.reason] += evicted.unsaid
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
	c.unsaid++
	c.signals |= of.Signal
	switch {
	case !addr.IsValid(), slices.Contains(c.clients, addr):
	case len(c.clients) < maxClients:
		c.clients = append(c.clients, addr)
	default:
		c.others = true
	}
}

// rejectionReport is a line of the log.
type rejectionReport struct {
	rejectionKey
	rejectionCount
}

// report writes the log: each kind at most once a minute, and few at a time. The others
// wait for the next call, or are summed up if it is the last.
func (r *rejections) report(now time.Time, last bool) {
	due, others := r.due(now, last)
	for i := range due {
		d := &due[i]
		fields := []zap.Field{
			zap.String("tenant", string(d.tenant)), zap.String("key", d.keyID), zap.String("reason", d.reason),
			zap.Int64("requests", d.unsaid), zap.Stringers("clients", d.clients),
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
		since := now.Sub(c.said)
		switch {
		case c.unsaid == 0, !last && since >= 0 && since < failureWindow:
			continue
		case len(due) < maxReports:
			due = append(due, rejectionReport{key, *c})
			c.said, c.unsaid, c.signals, c.clients, c.others = now, 0, 0, nil, false
		case last:
			r.gone[key.reason] += c.unsaid
			c.unsaid = 0
		}
	}
	if since := now.Sub(r.said); len(r.gone) > 0 && (last || since < 0 || since >= failureWindow) {
		others, r.gone, r.said = r.gone, make(map[string]int64), now
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

// observe shows what is remembered of tenants of the registry, and the rest by reason.
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
	for reason, n := range rest {
		if n > 0 {
			o.Observe(n, metric.WithAttributes(attribute.String("reason", reason)))
		}
	}
}
