// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"fmt"
	"slices"
	"strconv"
)

func gatewaysRules() []Rule {
	gateway := []Role{RoleGateway}
	return []Rule{
		{
			ID: "OT801", Family: FamilyGateways, Severity: Warning, roles: gateway,
			Title: "Each of several gateways applies the whole limit of a tenant",
			Why:   "With scope: local and gateways: 1, a tenant may send its limit to every gateway. A registry in PostgreSQL counts as several gateways, unless --gateways 1 is given.",
			Fix:   "Set limits::gateways to their number, or limits::scope to shared with limits::redis.",
			check: checkLocalLimits,
		},
		{
			ID: "OT802", Family: FamilyGateways, Severity: Error, roles: gateway,
			Title: "Totals of several gateways overwrite each other",
			Why:   "Each gateway converts the delta metrics that it gets. Without an attribute or with one ID for all gateways, a backend takes the totals of all gateways for one series.",
			Fix:   "Remove delta_to_cumulative::gateway_attribute and gateway_id, whose defaults distinguish gateways.",
			check: checkDeltaIdentity,
		},
		{
			ID: "OT803", Family: FamilyGateways, Severity: Note, roles: gateway,
			Title: "Several gateways convert delta metrics",
			Why:   "Each makes totals of what it gets, as series with the attribute otelcol.gateway. Queries must sum over it.",
			Fix:   "Sum over the attribute in queries, or let clients send cumulative metrics.",
			check: checkDeltaConversion,
		},
		{
			ID: "OT804", Family: FamilyGateways, Severity: Note, roles: gateway,
			Title: "Several gateways with a registry in a file",
			Why:   "A change is in force only where the file has changed: a key that is revoked on one gateway works on the others.",
			Fix:   "Use tenant_registry::postgres, or distribute the file to all gateways at the same time.",
			check: checkRegistryFiles,
		},
	}
}

// several returns how many gateways there are, as text, and whether there are several.
func (c *config) several() (string, bool) {
	switch n := c.set.Gateways; {
	case n > 1:
		return fmt.Sprintf("%d gateways", n), true
	case n == 1:
		return "", false
	}
	for _, id := range c.used("extensions") {
		if typeOf(id) == typeRegistry && c.root.at("extensions", id, "postgres", "dsn").isSet() {
			return "a registry in PostgreSQL, hence probably several gateways", true
		}
	}
	return "", false
}

func checkLocalLimits(c *config, report reporter) {
	how, several := c.several()
	if !several {
		return
	}
	for _, id := range c.used("processors") {
		limits := c.root.at("processors", id, "limits")
		if typeOf(id) != typeTenant || c.root.at("processors", id, "source").text() != "auth" || limits.at("scope").text() == "shared" {
			continue
		}
		if v := limits.at("scope"); v.isSet() && !v.known {
			continue
		}
		v := limits.at("gateways")
		n := 1
		if v.isSet() {
			var err error
			if n, err = strconv.Atoi(v.text()); err != nil {
				continue
			}
		}
		key := "processors::" + id + "::limits::gateways"
		switch {
		case n == 1:
			report(c.locate(key), key, "is 1, but there are %s: a tenant may send its whole limit to each", how)
		case c.set.Gateways > 1 && n != c.set.Gateways:
			report(c.locate(key), key, "is %d, but there are %s", n, how)
		}
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
