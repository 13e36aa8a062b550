// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewaystatus"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// maxFaulty bounds the tenants in an overview.
	maxFaulty = 100

	// maxFailing bounds the failing lanes that an overview considers.
	maxFailing = 10_000
)

// shared is what a list of all tenants needs and does not ask for each of them.
type shared struct {
	failing map[tenant.ID][]activity.Lane
	letters map[tenant.ID]bool
	unknown []activity.Unknown
}

func (a *statusAPI) shared() shared {
	all := shared{failing: make(map[tenant.ID][]activity.Lane), letters: make(map[tenant.ID]bool), unknown: a.tracker.Unknown()}
	a.tracker.Deliveries(func(d activity.Deliveries) {
		for _, l := range d.Failing(maxFailing) {
			all.failing[l.Tenant] = append(all.failing[l.Tenant], l)
		}
		for _, id := range d.WithDeadLetters() {
			all.letters[id] = true
		}
	})
	return all
}

func (a *statusAPI) gateway(now time.Time) gatewaystatus.Gateway {
	return gatewaystatus.Gateway{
		Version: a.version, Started: a.started, Time: now.UTC(),
		SilentAfter: a.cfg.SilentAfter.Seconds(), InactiveAfter: a.cfg.InactiveAfter.Seconds(),
	}
}

// overview returns the state of the gateway.
func (a *statusAPI) overview() gatewaystatus.Overview {
	now := a.now()
	health := a.health()
	o := gatewaystatus.Overview{Gateway: a.gateway(now), Findings: gatewayFindings(health), Faulty: []gatewaystatus.Line{}, UnknownCallers: a.tracker.Unknown()}
	if raw, err := json.Marshal(health); err == nil {
		o.Gateway.Health = raw
	}
	tenants, keys := a.count()
	o.Tenants.Sending, o.Tenants.Silent = tenants[gatewaystatus.SendingNow], tenants[gatewaystatus.SendingSilent]
	o.Tenants.Inactive, o.Tenants.NeverSent = tenants[gatewaystatus.SendingInactive], tenants[gatewaystatus.SendingNever]
	for _, n := range keys {
		o.Keys.Active += n
	}
	o.Keys.Silent, o.Keys.NeverUse = keys[gatewaystatus.SendingSilent], keys[gatewaystatus.SendingNever]
	snapshot := a.registry.Snapshot()
	if snapshot == nil {
		return o
	}
	all := a.shared()
	for t := range snapshot.Tenants() {
		o.Tenants.Total++
		switch t.Status {
		case tenant.StatusSuspended:
			o.Tenants.Suspended++
		case tenant.StatusDeleted:
			o.Tenants.Deleted++
			continue
		default:
			o.Tenants.Active++
		}
		if line := a.line(t, all, now); gatewaystatus.Worst(line.Findings).Bad() {
			o.Faulty = append(o.Faulty, line)
		}
	}
	slices.SortStableFunc(o.Faulty, func(x, y gatewaystatus.Line) int {
		return cmp.Or(cmp.Compare(gatewaystatus.Worst(y.Findings), gatewaystatus.Worst(x.Findings)), strings.Compare(x.ID, y.ID))
	})
	o.FaultyTotal = len(o.Faulty)
	o.Faulty = o.Faulty[:min(len(o.Faulty), maxFaulty)]
	return o
}

