// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package configcheck

import (
	"cmp"
	"slices"
	"strings"
)

// builtIn is the value of a receiver's setting "guard" for its built-in guard.
const builtIn = "built_in"

// guardOf returns the guard that the receiver itself applies, or "".
func (c *checker) guardOf(receiver string) string {
	if !appliesGuard(receiver) {
		return ""
	}
	return cmp.Or(text(at(c.conf, "receivers", receiver, "guard")), "request_guard")
}

// checkAdmissions checks that only one guard admits the requests of a receiver.
func (c *checker) checkAdmissions(receiver string) {
	own := c.guardOf(receiver)
	for _, s := range c.servers(receiver) {
		key := s.key + "::middlewares"
		guards := s.guards()
		switch {
		case own != "" && len(guards) > 0:
			c.warn(GuardedTwice, key, "has %s, but %s applies the guard %s itself: each request is admitted twice and counts twice against the limits; remove {id: %s}", guards[0], receiver, own, guards[0])
		case len(guards) > 1:
			c.warn(GuardedTwice, key, "has %s: each request is admitted %d times and counts %d times against the limits; keep one of them", strings.Join(guards, " and "), len(guards), len(guards))
		}
	}
}

// checkGuards checks that the guards of a receiver whose clients have keys use a registry.
func (c *checker) checkGuards(receiver string) {
	used := []string{c.guardOf(receiver)}
	for _, s := range c.servers(receiver) {
		used = append(used, s.guards()...)
	}
	for _, id := range used {
		if id == "" {
			continue
		}
		if typeOf(id) == "builtin" {
			c.warn(GuardWithoutRegistry, "receivers::"+receiver+"::guard", "is %s, which has no registry: requests of a tenant that was suspended after its key was checked are read and decoded before they are rejected; set it to a request_guard extension with a registry", builtIn)
			id = receiver + " (" + builtIn + ")"
		} else if text(at(c.conf, "extensions", id, "registry")) == "" {
			c.warn(GuardWithoutRegistry, "extensions::"+id+"::registry", "is not set: requests of a tenant that was suspended after its key was checked are read and decoded before they are rejected; set it to the registry of the tenant processor")
		}
		if !slices.Contains(c.guardsInUse, id) {
			c.guardsInUse = append(c.guardsInUse, id)
		}
	}
}

// checkGuardCount checks that all receivers use one guard, because the limits of several guards add up.
func (c *checker) checkGuardCount() {
	if len(c.guardsInUse) > 1 {
		slices.Sort(c.guardsInUse)
		c.warn(SeveralGuards, "service::extensions", "the receivers of tenants use %d guards: %s; each guard has separate limits, so one tenant may use its share of every guard; use one request_guard for all", len(c.guardsInUse), strings.Join(c.guardsInUse, ", "))
	}
}

// checkRegistries checks that the components on the data path from a receiver to tenant_routing use
// the same registry.
func (c *checker) checkRegistries(p *pipeline, ch chain) {
	type use struct{ key, registry string }
	var uses []use
	note := func(key, registry string) {
		if registry != "" {
			uses = append(uses, use{key + "::registry", registry})
		}
	}
	for _, id := range p.exporters {
		if typeOf(id) == typeRouting {
			note("exporters::"+id, text(at(c.conf, "exporters", id, "registry")))
		}
	}
	for _, s := range ch.steps {
		if isTenant(s.id) && c.source(s.id) == "auth" {
			note("processors::"+s.id, cmp.Or(text(at(c.conf, "processors", s.id, "registry")), "tenant_registry"))
		}
	}
	extension := func(id string) { note("extensions::"+id, text(at(c.conf, "extensions", id, "registry"))) }
	for _, s := range c.servers(ch.receiver) {
		if id := text(at(s.set, "auth", "authenticator")); typeOf(id) == "bearerkeyauth" {
			extension(id)
		}
		for _, id := range s.guards() {
			extension(id)
		}
	}
	if id := c.guardOf(ch.receiver); id != "" {
		extension(id)
	}
	for _, u := range uses[min(1, len(uses)):] {
		if u.registry != uses[0].registry {
			c.warn(SeveralRegistries, u.key, "is %s, but %s is %s: a tenant, a key or a suspension in only one of them applies to only some of the components; use one registry", u.registry, uses[0].key, uses[0].registry)
		}
	}
}

// guards returns the request_guard extensions among the middlewares of a server.
func (s server) guards() (ids []string) {
	list, _ := s.set["middlewares"].([]any)
	for _, m := range list {
		if id := text(at(m, "id")); typeOf(id) == typeGuard {
			ids = append(ids, id)
		}
	}
	return ids
}
