// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenantregistryextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// telemetry reports how current the registry is. Observations happen in other
// goroutines than the one that loads.
type telemetry struct {
	builder *metadata.TelemetryBuilder
	store   string // the name of the source
	now     func() time.Time
	silent  func() bool // whether an answer of the source is pending

	readAt      atomic.Pointer[time.Time] // of the registry in force
	confirmedAt atomic.Pointer[time.Time]
	ok          atomic.Bool
	forked      atomic.Bool // the source is rejected because of its history
	restarted   atomic.Bool // the registry in force comes from the copy on disk
}

func newTelemetry(builder *metadata.TelemetryBuilder, reg tenant.Registry, store string, silent func() bool) (*telemetry, error) {
	for _, outcome := range []string{"loaded", "refused"} { // the series exist before the first event
		builder.ExtensionTenantRegistryLoads.Add(context.Background(), 0, metric.WithAttributes(attribute.String("outcome", outcome)))
	}
	t := &telemetry{builder: builder, store: store, now: time.Now, silent: silent}
	for _, register := range []func() error{
		func() error { return builder.RegisterExtensionTenantRegistryAgeCallback(t.observeAge) },
		func() error {
			return builder.RegisterExtensionTenantRegistryLastLoadTimestampCallback(t.observeLastLoad)
		},
		func() error { return builder.RegisterExtensionTenantRegistrySourceOkCallback(t.observeSourceOK) },
		func() error { return builder.RegisterExtensionTenantRegistryForkedCallback(t.observeForked) },
		func() error {
			return builder.RegisterExtensionTenantRegistryInfoCallback(func(_ context.Context, o metric.Int64Observer) error {
				if s := reg.Snapshot(); s != nil {
					o.Observe(1, metric.WithAttributes(attribute.String("hash", shortHash(s)), attribute.String("source", t.source())))
				}
				return nil
			})
		},
		func() error {
			return builder.RegisterExtensionTenantRegistryKeysCallback(func(_ context.Context, o metric.Int64Observer) error {
				if s := reg.Snapshot(); s != nil {
					o.Observe(int64(countKeys(s)))
				}
				return nil
			})
		},
		func() error {
			return builder.RegisterExtensionTenantRegistryKeysNearExpiryCallback(func(_ context.Context, o metric.Int64Observer) error {
				if s := reg.Snapshot(); s != nil {
					observeExpiry(o, s, t.now())
				}
				return nil
			})
		},
		func() error {
			return builder.RegisterExtensionTenantRegistryTenantsCallback(func(_ context.Context, o metric.Int64Observer) error {
				if s := reg.Snapshot(); s != nil {
					observeTenants(o, s)
				}
				return nil
			})
		},
	} {
		if err := register(); err != nil {
			builder.Shutdown()
			return nil, err
		}
	}
	return t, nil
}

func countKeys(s *tenant.Snapshot) int {
	n := 0
	for range s.Keys() {
		n++
	}
	return n
}

// expiryWindows are the periods for which expiring keys are counted.
var expiryWindows = [...]struct {
	name string
	span time.Duration
}{{"1d", 24 * time.Hour}, {"7d", 7 * 24 * time.Hour}, {"30d", 30 * 24 * time.Hour}}

// observeExpiry counts the keys that are valid at the time now and expire soon.
func observeExpiry(o metric.Int64Observer, s *tenant.Snapshot, now time.Time) {
	var counts [len(expiryWindows)]int64
	for k := range s.Keys() {
		valid := k.Tenant().Status == tenant.StatusActive && !now.Before(k.NotBefore) && now.Before(k.ExpiresAt) && k.RevokedAt.IsZero()
		if !valid {
			continue
		}
		for n, w := range expiryWindows {
			if k.ExpiresAt.Sub(now) <= w.span {
				counts[n]++
			}
		}
	}
	for n, w := range expiryWindows {
		o.Observe(counts[n], metric.WithAttributes(attribute.String("ends_within", w.name)))
	}
}

func observeTenants(o metric.Int64Observer, s *tenant.Snapshot) {
	counts := map[tenant.Status]int64{tenant.StatusActive: 0, tenant.StatusSuspended: 0, tenant.StatusDeleted: 0}
	for t := range s.Tenants() {
		counts[t.Status]++
	}
	for status, n := range counts {
		o.Observe(n, metric.WithAttributes(attribute.String("status", string(status))))
	}
}

func (t *telemetry) observeAge(_ context.Context, o metric.Float64Observer) error {
	if at := t.confirmedAt.Load(); at != nil {
		o.Observe(t.now().Sub(*at).Seconds())
	}
	return nil
}

func (t *telemetry) observeLastLoad(_ context.Context, o metric.Float64Observer) error {
	if at := t.readAt.Load(); at != nil {
		o.Observe(float64(at.UnixNano()) / float64(time.Second))
	}
	return nil
}

func (t *telemetry) observeSourceOK(_ context.Context, o metric.Int64Observer) error {
	var ok int64
	if t.ok.Load() && !t.silent() {
		ok = 1
	}
	o.Observe(ok)
	return nil
}

func (t *telemetry) observeForked(_ context.Context, o metric.Int64Observer) error {
	var forked int64
	if t.forked.Load() {
		forked = 1
	}
	o.Observe(forked)
	return nil
}

func (t *telemetry) source() string {
	if t.restarted.Load() {
		return "snapshot"
	}
	return t.store
}

// loaded records that the registry of the source came into force.
func (t *telemetry) loaded(ctx context.Context, at time.Time) {
	t.readAt.Store(&at)
	t.restarted.Store(false)
	t.builder.ExtensionTenantRegistryLoads.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", "loaded")))
}

// restored records that the copy of the source from the time at is in force.
func (t *telemetry) restored(at time.Time) {
	t.readAt.Store(&at)
	t.confirmedAt.Store(&at)
	t.restarted.Store(true)
}

// confirmed records that the source has the registry in force.
func (t *telemetry) confirmed(at time.Time) {
	t.confirmedAt.Store(&at)
	t.ok.Store(true)
	t.forked.Store(false)
}

// rejected records that the source is not valid or not available.
func (t *telemetry) rejected(ctx context.Context, class healthboard.FailureClass) {
	t.ok.Store(false)
	t.forked.Store(class == healthboard.FailureForked)
	t.builder.ExtensionTenantRegistryLoads.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", "refused")))
}

func (t *telemetry) shutdown() { t.builder.Shutdown() }
