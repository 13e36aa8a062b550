// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"os"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/profile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// telemetry reports the exporter's own metrics. One callback reads all of them from one observation of the lanes,
// so that they add up in every collection.
type telemetry struct {
	builder      *metadata.TelemetryBuilder
	registration metric.Registration
	logger       *zap.Logger
	warnOnce     sync.Once
	expected     []lane.StatsKey // have series before the first record
}

// seriesLimit is how many series of one metric the SDK distinguishes, unless seriesLimitEnv has another
// limit. It merges further series into one, so that sums are wrong.
const (
	seriesLimit    = 2000
	seriesLimitEnv = "OTEL_GO_X_CARDINALITY_LIMIT"
)

// expectedLetters returns the reasons of dead letters whose series exist before the first one. Backends can give
// others.
func expectedLetters() []string {
	return []string{"http_400", "http_413", "http_422", "grpc_invalidargument", "partial_success", "decode", "panic", lane.ReasonPoison.String()}
}

// expectedKeys returns the keys of the statistics that the configuration makes possible. With metrics::tenant there
// are none: series of each tenant, destination and reason would be too many.
func expectedKeys(cfg *Config) (keys []lane.StatsKey) {
	if cfg.Metrics.Tenant {
		return nil
	}
	for name, d := range cfg.Destinations {
		paths, known := profile.Find(d.Profile)
		for _, signal := range tenant.AllSignals() {
			if d.Archive.HasValue() || !known || paths[signal] != "" {
				keys = append(keys, lane.StatsKey{Destination: name, Signal: signal})
			}
		}
	}
	return keys
}

