// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package translate

import (
	"sync"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/memory"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
)

// maxKept is how many names and metrics the message of a builder may have that is used
// again. What it keeps is not counted for a tenant: about a megabyte.
const maxKept = 4096

// Builders are builders that are used again, message after message, so that not each of
// them grows its maps. They keep nothing of a message. The zero value is ready, and is safe
// for concurrent use.
type Builders struct{ pool sync.Pool }

// Get returns a builder of empty metrics, which may have maxText bytes of text. It uses and
// changes what is remembered of the tenant. reserve is called before the metrics hold n
// more bytes; its error ends the message.
func (p *Builders) Get(remembered *memory.Tenant, maxText int64, reserve func(n int64) error) *Builder {
	b, ok := p.pool.Get().(*Builder)
	if !ok {
		b = &Builder{
			resourceOfTarget: make(map[memory.Target]int32), scopeOfLabels: make(map[string]int32),
			nameOfSeries: make(map[nameKey]int32), groupOfKey: make(map[groupKey]int32),
		}
	}
	b.remembered, b.reserveNow, b.metrics, b.textLeft, b.last = remembered, reserve, pmetric.NewMetrics(), maxText, none
	return b
}

// Put takes a builder back, which must not be used after it.
func (p *Builders) Put(b *Builder) {
	if len(b.resources)+len(b.scopes)+len(b.names)+len(b.groups)+len(b.pending) > maxKept || cap(b.scratch) > maxKept {
		return
	}
	clear(b.resourceOfTarget)
	clear(b.scopeOfLabels)
	clear(b.nameOfSeries)
	clear(b.groupOfKey)
	*b = Builder{
		resourceOfTarget: b.resourceOfTarget, scopeOfLabels: b.scopeOfLabels, nameOfSeries: b.nameOfSeries, groupOfKey: b.groupOfKey,
		resources: emptied(b.resources), scopes: emptied(b.scopes), names: emptied(b.names), groups: emptied(b.groups),
		pending: emptied(b.pending), scratch: b.scratch[:0],
		attrs: emptied(b.attrs[:cap(b.attrs)]), ofScope: emptied(b.ofScope[:cap(b.ofScope)]),
	}
	p.pool.Put(b)
}

// emptied returns a list without elements that has its memory.
func emptied[T resource | pmetric.ScopeMetrics | name | group | memory.Pending | message.Label](list []T) []T {
	clear(list)
	return list[:0]
}
