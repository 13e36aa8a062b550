// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package configcheck finds configurations of a collector that lose data or leave the collector
// unprotected, although each component on its own is configured correctly.
//
// It checks the whole configuration as a tree, either as the collector passes it to extensions or as
// it is written in a file. It imports no component.
package configcheck

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Finding is a fault of a configuration. Its text describes the effect and the fix.
type Finding struct {
	Check  Name   // what was checked
	Refuse bool   // the collector must not start with this configuration
	Key    string // path of the setting, such as service::pipelines::logs::processors
	Text   string
}

// String returns the key and the text.
func (f Finding) String() string { return f.Key + ": " + f.Text }

// Check returns the faults of a configuration, refusals first. It accepts any tree: it ignores parts
// that are not valid, because the collector itself rejects them.
func Check(conf map[string]any) []Finding {
	c := newChecker(conf)
	for i := range c.pipelines {
		c.checkPipeline(&c.pipelines[i])
	}
	c.checkEndpoints()
	c.checkGuardCount()
	c.checkDirect()
	c.checkServiceLinks("", conf, 0)
	slices.SortStableFunc(c.found, func(a, b Finding) int {
		if a.Refuse != b.Refuse {
			if a.Refuse {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Key, b.Key)
	})
	return c.found
}

type pipeline struct {
	id                               string
	receivers, processors, exporters []string
}

type checker struct {
	conf      map[string]any
	pipelines []pipeline
	found     []Finding
	seen      map[Finding]bool
	visits    int

	guardsInUse []string // of receivers of tenants
}

func newChecker(conf map[string]any) *checker {
	c := &checker{conf: conf, seen: make(map[Finding]bool)}
	for id, p := range mapping(at(conf, "service", "pipelines")) {
		c.pipelines = append(c.pipelines, pipeline{
			id: id, receivers: texts(at(p, "receivers")), processors: texts(at(p, "processors")), exporters: texts(at(p, "exporters")),
		})
	}
	slices.SortFunc(c.pipelines, func(a, b pipeline) int { return cmp.Compare(a.id, b.id) })
	return c
}

func (c *checker) add(f Finding) {
	if !c.seen[f] {
		c.seen[f] = true
		c.found = append(c.found, f)
	}
}

func (c *checker) refuse(check Name, key, format string, args ...any) {
	c.add(Finding{Check: check, Refuse: true, Key: key, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) warn(check Name, key, format string, args ...any) {
	c.add(Finding{Check: check, Key: key, Text: fmt.Sprintf(format, args...)})
}

// step is one component in the data path, and the setting that puts it there.
type step struct{ id, key string }

// chain is a data path from a receiver through processors and connectors.
type chain struct {
	receiver string
	steps    []step
}

// These constants bound the work for a configuration with many connectors.
const (
	maxChains = 1000
	maxDepth  = 16
	maxVisits = 100_000
)

// chains returns the data paths to the end of p's processors.
func (c *checker) chains(p *pipeline, depth int) (all []chain) {
	if c.visits++; c.visits > maxVisits {
		return nil
	}
	key := "service::pipelines::" + p.id
	var own []step
	for _, id := range p.processors {
		own = append(own, step{id, key + "::processors"})
	}
	for _, receiver := range p.receivers {
		if !c.isConnector(receiver) {
			all = append(all, chain{receiver, own})
			continue
		}
		for i := range c.pipelines {
			from := &c.pipelines[i]
			if depth >= maxDepth || !slices.Contains(from.exporters, receiver) {
				continue
			}
			for _, before := range c.chains(from, depth+1) {
				steps := append(slices.Clone(before.steps), step{receiver, key + "::receivers"})
				all = append(all, chain{before.receiver, append(steps, own...)})
			}
		}
	}
	return all[:min(len(all), maxChains)]
}

func (c *checker) isConnector(id string) bool {
	_, ok := mapping(c.conf["connectors"])[id]
	return ok
}

func (c *checker) checkPipeline(p *pipeline) {
	routes := false
	for _, id := range p.exporters {
		if typeOf(id) == typeRouting {
			routes = true
			c.checkRouting(id)
		}
	}
	edge := false
	for _, ch := range c.chains(p, 0) {
		auth := c.checkIdentity(ch)
		if routes {
			c.checkTenantProcessor(p, ch)
		}
		c.checkAdmissions(ch.receiver)
		if auth {
			c.checkRoutingRegistry(p)
			c.checkReceiver(ch.receiver)
			c.checkGuards(ch.receiver)
		}
		if auth && routes {
			c.checkRegistries(p, ch)
		}
		if c.hasFixedTenant(ch) {
			edge = true
			c.checkEdgeReceiver(ch.receiver)
		}
	}
	if routes || edge || slices.ContainsFunc(p.processors, isTenant) {
		c.checkMemoryLimiter(p)
	}
	if edge {
		for _, id := range p.exporters {
			c.checkSendingQueue(id)
		}
	}
}

// checkTenantProcessor checks the data path between a receiver and the tenant_routing exporter.
func (c *checker) checkTenantProcessor(p *pipeline, ch chain) {
	first := slices.IndexFunc(ch.steps, func(s step) bool { return isTenant(s.id) })
	if first < 0 {
		c.refuse(NoTenant, "service::pipelines::"+p.id+"::processors",
			"data of %s reaches tenant_routing without a tenant processor, which sets the tenant: all data would be rejected, or have the tenant that the sender claims; add tenant", ch.receiver)
		return
	}
	for _, s := range ch.steps[first+1:] {
		switch {
		case merges(s.id):
			c.refuse(MergesBehindTenant, s.key, "%s between tenant and tenant_routing merges requests of several tenants after they were acknowledged: when one of the tenants is suspended, blocked or over its limits, the data of the others is lost with it; remove %s, tenant_routing merges by tenant itself (lane::batch)", s.id, s.id)
		case c.isConnector(s.id) && !forwardsRequests(s.id):
			c.warn(UnknownConnector, s.key, "the connector %s between tenant and tenant_routing is not known to forward requests unchanged; if it merges, delays or generates data, data that it has acknowledged can be lost", s.id)
		}
	}
}

// checkIdentity checks the tenant processors that use the tenant of the client's key. It reports
// whether the data path has one.
func (c *checker) checkIdentity(ch chain) (auth bool) {
	for i, s := range ch.steps {
		if !isTenant(s.id) || c.source(s.id) != "auth" {
			continue
		}
		auth = true
		for _, before := range ch.steps[:i] {
			if merges(before.id) || c.isConnector(before.id) && !forwardsRequests(before.id) {
				c.refuse(MergesBeforeTenant, before.key, "%s in front of %s (source: auth) drops the identity of the client, so all data is rejected, even with metadata_keys; put %s first, or remove %s", before.id, s.id, s.id, before.id)
			}
		}
	}
	return auth
}

// hasFixedTenant reports whether the configuration sets the tenant, as on an agent.
func (c *checker) hasFixedTenant(ch chain) bool {
	return slices.ContainsFunc(ch.steps, func(s step) bool {
		return isTenant(s.id) && c.source(s.id) == "config"
	})
}

// source returns the setting "source" of a tenant processor, or its default.
func (c *checker) source(id string) string {
	return cmp.Or(text(at(c.conf, "processors", id, "source")), "config")
}

// checkMemoryLimiter checks that memory_limiter is the first processor of a pipeline.
func (c *checker) checkMemoryLimiter(p *pipeline) {
	i := slices.IndexFunc(p.processors, func(id string) bool { return typeOf(id) == typeMemoryLimiter })
	key := "service::pipelines::" + p.id + "::processors"
	switch {
	case i < 0:
		c.warn(NoMemoryLimiter, key, "there is no memory_limiter: a collector that runs out of memory is killed, and data that is not in storage is lost; add memory_limiter as the first processor")
	case i > 0:
		c.warn(MemoryLimiterNotFirst, key, "%s is not the first processor, so %s processes data that should have been rejected; put it first", p.processors[i], p.processors[0])
	}
}

// checkRouting checks the settings of a tenant_routing exporter.
func (c *checker) checkRouting(id string) {
	set := mapping(at(c.conf, "exporters", id))
	key := "exporters::" + id
	if set["storage"] == nil || text(set["storage"]) == "" {
		c.warn(NoStorage, key+"::storage", "is not set: acknowledged data is only in memory, and is lost when the process ends; set it to a storage extension such as file_storage")
	}
	for _, old := range texts(set["migrate_queues"]) {
		for i := range c.pipelines {
			if p := &c.pipelines[i]; slices.Contains(p.exporters, old) {
				c.refuse(QueueInUse, key+"::migrate_queues", "names %s, which is an exporter of the pipeline %s: its queue cannot be migrated while it is in use; remove it from the pipeline, or from migrate_queues", old, p.id)
			}
		}
	}
	if set["dead_letter"] == nil {
		c.warn(NoDeadLetters, key+"::dead_letter", "is not set: data that a destination rejects permanently is dropped and counted; set dead_letter::directory to keep it")
	}
}

// checkRoutingRegistry checks that the exporters of a pipeline whose clients have keys use a registry.
func (c *checker) checkRoutingRegistry(p *pipeline) {
	for _, id := range p.exporters {
		set := mapping(at(c.conf, "exporters", id))
		if typeOf(id) == typeRouting && text(set["registry"]) == "" && set["routes"] != nil {
			c.warn(NoRoutingRegistry, "exporters::"+id+"::registry", "is not set: all tenants use the same routes, independent of the registry, and at most max_tenants tenants are accepted; set it to the tenant_registry extension")
		}
	}
}

// checkSendingQueue checks an exporter of an agent.
func (c *checker) checkSendingQueue(id string) {
	switch typeOf(id) {
	case "otlp", "otlphttp", "otlpgrpc":
	default:
		return
	}
	if typeOf(text(at(c.conf, "exporters", id, "auth", "authenticator"))) == "bearerkeyauth" {
		c.warn(ExporterDrops, "exporters::"+id, "drops data that the gateway rejects with 401, 403, 404 or 413, such as after a key has expired; use tenant_routing, which keeps it")
	}
	queue, ok := at(c.conf, "exporters", id, "sending_queue").(map[string]any)
	if !ok || queue["enabled"] == false {
		return
	}
	if text(queue["storage"]) == "" {
		c.warn(QueueInMemory, "exporters::"+id+"::sending_queue::storage", "is not set: data in the queue is lost when the process ends; set it to a storage extension such as file_storage")
	}
}

const (
	typeRouting       = "tenantrouting"
	typeMemoryLimiter = "memorylimiter"
	typeTenantOTLP    = "tenantotlp"
	typeGuard         = "requestguard"
)

// appliesGuard reports whether receivers of the type of id apply the guard in their setting "guard"
// themselves.
func appliesGuard(id string) bool {
	switch typeOf(id) {
	case typeTenantOTLP, "prometheusremotewrite", "lokipush":
		return true
	}
	return false
}

// typeOf returns the type of a component ID without underscores, because later releases of upstream
// components have added underscores to their types.
func typeOf(id string) string {
	kind, _, _ := strings.Cut(id, "/")
	return strings.ReplaceAll(strings.TrimSpace(kind), "_", "")
}

func isTenant(id string) bool { return typeOf(id) == "tenant" }

// merging are the components that acknowledge requests, and later send merged requests without the
// context of the client.
var merging = []string{
	"batch", "groupbytrace", "tailsampling", "interval", "logdedup", "metricsgeneration", // processors
	"spanmetrics", "servicegraph", "failover", "datadog", "metricsaslogs", // connectors
}

func merges(id string) bool { return slices.Contains(merging, typeOf(id)) }

// forwardsRequests reports whether a connector forwards each request with the context of the client.
func forwardsRequests(id string) bool {
	return slices.Contains([]string{"forward", "routing", "roundrobin"}, typeOf(id))
}

// at returns the value at a path of keys, or nil.
func at(tree any, keys ...string) any {
	for _, k := range keys {
		tree = mapping(tree)[k]
	}
	return tree
}

func mapping(v any) map[string]any { m, _ := v.(map[string]any); return m }

// text returns v as the text of a setting.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return fmt.Sprint(v)
}

// texts returns the elements of a list. As in the collector, a single text is a list of one element.
func texts(v any) (list []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []string:
		return v
	case []any:
		for _, e := range v {
			list = append(list, text(e))
		}
	}
	return list
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
