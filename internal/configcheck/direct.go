// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package configcheck

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
)

// directOf returns the exporter to which a receiver passes requests that it does not decode,
// or "".
func (c *checker) directOf(receiver string) string {
	if typeOf(receiver) != typeTenantOTLP {
		return ""
	}
	id := strings.TrimSpace(text(at(c.conf, "receivers", receiver, "direct")))
	if id == "off" {
		return ""
	}
	return id
}

// checkDirect checks that a request that a receiver does not decode skips nothing of its
// pipelines.
func (c *checker) checkDirect() {
	var receivers []string
	for i := range c.pipelines {
		for _, id := range c.pipelines[i].receivers {
			if c.directOf(id) != "" && !slices.Contains(receivers, id) {
				receivers = append(receivers, id)
			}
		}
	}
	for _, id := range receivers {
		c.checkDirectOf(id)
	}
}

func (c *checker) checkDirectOf(receiver string) {
	key, exporter := "receivers::"+receiver+"::direct", c.directOf(receiver)
	if typeOf(exporter) != typeRouting {
		c.refuse(DirectSkips, key, "is %s, which takes no requests that are not decoded: name the tenant_routing exporter of the pipelines of %s, or set direct to off", exporter, receiver)
		return
	}
	if c.guardOf(receiver) == builtIn {
		c.refuse(DirectSkips, key, "needs a request_guard extension, but guard is %s: set guard to a request_guard extension, or direct to off", builtIn)
	}
	pipelines := map[string]string{} // by signal
	for i := range c.pipelines {
		p := &c.pipelines[i]
		if !slices.Contains(p.receivers, receiver) {
			continue
		}
		signal := typeOf(p.id)
		if other, ok := pipelines[signal]; ok {
			c.refuse(DirectSkips, key, "sends requests to %s once, but %s is in the pipelines %s and %s, which both have its data: remove it from one of them, or set direct to off", exporter, receiver, other, p.id)
			continue
		}
		pipelines[signal] = p.id
		c.checkDirectPipeline(key, exporter, p)
		c.checkDirectTenants(key, signal, p)
	}
}

// checkDirectPipeline checks that a pipeline has nothing that requests would skip.
func (c *checker) checkDirectPipeline(key, exporter string, p *pipeline) {
	where := "service::pipelines::" + p.id
	tenants := 0
	for _, id := range p.processors {
		switch {
		case isTenant(id):
			tenants++
		case typeOf(id) != typeMemoryLimiter:
			c.refuse(DirectSkips, key, "skips the processor %s of %s, which sees decoded data only: remove the processor, or set direct to off", id, where)
		}
	}
	if tenants != 1 {
		c.refuse(DirectSkips, key, "needs one tenant processor in %s, which stamps the requests, and there are %d: set direct to off, or use one", where, tenants)
	}
	for _, id := range p.exporters {
		if id != exporter {
			c.refuse(DirectSkips, key, "skips %s of %s, which sees decoded data only: remove it, or set direct to off", id, where)
		}
	}
	if !slices.Contains(p.exporters, exporter) {
		c.refuse(DirectSkips, key, "is %s, which is no exporter of %s: name the exporter of the pipeline, or set direct to off", exporter, where)
	}
}

// checkDirectTenants checks that all pipelines of a signal have the tenant processor of p,
// because a receiver cannot know which of several is its own.
func (c *checker) checkDirectTenants(key, signal string, p *pipeline) {
	own := slices.IndexFunc(p.processors, isTenant)
	if own < 0 {
		return
	}
	for i := range c.pipelines {
		other := &c.pipelines[i]
		if typeOf(other.id) != signal {
			continue
		}
		for _, id := range other.processors {
			if isTenant(id) && id != p.processors[own] {
				c.refuse(DirectSkips, key, "cannot know which tenant processor stamps requests: the pipelines of %s have %s and %s; use one of them in all pipelines, or set direct to off", signal, p.processors[own], id)
			}
		}
	}
	attribute := func(section, id string) string {
		return cmp.Or(text(at(c.conf, section, id, "attribute")), "business_id")
	}
	for _, id := range p.exporters {
		if set, routes := attribute("processors", p.processors[own]), attribute("exporters", id); typeOf(id) == typeRouting && set != routes {
			c.refuse(DirectSkips, key, "needs one attribute, but %s sets %s, and %s routes by %s: set attribute of both to the same name", p.processors[own], set, id, routes)
		}
	}
}

// DirectHeap returns the size of the heap from which on the memory limiters of the pipelines
// reject data that does not pass them, because receivers with the guard do not decode it. 0: there
// are none.
func DirectHeap(conf map[string]any, guard string) int64 {
	c, m := newChecker(conf), thisMachine()
	least := bytesize.Size(math.MaxInt64)
	for i := range c.pipelines {
		p := &c.pipelines[i]
		if !slices.ContainsFunc(p.receivers, func(id string) bool { return c.directOf(id) != "" && c.guardOf(id) == guard }) {
			continue
		}
		for _, id := range p.processors {
			if typeOf(id) == typeMemoryLimiter {
				if _, soft := c.softLimit(id, m); soft > 0 {
					least = min(least, soft)
				}
			}
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return int64(least)
}
