// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// subscribe makes followRegistry handle the current snapshot of the registry, if there is one, and later ones.
func (r *router) subscribe() {
	r.unsubscribe = func() {}
	if r.registry == nil {
		return
	}
	changed := func(*tenant.Snapshot) {
		select {
		case r.changed <- struct{}{}:
		default:
		}
	}
	r.unsubscribe = r.registry.Subscribe(changed)
	changed(nil)
}

// followRegistry applies changes of tenants to queued data. New requests use the snapshot of the moment.
func (r *router) followRegistry() {
	reported := make(map[string]bool)
	for {
		select {
		case <-r.stop:
			return
		case <-r.changed:
		}
		_ = r.recovery.Run("following the registry", func() { reported = r.retarget(reported) })
	}
}

func (r *router) retarget(reported map[string]bool) map[string]bool {
	snap := r.registry.Snapshot()
	if snap == nil {
		return reported
	}
	sched := r.scheduler.Load()
	r.plans.forget(snap)
	r.totals.forget(snap)
	sched.Retarget(func(k lane.Key) lane.Target { return r.plans.target(snap, k) })
	sched.Forget(func(id tenant.ID) bool { return snap.Tenant(id) == nil })
	return r.report(snap, reported)
}

// report logs tenants whose routes do not work, and destinations that tenants should not share. It logs
// each once, and returns all of them.
func (r *router) report(snap *tenant.Snapshot, earlier map[string]bool) map[string]bool {
	now := make(map[string]bool)
	for _, name := range r.plans.shared(snap) {
		text := "shared: " + name
		now[text] = true
		if !earlier[text] {
			r.set.Logger.Warn("Several tenants share a destination that does not separate their data: its users see the data of all of them. "+
				"Give each tenant an instance of its own, by a variable in the endpoint, or a proxy in front that separates tenants",
				zap.String("destination", name))
		}
	}
	var counts routeCounts
	for t := range snap.Tenants() {
		if t.Status != tenant.StatusActive {
			continue
		}
		faults := r.plans.check(t)
		counts.add(faults)
		if err := routeError(faults); err != nil {
			text := string(t.ID) + ": " + err.Error()
			now[text] = true
			if !earlier[text] {
				r.set.Logger.Warn("A tenant's routes do not work", zap.String("tenant", string(t.ID)), zap.String("problem", err.Error()))
			}
		}
	}
	r.routes.Store(counts.health())
	return now
}
