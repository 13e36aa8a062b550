// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanttest

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

// Board is a healthboard.Board and an extension that records what is posted. The
// zero value is empty.
type Board struct {
	mu         sync.Mutex
	registries map[component.ID]func() healthboard.Registry
	lanes      map[component.ID]func() healthboard.Lanes
}

var (
	_ healthboard.Board   = (*Board)(nil)
	_ component.Component = (*Board)(nil)
)

// PostRegistry implements healthboard.Board.
func (b *Board) PostRegistry(id component.ID, report func() healthboard.Registry) (remove func()) {
	return post(b, &b.registries, id, report)
}

// PostLanes implements healthboard.Board.
func (b *Board) PostLanes(id component.ID, report func() healthboard.Lanes) (remove func()) {
	return post(b, &b.lanes, id, report)
}

func post[F any](b *Board, all *map[component.ID]F, id component.ID, report F) (remove func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if *all == nil {
		*all = make(map[component.ID]F)
	}
	(*all)[id] = report
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(*all, id)
	}
}

// Registry returns what the registry id reports, or false if it does not.
func (b *Board) Registry(id component.ID) (healthboard.Registry, bool) {
	b.mu.Lock()
	report, ok := b.registries[id]
	b.mu.Unlock()
	if !ok {
		return healthboard.Registry{}, false
	}
	return report(), true
}

// Lanes returns what the exporter id reports, or false if it does not.
func (b *Board) Lanes(id component.ID) (healthboard.Lanes, bool) {
	b.mu.Lock()
	report, ok := b.lanes[id]
	b.mu.Unlock()
	if !ok {
		return healthboard.Lanes{}, false
	}
	return report(), true
}

// Start implements component.Component.
func (*Board) Start(context.Context, component.Host) error { return nil }

// Shutdown implements component.Component.
func (*Board) Shutdown(context.Context) error { return nil }
