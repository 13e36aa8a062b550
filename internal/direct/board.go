// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package direct

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Board has the tenant processors and exporters that take encoded requests. The components of
// the configuration bound it. The zero value is empty. It is safe for concurrent use.
type Board struct {
	mu        sync.Mutex
	admitters []*post[Admitter]
	sinks     []*post[Sink]
}

// post is what a component has posted, with an identity, so that it can be removed.
type post[T any] struct {
	id     component.ID
	signal tenant.Signal // of an admitter
	what   T
}

// PostAdmitter posts the tenant processor id of a signal, until remove is called. A processor
// that is in several pipelines of a signal posts once for each.
func (b *Board) PostAdmitter(id component.ID, signal tenant.Signal, a Admitter) (remove func()) {
	return add(b, &b.admitters, &post[Admitter]{id, signal, a})
}

// PostSink posts the exporter id, until remove is called.
func (b *Board) PostSink(id component.ID, s Sink) (remove func()) {
	return add(b, &b.sinks, &post[Sink]{id: id, what: s})
}

func add[T any](b *Board, list *[]*post[T], p *post[T]) (remove func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*list = append(*list, p)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		*list = slices.DeleteFunc(*list, func(other *post[T]) bool { return other == p })
	}
}

// Path is where the requests of one signal go.
type Path struct {
	Admitter Admitter
	Sink     Sink
}

// Path returns where the requests of a signal go on their path to an exporter. A receiver cannot see which
// tenant processor its pipeline has, so there must be one with one ID. Exporters and processors
// start before receivers, so a receiver finds at its start what it will find later.
func (b *Board) Path(signal tenant.Signal, exporter component.ID) (Path, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.sinks, func(p *post[Sink]) bool { return p.id == exporter })
	if i < 0 {
		return Path{}, fmt.Errorf("direct: no pipeline has the exporter %q, or it does not take encoded requests: name a tenant_routing exporter of the pipelines of this receiver", exporter)
	}
	var ids []string
	var found *post[Admitter]
	for _, p := range b.admitters {
		if p.signal != signal || slices.Contains(ids, p.id.String()) {
			continue
		}
		ids, found = append(ids, p.id.String()), p
	}
	switch len(ids) {
	case 0:
		return Path{}, fmt.Errorf("direct: no pipeline of %s has a tenant processor: add tenant, or remove \"direct\"", signal)
	case 1:
	default:
		slices.Sort(ids)
		return Path{}, fmt.Errorf("direct: the pipelines of %s have different tenant processors, %s, and the receiver cannot know which of them is its own: use one of them in all pipelines, or remove \"direct\"", signal, strings.Join(ids, " and "))
	}
	path := Path{Admitter: found.what, Sink: b.sinks[i].what}
	if a, s := path.Admitter.Attribute(), path.Sink.Attribute(); a != s {
		return Path{}, fmt.Errorf("direct: the processor %s sets the attribute %q, but the exporter %s routes by the attribute %q: set \"attribute\" of both to the same name", found.id, a, exporter, s)
	}
	return path, nil
}
