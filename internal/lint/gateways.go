// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

func gatewaysRules() []Rule {
	gateway := []Role{RoleGateway}
	return []Rule{
		{
			ID: "OT801", Family: FamilyGateways, Severity: finding.Warning, roles: gateway,
			Title: "Each of several gateways applies the whole limit of a tenant",
			Why:   "With scope: local and gateways: 1, a tenant may send its limit to every gateway.",
			Fix:   "Set limits::gateways to their number, or limits::scope to shared with limits::redis.",
			check: checkLocalLimits,
		},
		{
			ID: "OT802", Family: FamilyGateways, Severity: finding.Error, roles: gateway,
			Title: "Totals of several gateways overwrite each other",
			Why:   "Each gateway converts the delta metrics that it gets. Without an attribute or with one ID for all gateways, a backend takes the totals of all gateways for one series.",
			Fix:   "Remove delta_to_cumulative::gateway_attribute and gateway_id, whose defaults distinguish gateways.",
			check: checkDeltaIdentity,
		},
		{
			ID: "OT803", Family: FamilyGateways, Severity: finding.Note, roles: gateway,
			Title: "Several gateways convert delta metrics",
			Why:   "Each makes totals of what it gets, as series with the attribute otelcol.gateway. Queries must sum over it.",
			Fix:   "Sum over the attribute in queries, or let clients send cumulative metrics.",
			check: checkDeltaConversion,
		},
		{
			ID: "OT804", Family: FamilyGateways, Severity: finding.Note, roles: gateway,
			Title: "Several gateways with a registry in a file",
			Why:   "A change is in force only where the file has changed: a key that is revoked on one gateway works on the others.",
			Fix:   "Use tenant_registry::postgres, or distribute the file to all gateways at the same time.",
			check: checkRegistryFiles,
		},
		{
			ID: "OT805", Family: FamilyGateways, Severity: finding.Note, roles: gateway,
			Title: "Limits of one gateway with a registry for several",
			Why:   "A registry in PostgreSQL is often that of several gateways. With scope: local and gateways: 1, a tenant may send its limit to every gateway.",
			Fix:   "Give --gateways, the number of gateways, to lint. For several, set limits::gateways or limits::scope.",
			check: checkDatabaseLimits,
		},
	}
}

// several returns how many gateways there are, as text, and whether there are several.
func (c *config) several() (string, bool) {
	return fmt.Sprintf("%d gateways", c.set.Gateways), c.set.Gateways > 1
}

func checkLocalLimits(c *config, report reporter) {
	how, several := c.several()
	if !several {
		return
	}
	c.localLimits(func(v *value, key string, n int) {
		switch {
		case n == 1:
			report(v, key, "is 1, but there are %s: a tenant may send its whole limit to each", how)
		case n != c.set.Gateways:
			report(v, key, "is %d, but there are %s", n, how)
		}
	})
}

func checkDatabaseLimits(c *config, report reporter) {
	database := false
	for _, id := range c.used("extensions") {
		database = database || typeOf(id) == typeRegistry && c.root.at("extensions", id, "postgres", "dsn").isSet()
	}
	if !database || c.set.Gateways > 0 {
		return
	}
	c.localLimits(func(v *value, key string, n int) {
		if n == 1 {
			report(v, key, "is 1, and the registry is in PostgreSQL: with several gateways, a tenant may send its whole limit to each")
		}
	})
}

// localLimits calls f for every tenant processor in use whose limits are not shared, with the
// number of gateways among which it divides them.
func (c *config) localLimits(f func(v *value, key string, gateways int)) {
	for _, id := range c.used("processors") {
		limits := c.root.at("processors", id, "limits")
		scope := limits.at("scope")
		if typeOf(id) != typeTenant || c.root.at("processors", id, "source").text() != "auth" || scope.text() == "shared" || scope.isSet() && !scope.known {
			continue
		}
		n := 1
		if v := limits.at("gateways"); v.isSet() {
			var err error
			if n, err = strconv.Atoi(v.text()); err != nil {
				continue
			}
		}
		key := "processors::" + id + "::limits::gateways"
		f(c.locate(key), key, n)
	}
}

// CumulativeProfiles returns the profiles whose destinations get cumulative metrics by default. A
// test of the exporter compares them.
func CumulativeProfiles() []string {
	return []string{"cortex", "mimir", "prometheus", "victoriametrics"}
}

func converts(d *value) bool {
	if v := d.at("delta_to_cumulative"); v.isSet() {
		return v.isTrue()
	}
	return slices.Contains(CumulativeProfiles(), d.at("profile").text()) && !d.at("archive").isSet()
}

func checkDeltaIdentity(c *config, report reporter) {
	how, several := c.several()
	if !several {
		return
	}
	c.converting(func(key string, set, _ *value, _ string) {
		delta := set.at("delta_to_cumulative")
		if v := delta.at("gateway_attribute"); v.isSet() && v.known && v.text() == "" {
			report(v, key+"::delta_to_cumulative::gateway_attribute", "is empty, but there are %s", how)
		}
		if v := delta.at("gateway_id"); v.isSet() && v.known && len(v.refs) == 0 && v.text() != "" {
			report(v, key+"::delta_to_cumulative::gateway_id", "is the same for all gateways that use this file, but there are %s", how)
		}
	})
}

func checkDeltaConversion(c *config, report reporter) {
	how, several := c.several()
	if !several {
		return
	}
	c.converting(func(key string, set, d *value, name string) {
		if v := set.at("delta_to_cumulative", "gateway_attribute"); v.isSet() && v.known && v.text() == "" {
			return // OT802
		}
		report(d, key+"::destinations::"+name, "gets totals of delta metrics, and there are %s", how)
	})
}

// converting calls f for every destination in use that gets totals of delta metrics.
func (c *config) converting(f func(key string, set, d *value, name string)) {
	for _, r := range c.routings() {
		destinations := r.set.at("destinations")
		for _, name := range destinations.names() {
			if converts(destinations.at(name)) {
				f(r.key, r.set, destinations.at(name), name)
			}
		}
	}
}

func checkRegistryFiles(c *config, report reporter) {
	if c.set.Gateways < 2 {
		return
	}
	for _, id := range c.used("extensions") {
		if v := c.root.at("extensions", id, "file", "path"); typeOf(id) == typeRegistry && v.isSet() {
			report(v, "extensions::"+id+"::file::path", "is a file, but there are %d gateways", c.set.Gateways)
		}
	}
}