// gatewayFindings returns what is wrong with the gateway itself.
func gatewayFindings(health *state) []gatewaystatus.Finding {
	all := []gatewaystatus.Finding{}
	for _, why := range health.Reasons {
		f := gatewaystatus.Finding{Severity: finding.Error, ID: string(why)}
		switch why {
		case reasonStarting, reasonStopping:
			f.Message, f.Fix = fmt.Sprintf("The gateway is %s, and takes no data.", why), "Wait. If it remains, look at its log."
		case reasonNotLoaded:
			if hasFailure(health) {
				continue // it is why
			}
			f.Message, f.Fix = "No registry was loaded yet: all data is rejected with 503, which agents send again.", "See the log of the gateway: the file of the registry must exist and be readable for the gateway's user. tenantctl registry validate checks it."
		case reasonSource, reasonStale:
			continue // see registryFindings
		case reasonQueue:
			f.Severity = finding.Warning
			f.Message, f.Fix = "More than nine tenths of max_total_bytes are queued. When it is full, data of all tenants is rejected with 429.", "See the tenants whose destinations fail, or raise tenant_routing::max_total_bytes."
		case reasonDisk:
			f.Message, f.Fix = "The disk of the queue is full: data is rejected with 503, which agents send again.", "Free space on the disk of STATE_DIR: df -h. No restart is needed."
		case reasonRoutes:
			f.Severity = finding.Warning
			f.Message, f.Fix = "Routes of active tenants do not work.", "The tenants are below; tenantctl status TENANT says what is wrong."
		case reasonComponent:
			unwell := unexplained(health)
			if len(unwell) == 0 {
				continue
			}
			f.Severity = finding.Warning
			f.Message, f.Fix = "Components report an error: "+strings.Join(unwell, ", ")+".", "See \"components\" in /health, and the log of the gateway."
		default:
			f.Message = "The condition " + string(why) + " lasts."
		}
		all = append(all, f)
	}
	all = append(all, registryFindings(health)...)
	gatewaystatus.Sort(all)
	return all
}

// registryFindings returns what is wrong with the registries.
func registryFindings(health *state) (all []gatewaystatus.Finding) {
	for _, id := range slices.Sorted(maps.Keys(health.Registries)) {
		r := health.Registries[id]
		if r.Failure == nil && !r.stale {
			continue
		}
		fault := gatewaystatus.RegistryFault{Loaded: r.Loaded, Stale: r.stale}
		if r.Age != nil {
			fault.For = seconds(*r.Age)
		}
		if e := r.Failure; e != nil {
			fault.Class, fault.Action, fault.Rejected, fault.For = e.Class, e.Action, e.Rejected, seconds(e.For)
		}
		f := fault.Finding()
		if len(health.Registries) > 1 {
			f.Message = id + ": " + f.Message
		}
		all = append(all, f)
	}
	return all
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// hasFailure reports whether a registry has one.
func hasFailure(health *state) bool {
	for _, r := range health.Registries {
		if r.Failure != nil {
			return true
		}
	}
	return false
}

// unexplained returns the components with an error that no fault of a registry explains.
func unexplained(health *state) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(health.Components)) {
		id, ok := strings.CutPrefix(name, "extension/")
		if r, known := health.Registries[id]; ok && known && r.Failure != nil {
			continue
		}
		names = append(names, name)
	}
	return names
}

// line returns what a list shows of a tenant. It leaves out what needs a report of an exporter
// for each tenant.
func (a *statusAPI) line(t *tenant.Tenant, all shared, now time.Time) gatewaystatus.Line {
	v := a.view(t, now, all.unknown)
	v.Lanes = all.failing[t.ID]
	if all.letters[t.ID] {
		a.tracker.Deliveries(func(d activity.Deliveries) { v.DeadLetters = append(v.DeadLetters, d.DeadLetters(t.ID)...) })
	}
	gatewaystatus.Judge(&v)
	// Not every tenant that has never sent data has a fault, and not every caller with an unknown
	// key is one of them.
	findings := slices.DeleteFunc(v.Findings, func(f gatewaystatus.Finding) bool {
		return f.ID == gatewaystatus.FindingNeverSent || f.ID == gatewaystatus.FindingSignalNever ||
			f.ID == gatewaystatus.FindingUnknown && v.Sending == gatewaystatus.SendingNever
	})
	return gatewaystatus.Line{ID: v.ID, Name: v.Name, Status: v.Status, Sending: v.Sending, LastAccepted: v.LastAccepted, Findings: findings}
}