func newTelemetry(r *router, sched *lane.Scheduler) (*telemetry, error) {
	b, err := metadata.NewTelemetryBuilder(r.set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	t := &telemetry{builder: b, logger: r.set.Logger, expected: expectedKeys(r.cfg)}
	t.registration, err = metadata.Meter(r.set.TelemetrySettings).RegisterCallback(
		func(_ context.Context, o metric.Observer) error {
			t.observeLanes(o, sched)
			full := sched.Health()
			o.ObserveFloat64(b.ExporterTenantRoutingQueueUse, max(full.Fullest, float64(full.QueuedBytes)/float64(r.cfg.MaxTotalBytes)))
			t.observeRejected(o, &r.rejected)
			t.observeMigrations(o, &r.migrations)
			o.ObserveInt64(b.ExporterTenantRoutingPanics, r.recovery.Count())
			o.ObserveInt64(b.ExporterTenantRoutingDeltaSeries, int64(r.totals.series()))
			if r.store != nil {
				t.observeStorage(o, r)
			}
			return nil
		},
		b.ExporterTenantRoutingAcceptedRecords, b.ExporterTenantRoutingRecoveredRecords, b.ExporterTenantRoutingDeliveredRecords,
		b.ExporterTenantRoutingDeltaSeries, b.ExporterTenantRoutingDeadLetteredRecords, b.ExporterTenantRoutingDroppedRecords, b.ExporterTenantRoutingQueuedRecords,
		b.ExporterTenantRoutingQueuedBytes, b.ExporterTenantRoutingQueueAge, b.ExporterTenantRoutingQueueUse, b.ExporterTenantRoutingLanes, b.ExporterTenantRoutingCircuitBreakers,
		b.ExporterTenantRoutingMigratedRequests, b.ExporterTenantRoutingMigrationFaults,
		b.ExporterTenantRoutingSendAttempts, b.ExporterTenantRoutingRefusedRequests, b.ExporterTenantRoutingPanics, b.ExporterTenantRoutingStorageFaults,
		b.ExporterTenantRoutingStorageCompactions, b.ExporterTenantRoutingStorageFreeBytes, b.ExporterTenantRoutingStorageReserveBytes, b.ExporterTenantRoutingStorageUsedBytes)
	if err != nil {
		b.Shutdown()
		return nil, err
	}
	return t, nil
}

func (t *telemetry) observeLanes(o metric.Observer, sched *lane.Scheduler) {
	all := sched.Observe()
	if len(all) >= seriesLimit && os.Getenv(seriesLimitEnv) == "" {
		t.warnOnce.Do(func() {
			t.logger.Warn("metrics::tenant makes more series than the metrics SDK distinguishes; set the environment variable "+seriesLimitEnv+" (0 is no limit)",
				zap.Int("series", len(all)), zap.Int("limit", seriesLimit))
		})
	}
	for _, key := range t.expected {
		if _, ok := all[key]; !ok {
			all[key] = lane.Stats{}
		}
	}
	for key, st := range all {
		t.observeLane(o, key, &st)
	}
}

// observeLane reports the statistics of one key. Those that are not of a tenant have a series for each expected
// reason.
func (t *telemetry) observeLane(o metric.Observer, key lane.StatsKey, st *lane.Stats) {
	b, ofAll := t.builder, key.Tenant == ""
	attrs := []attribute.KeyValue{attribute.String("destination", key.Destination), attribute.String("signal", key.Signal.String())}
	if key.Tenant != "" {
		attrs = append(attrs, attribute.String("tenant", string(key.Tenant)))
	}
	set := metric.WithAttributeSet(attribute.NewSet(attrs...))
	o.ObserveInt64(b.ExporterTenantRoutingAcceptedRecords, st.Accepted, set)
	o.ObserveInt64(b.ExporterTenantRoutingRecoveredRecords, st.Recovered, set)
	o.ObserveInt64(b.ExporterTenantRoutingDeliveredRecords, st.Delivered, set)
	o.ObserveInt64(b.ExporterTenantRoutingQueuedRecords, st.QueuedRecords, set)
	o.ObserveInt64(b.ExporterTenantRoutingQueuedBytes, st.QueuedBytes, set)
	o.ObserveFloat64(b.ExporterTenantRoutingQueueAge, st.Oldest.Seconds(), set)
	if ofAll {
		for _, reason := range expectedLetters() {
			if st.DeadLettered[reason] == 0 {
				o.ObserveInt64(b.ExporterTenantRoutingDeadLetteredRecords, 0, set, metric.WithAttributes(attribute.String("reason", reason)))
			}
		}
		if st.Attempts[""] == 0 {
			o.ObserveInt64(b.ExporterTenantRoutingSendAttempts, 0, set, metric.WithAttributes(attribute.String("reason", "ok")))
		}
	}
	for reason, n := range st.DeadLettered {
		o.ObserveInt64(b.ExporterTenantRoutingDeadLetteredRecords, n, set, metric.WithAttributes(attribute.String("reason", reason)))
	}
	for reason, n := range st.Dropped {
		if n > 0 || ofAll {
			o.ObserveInt64(b.ExporterTenantRoutingDroppedRecords, n, set, metric.WithAttributes(attribute.String("reason", lane.Reason(reason).String())))
		}
	}
	for reason, n := range st.Attempts {
		if reason == "" {
			reason = "ok"
		}
		o.ObserveInt64(b.ExporterTenantRoutingSendAttempts, n, set, metric.WithAttributes(attribute.String("reason", reason)))
	}
	for state, n := range st.Breakers {
		o.ObserveInt64(b.ExporterTenantRoutingCircuitBreakers, n, set, metric.WithAttributes(attribute.String("breaker", lane.BreakerState(state).String())))
	}
	for state, n := range st.Lanes {
		o.ObserveInt64(b.ExporterTenantRoutingLanes, n, set, metric.WithAttributes(attribute.String("state", lane.State(state).String())))
	}
}

func (t *telemetry) observeStorage(o metric.Observer, r *router) {
	b := t.builder
	o.ObserveInt64(b.ExporterTenantRoutingStorageFaults, r.store.Faults())
	o.ObserveInt64(b.ExporterTenantRoutingStorageCompactions, r.store.Compactions())
	if r.stateDir == "" {
		return
	}
	usage := r.store.Usage()
	o.ObserveInt64(b.ExporterTenantRoutingStorageUsedBytes, usage.Taken)
	o.ObserveInt64(b.ExporterTenantRoutingStorageReserveBytes, usage.Reserve)
	if usage.Free >= 0 {
		o.ObserveInt64(b.ExporterTenantRoutingStorageFreeBytes, usage.Free)
	}
}

func (t *telemetry) observeRejected(o metric.Observer, rejected *rejectedRequests) {
	for _, signal := range tenant.AllSignals() {
		for reason := range rejected[signal] {
			if n := rejected[signal][reason].Load(); n > 0 || rejection.Exporter.Of(rejection.Reason(reason)) {
				o.ObserveInt64(t.builder.ExporterTenantRoutingRefusedRequests, n, metric.WithAttributes(
					attribute.String("signal", signal.String()), attribute.String("reason", rejection.Reason(reason).String())))
			}
		}
	}
}

func (t *telemetry) observeMigrations(o metric.Observer, m *migrations) {
	for _, signal := range tenant.AllSignals() {
		of := metric.WithAttributes(attribute.String("signal", signal.String()))
		o.ObserveInt64(t.builder.ExporterTenantRoutingMigratedRequests, m.moved[signal].Load(), of)
		o.ObserveInt64(t.builder.ExporterTenantRoutingMigrationFaults, m.faults[signal].Load(), of)
	}
}

func (t *telemetry) shutdown() error {
	err := t.registration.Unregister()
	t.builder.Shutdown()
	return err
}
