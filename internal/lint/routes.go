// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"fmt"
	"slices"

	"github.com/otelcol-tenant/otelcol-tenant/internal/configcheck"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewayconfig"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func routeRules() []Rule {
	return []Rule{
		{
			ID: "OT601", Family: FamilyRoutes, Severity: finding.Error,
			Title: "A route to a destination that does not exist, or does not take the signal",
			Why:   "Data of the route is rejected until the route is corrected, or waits without end.",
			Fix:   "Correct the name in the route, or add the destination to tenant_routing.",
			check: checkRoutes,
		},
		{
			ID: "OT602", Family: FamilyRoutes, Severity: finding.Error,
			Title: "A variable of a destination that the tenant does not have",
			Why:   "The destination cannot be used for the tenant, whose data of this route is rejected.",
			Fix:   "Add the variable with tenantctl tenant update --var, or change the route.",
			check: checkVariables,
		},
		{
			ID: "OT603", Family: FamilyRoutes, Severity: finding.Warning,
			Title: "tenant_routing without a registry behind keys",
			Why:   "All tenants use the same routes, and at most max_tenants tenants are accepted.",
			Fix:   "Set registry of tenant_routing to the tenant_registry extension.",
			check: checked(configcheck.NoRoutingRegistry),
		},
		{
			ID: "OT604", Family: FamilyRoutes, Severity: finding.Warning, roles: []Role{RoleGateway},
			Title: "An exporter beside tenant_routing",
			Why:   "It sends the data of all tenants to one place through one queue: the outage of its backend delays or loses data of all, and routes do not apply.",
			Fix:   "Make its backend a destination of tenant_routing.",
			check: checkOtherExporters,
		},
		{
			ID: "OT605", Family: FamilyRoutes, Severity: finding.Warning,
			Title: "Tenants without a route",
			Why:   "Data of a tenant without a route for its signal is rejected with 403 and not sent again.",
			Fix:   "Set routes of tenant_routing for all signals, or routes of the tenant.",
			check: checkMissingRoutes,
		},
	}
}

// routing is a tenant_routing exporter in use.
type routing struct {
	key string
	set *value
	gatewayconfig.Destinations
}

func (c *config) routings() (all []routing) {
	for _, id := range c.used("exporters") {
		if typeOf(id) != typeRouting {
			continue
		}
		set := c.root.at("exporters", id)
		destinations, err := gatewayconfig.Of(map[string]any{"exporters": map[string]any{id: set.plain()}})
		if err == nil { // otherwise they are in a file that cannot be read here
			all = append(all, routing{"exporters::" + id, set, destinations})
		}
	}
	return all
}

// signalsOf returns the signals of the pipelines that an exporter is in.
func (c *config) signalsOf(key string) (signals tenant.Signals) {
	for i := range c.pipelines {
		p := &c.pipelines[i]
		for _, signal := range tenant.AllSignals() {
			if typeOf(p.id) == signal.String() && slices.Contains(p.exporters, key[len("exporters::"):]) {
				signals |= tenant.NewSignals(signal)
			}
		}
	}
	return signals
}

func checkRoutes(c *config, report reporter) {
	all := c.routings()
	for _, r := range all {
		for _, signal := range tenant.AllSignals() {
			for _, item := range r.set.at("routes", signal.String()).list() {
				if name := item.text(); name != "" {
					if err := r.Check(signal, []string{name}); err != nil {
						report(item, r.key+"::routes::"+signal.String(), "%v", err)
					}
				}
			}
		}
	}
	if len(all) == 0 {
		return
	}
	c.registry.eachRoute(func(t *registryTenant, signal tenant.Signal, item *value, name string) {
		var first error
		for _, r := range all {
			err := r.Check(signal, []string{name})
			if err == nil {
				return
			}
			first = firstError(first, err)
		}
		report(item, t.key()+"::routes::"+signal.String(), "%v", first)
	})
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func checkVariables(c *config, report reporter) {
	all := c.routings()
	for _, t := range c.registry.active() {
		seen := make(map[string]bool)
		note := func(item *value, key, text string) {
			if !seen[text] {
				seen[text] = true
				report(item, key, "%s, which tenant %s does not have", text, t.ID)
			}
		}
		for _, signal := range tenant.AllSignals() {
			routes := t.value.at("routes", signal.String())
			for _, r := range all {
				for _, item := range routes.list() {
					for _, text := range r.Missing([]string{item.text()}, t.Vars) {
						note(item, t.key()+"::routes::"+signal.String(), text)
					}
				}
				if routes == nil && c.signalsOf(r.key).Has(signal) {
					for _, text := range r.Missing(r.set.at("routes", signal.String()).texts(), t.Vars) {
						note(t.value, t.key()+"::vars", text)
					}
				}
			}
		}
	}
}

func checkOtherExporters(c *config, report reporter) {
	for i := range c.pipelines {
		p := &c.pipelines[i]
		if !slices.ContainsFunc(p.processors, func(id string) bool {
			return typeOf(id) == typeTenant && c.root.at("processors", id, "source").text() == "auth"
		}) {
			continue
		}
		for _, item := range p.value.at("exporters").list() {
			id := item.text()
			_, connector := c.root.at("connectors").fieldsOrNone()[id]
			if connector || slices.Contains([]string{"", typeRouting, "debug", "logging", "nop"}, typeOf(id)) {
				continue
			}
			report(item, "service::pipelines::"+p.id+"::exporters", "has %s, which gets the data of all tenants", id)
		}
	}
}

func checkMissingRoutes(c *config, report reporter) {
	for _, r := range c.routings() {
		if c.registry == nil {
			continue // routes may be in the registry
		}
		for _, signal := range tenant.AllSignals() {
			if !c.signalsOf(r.key).Has(signal) || len(r.set.at("routes", signal.String()).list()) > 0 {
				continue
			}
			for _, t := range c.registry.active() {
				if len(t.Routes[signal]) == 0 && c.registry.mayHave(t, signal) {
					report(t.value, t.key()+"::routes::"+signal.String(), "tenant %s has a key for %s, but no route, and tenant_routing has no default", t.ID, signal)
				}
			}
		}
	}
}

// key returns the path of a tenant in the registry.
func (t *registryTenant) key() string { return fmt.Sprintf("tenants::%s", t.ID) }