// view returns what the registry and the tracker know about a tenant.
func (a *statusAPI) view(t *tenant.Tenant, now time.Time, unknown []activity.Unknown) gatewaystatus.Tenant {
	record := a.tracker.Tenant(t.ID)
	v := gatewaystatus.Tenant{
		Gateway: a.gateway(now), ID: string(t.ID), Name: t.Name, Status: string(t.Status),
		Signals: make(map[string]activity.SignalView), Rejections: record.Rejections(), Keys: []gatewaystatus.Key{}, Lanes: []activity.Lane{},
		Quotas: a.tracker.QuotasOf(t), UnknownCallers: unknown,
	}
	if v.Rejections == nil {
		v.Rejections = []activity.Rejection{}
	}
	last := record.LastAccepted()
	v.LastAccepted, v.Sending = optional(last), a.sending(last, now)
	for _, signal := range tenant.AllSignals() {
		v.Signals[signal.String()] = record.Signal(signal)
	}
	if ahead := record.Ahead(); ahead != nil {
		v.ClockAhead = &gatewaystatus.ClockAhead{Ahead: *ahead, By: ahead.By.Seconds()}
	}
	for _, k := range t.Keys {
		used := a.tracker.Key(k.ID)
		v.Keys = append(v.Keys, gatewaystatus.Key{
			ID: k.ID, State: k.State(now), Scopes: k.Scopes.Names(), Sending: a.sendingOf(k, now), Description: k.Description,
			LastUsed: optional(used.LastUse()), FirstUsed: optional(used.FirstUse()), Sources: used.Sources(),
			ExpiresAt: optional(k.ExpiresAt), RevokedAt: optional(k.RevokedAt),
		})
	}
	return v
}

// optional returns nil for the zero time.
func optional(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

// serveTenant answers with everything about one tenant.
func (a *statusAPI) serveTenant(w http.ResponseWriter, r *http.Request) {
	snapshot := a.registry.Snapshot()
	if snapshot == nil {
		http.Error(w, "no registry was loaded yet: see the log of the gateway", http.StatusServiceUnavailable)
		return
	}
	t := snapshot.Tenant(tenant.ID(r.PathValue("id")))
	if t == nil {
		http.Error(w, "the registry has no such tenant", http.StatusNotFound)
		return
	}
	a.answer(w, r, func() any { return a.report(t) })
}

// report returns everything about one tenant.
func (a *statusAPI) report(t *tenant.Tenant) gatewaystatus.Tenant {
	v := a.view(t, a.now(), a.tracker.Unknown())
	a.tracker.Deliveries(func(d activity.Deliveries) {
		v.Lanes = append(v.Lanes, d.Lanes(t.ID)...)
		v.DeadLetters = append(v.DeadLetters, d.DeadLetters(t.ID)...)
		routes, faults := d.Routes(t.ID)
		v.RouteFaults = append(v.RouteFaults, faults...)
		if v.Routes == nil {
			v.Routes = routes
			return
		}
		for signal, names := range routes { // of another exporter
			v.Routes[signal] = append(v.Routes[signal], names...)
		}
	})
	gatewaystatus.Judge(&v)
	return v
}

// serveTenants answers with a page of the list of all tenants.
func (a *statusAPI) serveTenants(w http.ResponseWriter, r *http.Request) {
	limit := 100
	if text := r.URL.Query().Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > gatewaystatus.MaxPage {
			http.Error(w, fmt.Sprintf("limit must be from 1 to %d", gatewaystatus.MaxPage), http.StatusBadRequest)
			return
		}
	}
	after := tenant.ID(r.URL.Query().Get("after"))
	a.answer(w, r, func() any { return a.page(after, limit) })
}

// page returns at most limit tenants that follow after.
func (a *statusAPI) page(after tenant.ID, limit int) gatewaystatus.Page {
	page := gatewaystatus.Page{Tenants: []gatewaystatus.Line{}}
	if snapshot := a.registry.Snapshot(); snapshot != nil {
		now, all := a.now(), a.shared()
		for t := range snapshot.Tenants() {
			if t.ID <= after {
				continue
			}
			if len(page.Tenants) == limit {
				page.Next = page.Tenants[limit-1].ID
				break
			}
			page.Tenants = append(page.Tenants, a.line(t, all, now))
		}
	}
	return page
}
