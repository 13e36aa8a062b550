// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"cmp"
	"maps"
	"slices"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// deliveries shows to the operator what becomes of the data of each tenant.
type deliveries struct{ r *router }

var _ activity.Deliveries = deliveries{}

// Lanes implements activity.Deliveries.
func (d deliveries) Lanes(id tenant.ID) []activity.Lane {
	return sortedLanes(d.r.scheduler.Load().Activity(id, d.maxLanes(), func(bool) bool { return true }))
}

// maxLanes is more than the lanes of a tenant.
func (d deliveries) maxLanes() int { return (len(d.r.cfg.Destinations) + 1) * len(tenant.AllSignals()) }

// Failing implements activity.Deliveries.
func (d deliveries) Failing(limit int) []activity.Lane {
	return sortedLanes(d.r.scheduler.Load().Activity("", limit, func(failing bool) bool { return failing }))
}

func sortedLanes(all []activity.Lane) []activity.Lane {
	slices.SortFunc(all, func(a, b activity.Lane) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Destination, b.Destination), cmp.Compare(a.Signal, b.Signal))
	})
	return all
}

// DeadLetters implements activity.Deliveries.
func (d deliveries) DeadLetters(id tenant.ID) (all []activity.DeadLetters) {
	if d.r.letters == nil {
		return nil
	}
	letters := d.r.letters
	letters.mu.Lock()
	defer letters.mu.Unlock()
	listed := make(map[string]bool)
	for k, w := range letters.written {
		if k.Tenant != id || !letters.owners[deadletter.Owner{Tenant: id, Destination: k.Destination}] {
			continue // a replay has delivered them
		}
		listed[k.Destination] = true
		of := activity.DeadLetters{Directory: letters.shown, Destination: k.Destination, Signal: k.Signal.String(), Requests: w.requests, Records: w.records}
		if a := w.last; a != nil {
			of.Last = &activity.Answer{Time: a.At.UTC(), Class: string(a.Class), Reason: a.Reason, Status: a.Status, Text: a.Text, URL: a.URL}
		}
		all = append(all, of)
	}
	for owner := range letters.owners {
		if owner.Tenant == id && !listed[owner.Destination] {
			all = append(all, activity.DeadLetters{Directory: letters.shown, Destination: owner.Destination})
		}
	}
	slices.SortFunc(all, func(a, b activity.DeadLetters) int {
		return cmp.Or(cmp.Compare(a.Destination, b.Destination), cmp.Compare(a.Signal, b.Signal))
	})
	return all
}

// WithDeadLetters implements activity.Deliveries.
func (d deliveries) WithDeadLetters() []tenant.ID {
	if d.r.letters == nil {
		return nil
	}
	d.r.letters.mu.Lock()
	defer d.r.letters.mu.Unlock()
	all := make(map[tenant.ID]bool)
	for owner := range d.r.letters.owners {
		all[owner.Tenant] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// Routes implements activity.Deliveries.
func (d deliveries) Routes(id tenant.ID) (destinations map[string][]string, faults []string) {
	dir := d.r.directory()
	if dir == nil {
		return nil, nil
	}
	t := dir.Tenant(id)
	if t == nil {
		return nil, nil
	}
	p := d.r.plans.of(t)
	destinations = make(map[string][]string)
	for _, signal := range tenant.AllSignals() {
		names := []string{}
		for _, route := range p.routes[signal] {
			names = append(names, route.Destination)
		}
		destinations[signal.String()] = append(names, p.unknown[signal]...)
	}
	for _, fault := range d.r.plans.check(t) {
		faults = append(faults, fault.text)
	}
	return destinations, faults
}
