// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// expiresSoon is how long before its end a key is reported, as by `tenantctl registry validate`.
const expiresSoon = 14 * 24 * time.Hour

func registryRules() []Rule {
	return []Rule{
		{
			ID: "OT701", Family: FamilyRegistry, Severity: finding.Error,
			Title: "The registry is not valid",
			Why:   "Gateways keep the last valid registry, so no change is applied.",
			Fix:   "Correct the entry. tenantctl registry validate shows all faults.",
			check: checkFaults,
		},
		{
			ID: "OT702", Family: FamilyRegistry, Severity: finding.Note,
			Title: "A key without expiry",
			Why:   "A key that leaks and is never rotated works until somebody notices. With an expiry, its agents are rejected if nobody rotates it in time.",
			Fix:   "If keys are rotated regularly, rotate it with tenantctl key rotate KEY --expires 90d.",
			check: checkExpiry,
		},
		{
			ID: "OT703", Family: FamilyRegistry, Severity: finding.Error,
			Title: "A tenant's data is sent without TLS to a public address",
			Why:   "Anyone on the path reads and changes the data, and the tokens in headers. The address comes from the tenant's variables.",
			Fix:   "Write https:// in the variable.",
			check: checkVariableEndpoints,
		},
		{
			ID: "OT704", Family: FamilyRegistry, Severity: finding.Warning,
			Title: "A secret in clear text in the registry",
			Why:   "It is also in snapshots, backups and exports of the registry.",
			Fix:   "Write ${file:PATH} with a path below references::directories.",
			check: checkRegistrySecrets,
		},
		{
			ID: "OT705", Family: FamilyRegistry, Severity: finding.Note,
			Title: "A tenant without limits",
			Why:   "It can use half of the processors while others send, and any part of the disk that is free.",
			Fix:   "Set limits with tenantctl tenant update.",
			check: checkLimits,
		},
		{
			ID: "OT706", Family: FamilyRegistry, Severity: finding.Warning,
			Title: "An active tenant without a usable key",
			Why:   "All its requests are rejected with 401.",
			Fix:   "Create a key with tenantctl key create, or suspend the tenant.",
			check: checkUsableKeys,
		},
		{
			ID: "OT707", Family: FamilyRegistry, Severity: finding.Note,
			Title: "A key that expires within 14 days",
			Why:   "From then on, requests with it are rejected with 401.",
			Fix:   "Rotate it with tenantctl key rotate KEY and give the tenant the new one, unless the key is temporary.",
			check: checkExpiresSoon,
		},
	}
}

// registry is the registry to check.
type registry struct {
	set     *Registry
	root    *value
	tenants []registryTenant
	faults  registryfile.Faults
	now     time.Time
}

// registryTenant is a tenant, and where it is in the file.
type registryTenant struct {
	*tenant.Tenant
	value *value
}

func newRegistry(c *config, set *Registry, src *source) (*registry, error) {
	r := &registry{set: set, now: c.set.Now, root: &value{pos: position{file: set.Name}}}
	tenants, err := registryfile.NewParser().List(set.Data)
	if err != nil {
		if !errors.As(err, &r.faults) {
			return nil, fmt.Errorf("%s: %w", set.Name, err)
		}
		return r, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(set.Data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", set.Name, err)
	}
	src.files[set.Name] = parseComments(string(set.Data))
	// References are those of the gateway, not of the collector's configuration.
	plain := &source{lookup: func(string) (string, bool) { return "", false }, files: map[string]*comments{}}
	root, err := plain.value(set.Name, doc.Content[0], doc.Content[0], 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", set.Name, err)
	}
	r.root = root
	items := make(map[string]*value)
	for _, item := range root.at("tenants").list() {
		items[item.at("id").written] = item
	}
	for _, t := range tenants {
		r.tenants = append(r.tenants, registryTenant{t, firstOf(items[string(t.ID)], root)})
	}
	return r, nil
}

// active returns the tenants that are not deleted.
func (r *registry) active() (all []*registryTenant) {
	if r == nil {
		return nil
	}
	for i := range r.tenants {
		if r.tenants[i].Status != tenant.StatusDeleted {
			all = append(all, &r.tenants[i])
		}
	}
	return all
}

// eachRoute calls f for every destination of the routes of tenants.
func (r *registry) eachRoute(f func(t *registryTenant, signal tenant.Signal, item *value, name string)) {
	for _, t := range r.active() {
		for _, signal := range tenant.AllSignals() {
			items := t.value.at("routes", signal.String()).list()
			for i, name := range t.Routes[signal] {
				item := t.value
				if i < len(items) {
					item = items[i]
				}
				f(t, signal, item, name)
			}
		}
	}
}

// usable reports whether a key is accepted now or later.
func (r *registry) usable(k *tenant.Key) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || k.ExpiresAt.After(r.now))
}

