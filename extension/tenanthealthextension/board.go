// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

// laneInterval is how long a report about lanes is reused. The report is made under the lock
// that every request needs, so frequent calls of this endpoint must not repeat it.
const laneInterval = time.Second

// board has the report functions that components have posted. Its zero value is ready to use:
// components may post before this extension starts.
type board struct {
	mu         sync.Mutex
	registries map[component.ID]*registryReport
	lanes      map[component.ID]*laneReport
}

var _ healthboard.Board = (*board)(nil)

type registryReport struct{ report func() healthboard.Registry }

// laneReport is the report of one exporter, which is called at most once in laneInterval.
type laneReport struct {
	report func() healthboard.Lanes
	at     time.Time
	last   healthboard.Lanes
}

// PostRegistry implements healthboard.Board.
func (b *board) PostRegistry(id component.ID, report func() healthboard.Registry) (cancel func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.registries == nil {
		b.registries = make(map[component.ID]*registryReport)
	}
	r := &registryReport{report}
	b.registries[id] = r
	return func() { remove(b, b.registries, id, r) }
}

// PostLanes implements healthboard.Board.
func (b *board) PostLanes(id component.ID, report func() healthboard.Lanes) (cancel func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lanes == nil {
		b.lanes = make(map[component.ID]*laneReport)
	}
	r := &laneReport{report: report}
	b.lanes[id] = r
	return func() { remove(b, b.lanes, id, r) }
}

// remove removes r, unless a later report has replaced it.
func remove[R comparable](b *board, all map[component.ID]R, id component.ID, r R) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if all[id] == r {
		delete(all, id)
	}
}

// read calls the report functions. It has the lock while it does, so that none is called after
// its removal.
func (b *board) read(now time.Time) (map[component.ID]healthboard.Registry, map[component.ID]healthboard.Lanes) {
	b.mu.Lock()
	defer b.mu.Unlock()
	registries := make(map[component.ID]healthboard.Registry, len(b.registries))
	for id, r := range b.registries {
		registries[id] = r.report()
	}
	lanes := make(map[component.ID]healthboard.Lanes, len(b.lanes))
	for id, r := range b.lanes {
		if since := now.Sub(r.at); r.at.IsZero() || since >= laneInterval || since < 0 {
			r.at, r.last = now, r.report()
		}
		lanes[id] = r.last
	}
	return registries, lanes
}
