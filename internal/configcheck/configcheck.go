// Package configcheck finds configurations of a collector that lose data or leave
// it unprotected, though each component by itself is configured well.
//
// It looks at the whole configuration as a tree, as the collector passes it to
// extensions that ask for it, or as it was written. It knows no component's code.
package configcheck

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Finding is one fault. Its text says what happens and what to do.
type Finding struct {
	Refuse bool   // the collector must not start like this
	Key    string // path of the setting, as in service::pipelines::logs::processors
	Text   string
}

// String returns the key and the text.
func (f Finding) String() string { return f.Key + ": " + f.Text }

// Check returns what is wrong with a configuration, refusals first. It takes any
// tree; what has not the form of a configuration is for the collector to refuse.
func Check(conf map[string]any) []Finding {
	c := newChecker(conf)
	for i := range c.pipelines {
		c.pipeline(&c.pipelines[i])
	}
	c.endpoints()
	c.severalGuards()
	c.serviceLinks("", conf, 0)
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

func (c *checker) refuse(key, format string, args ...any) {
	c.add(Finding{Refuse: true, Key: key, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) warn(key, format string, args ...any) {
	c.add(Finding{Key: key, Text: fmt.Sprintf(format, args...)})
}

// step is one component in the data path, and the setting that puts it there.
type step struct{ id, key string }

// chain is a way from a receiver through processors and connectors.
type chain struct {
	receiver string
	steps    []step
}

// What a tree of connectors can make of this is bounded.
const (
	maxChains = 1000
	maxDepth  = 16
	maxVisits = 100_000
)

// chains returns the ways of data to the end of p's processors.
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

func (c *checker) pipeline(p *pipeline) {
	routes := false
	for _, id := range p.exporters {
		if typeOf(id) == typeRouting {
			routes = true
			c.routing(id)
		}
	}
	atEdge := false
	for _, ch := range c.chains(p, 0) {
		auth := c.identity(ch)
		if routes {
			c.toRouting(p, ch)
		}
		c.admissions(ch.receiver)
		if auth {
			c.withoutRegistry(p)
			c.receiver(ch.receiver)
			c.guards(ch.receiver)
		}
		if auth && routes {
			c.registries(p, ch)
		}
		if c.edge(ch) {
			atEdge = true
			c.edgeReceiver(ch.receiver)
		}
	}
	if routes || atEdge || slices.ContainsFunc(p.processors, isTenant) {
		c.memory(p)
	}
	if atEdge {
		for _, id := range p.exporters {
			c.queue(id)
		}
	}
}

// toRouting is about what is between a receiver and the tenant_routing exporter.
func (c *checker) toRouting(p *pipeline, ch chain) {
	first := slices.IndexFunc(ch.steps, func(s step) bool { return isTenant(s.id) })
	if first < 0 {
		c.refuse("service::pipelines::"+p.id+"::processors",
			"data of %s reaches tenant_routing without a tenant processor, which alone says whose data it is: all of it would be refused, or be what the sender claims; add tenant", ch.receiver)
		return
	}
	for _, s := range ch.steps[first+1:] {
		switch {
		case merges(s.id):
			c.refuse(s.key, "%s between tenant and tenant_routing merges requests of several tenants after they were acknowledged: when one of the tenants is suspended, blocked or over its limits, the data of the others is lost with it; remove %s, tenant_routing merges by tenant itself (lane::batch)", s.id, s.id)
		case c.isConnector(s.id) && !passesOn(s.id):
			c.warn(s.key, "the connector %s between tenant and tenant_routing is not known to pass requests on as they are; if it merges, delays or makes data, what it acknowledged can be lost", s.id)
		}
	}
}

// identity is about the tenant processors that take the tenant from the caller's
// key. It reports whether there is one.
func (c *checker) identity(ch chain) (auth bool) {
	for i, s := range ch.steps {
		if !isTenant(s.id) || c.source(s.id) != "auth" {
			continue
		}
		auth = true
		for _, before := range ch.steps[:i] {
			if merges(before.id) || c.isConnector(before.id) && !passesOn(before.id) {
				c.refuse(before.key, "%s in front of %s (source: auth) drops the identity of the caller, so that all data is refused, also with metadata_keys; put %s first, or remove %s", before.id, s.id, s.id, before.id)
			}
		}
	}
	return auth
}

// edge reports whether the tenant is fixed by configuration, as on an agent.
func (c *checker) edge(ch chain) bool {
	return slices.ContainsFunc(ch.steps, func(s step) bool {
		return isTenant(s.id) && c.source(s.id) == "config"
	})
}

// source returns where a tenant processor takes the tenant from.
func (c *checker) source(id string) string {
	return cmp.Or(text(at(c.conf, "processors", id, "source")), "config")
}

// memory is about the memory_limiter of a pipeline.
func (c *checker) memory(p *pipeline) {
	i := slices.IndexFunc(p.processors, func(id string) bool { return typeOf(id) == typeMemoryLimiter })
	key := "service::pipelines::" + p.id + "::processors"
	switch {
	case i < 0:
		c.warn(key, "there is no memory_limiter: a collector that runs out of memory is killed, with what is not in storage; add memory_limiter as the first processor")
	case i > 0:
		c.warn(key, "%s is not the first processor, so that %s works on data that should have been refused; put it first", p.processors[i], p.processors[0])
	}
}

// routing is about the settings of a tenant_routing exporter.
func (c *checker) routing(id string) {
	set := mapping(at(c.conf, "exporters", id))
	key := "exporters::" + id
	if set["storage"] == nil || text(set["storage"]) == "" {
		c.warn(key+"::storage", "is not set: what was acknowledged waits in memory alone and is lost when the process ends; set it to a storage extension such as file_storage")
	}
	for _, old := range texts(set["migrate_queues"]) {
		for i := range c.pipelines {
			if p := &c.pipelines[i]; slices.Contains(p.exporters, old) {
				c.refuse(key+"::migrate_queues", "names %s, which is an exporter of the pipeline %s: its queue cannot be taken over while it is in use; remove it from there, or from here", old, p.id)
			}
		}
	}
	if set["dead_letter"] == nil {
		c.warn(key+"::dead_letter", "is not set: data that a destination rejects permanently is dropped and counted; set dead_letter::directory to keep it")
	}
}

// withoutRegistry is about the exporters of a pipeline whose callers have keys.
func (c *checker) withoutRegistry(p *pipeline) {
	for _, id := range p.exporters {
		set := mapping(at(c.conf, "exporters", id))
		if typeOf(id) == typeRouting && text(set["registry"]) == "" && set["routes"] != nil {
			c.warn("exporters::"+id+"::registry", "is not set: all tenants are on the same routes, whatever the registry says, and at most max_tenants of them; set it to the tenant_registry extension")
		}
	}
}

// queue is about exporters of an agent.
func (c *checker) queue(id string) {
	switch typeOf(id) {
	case "otlp", "otlphttp", "otlpgrpc":
	default:
		return
	}
	if typeOf(text(at(c.conf, "exporters", id, "auth", "authenticator"))) == "bearerkeyauth" {
		c.warn("exporters::"+id, "drops what the gateway refuses with 401, 403, 404 or 413, as while a key has expired; deliver through tenant_routing, which keeps it")
	}
	queue, ok := at(c.conf, "exporters", id, "sending_queue").(map[string]any)
	if !ok || queue["enabled"] == false {
		return
	}
	if text(queue["storage"]) == "" {
		c.warn("exporters::"+id+"::sending_queue::storage", "is not set: what the queue has acknowledged is lost when the process ends; set it to a storage extension such as file_storage")
	}
}

const (
	typeRouting       = "tenantrouting"
	typeMemoryLimiter = "memorylimiter"
	typeTenantOTLP    = "tenantotlp"
	typeGuard         = "requestguard"
)

// appliesGuard reports whether receivers of the type of id ask a guard themselves, the one
// that their setting `guard` names.
func appliesGuard(id string) bool {
	switch typeOf(id) {
	case typeTenantOTLP, "prometheusremotewrite":
		return true
	}
	return false
}

// typeOf returns the type of a component ID without underscores: types that had
// none got them in later releases.
func typeOf(id string) string {
	kind, _, _ := strings.Cut(id, "/")
	return strings.ReplaceAll(strings.TrimSpace(kind), "_", "")
}

func isTenant(id string) bool { return typeOf(id) == "tenant" }

// merging are the components that keep requests, acknowledge them, and pass on
// others made of several, without what the caller's context held.
var merging = []string{
	"batch", "groupbytrace", "tailsampling", "interval", "logdedup", "metricsgeneration", // processors
	"spanmetrics", "servicegraph", "failover", "datadog", "metricsaslogs", // connectors
}

func merges(id string) bool { return slices.Contains(merging, typeOf(id)) }

// passesOn reports whether a connector hands each request on in its caller's context.
func passesOn(id string) bool {
	return slices.Contains([]string{"forward", "routing", "roundrobin"}, typeOf(id))
}

// at returns what is at a path of keys, or nil.
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

// texts returns the elements of a list. A single text is a list of one, as the
// collector has it.
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