// mayHave reports whether a tenant has a usable key for a signal.
func (r *registry) mayHave(t *registryTenant, signal tenant.Signal) bool {
	return slices.ContainsFunc(t.Keys, func(k *tenant.Key) bool { return r.usable(k) && k.Scopes.Has(signal) })
}

func (t *registryTenant) keyValue(id string) *value {
	for _, item := range t.value.at("keys").list() {
		if item.at("id").written == id {
			return item
		}
	}
	return t.value
}

func checkFaults(c *config, report reporter) {
	if c.registry == nil {
		return
	}
	for _, f := range c.registry.faults {
		key := strings.Trim("tenants::"+f.Tenant+"::"+f.Path, ":")
		report(&value{pos: position{c.registry.set.Name, f.Line, 1}}, key, "%s", f.Reason)
	}
}

func checkExpiry(c *config, report reporter) {
	for _, t := range c.registry.active() {
		for _, k := range t.Keys {
			if c.registry.usable(k) && k.ExpiresAt.IsZero() {
				report(t.keyValue(k.ID), t.key()+"::keys::"+k.ID+"::expires_at", "is not set: the key does not expire")
			}
		}
	}
}

func checkExpiresSoon(c *config, report reporter) {
	for _, t := range c.registry.active() {
		for _, k := range t.Keys {
			if c.registry.usable(k) && !k.ExpiresAt.IsZero() && k.ExpiresAt.Sub(c.registry.now) < expiresSoon {
				report(t.keyValue(k.ID), t.key()+"::keys::"+k.ID+"::expires_at", "the key expires at %s", k.ExpiresAt.UTC().Format(time.RFC3339))
			}
		}
	}
}

func checkRegistrySecrets(c *config, report reporter) {
	for _, t := range c.registry.active() {
		vars := t.value.at("vars")
		for _, name := range vars.names() {
			if audit.SecretInClear(name, t.Vars[name]) {
				report(vars.at(name), t.key()+"::vars::"+name, "seems to be a secret in clear text")
			}
		}
	}
}

func checkLimits(c *config, report reporter) {
	for _, t := range c.registry.active() {
		if !t.value.at("limits").isSet() {
			report(t.value, t.key()+"::limits", "is not set: tenant %s has no limits", t.ID)
		}
	}
}

func checkUsableKeys(c *config, report reporter) {
	for _, t := range c.registry.active() {
		if t.Status == tenant.StatusActive && !slices.ContainsFunc(t.Keys, c.registry.usable) {
			report(t.value, t.key()+"::keys", "tenant %s has no key that is valid", t.ID)
		}
	}
}

// checkVariableEndpoints fills the endpoints of destinations with the variables of tenants.
func checkVariableEndpoints(c *config, report reporter) {
	for _, t := range c.registry.active() {
		for i := range c.clients {
			cl := &c.clients[i]
			if cl.destination == "" || !strings.Contains(cl.address, "{vars.") || !c.routesTo(t, cl.destination) {
				continue
			}
			address, used := fill(cl.address, t)
			filled := newClient(cl.at, cl.set, cl.key, strings.Contains(cl.key, "::otlp_grpc::"))
			filled.endpoint = parseEndpoint(address)
			plaintext := filled.scheme == "http" || cl.plaintext && filled.scheme != "https"
			if used == "" || !plaintext || filled.reach != reachPublic {
				continue
			}
			report(firstOf(t.value.at("vars", used), t.value), t.key()+"::vars::"+used,
				"makes %s send to %s without TLS", cl.destination, shown(address))
		}
	}
}

// routesTo reports whether a route of the tenant, or a default one, names a destination.
func (c *config) routesTo(t *registryTenant, destination string) bool {
	for _, signal := range tenant.AllSignals() {
		if slices.Contains(t.Routes[signal], destination) {
			return true
		}
		for _, r := range c.routings() {
			if len(t.Routes[signal]) == 0 && slices.Contains(r.set.at("routes", signal.String()).texts(), destination) {
				return true
			}
		}
	}
	return false
}

// fill replaces the variables of an address, and returns the name of the first one. References in
// variables are not known.
func fill(address string, t *registryTenant) (filled, first string) {
	filled = template.ReplaceAllStringFunc(address, func(variable string) string {
		name, ok := strings.CutPrefix(strings.Trim(variable, "{}"), "vars.")
		if !ok {
			return variable
		}
		text, ok := t.Vars[name]
		if !ok || strings.Contains(text, "${") {
			return variable
		}
		if first == "" {
			first = name
		}
		return text
	})
	return filled, first
}
