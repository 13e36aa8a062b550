package tenanttest

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Board is a tenant.HealthBoard and an extension that keeps what is posted. The
// zero value is empty.
type Board struct {
	mu         sync.Mutex
	registries map[component.ID]func() tenant.RegistryHealth
	lanes      map[component.ID]func() tenant.LaneHealth
}

var (
	_ tenant.HealthBoard  = (*Board)(nil)
	_ component.Component = (*Board)(nil)
)

// PostRegistry implements tenant.HealthBoard.
func (b *Board) PostRegistry(id component.ID, report func() tenant.RegistryHealth) (remove func()) {
	return post(b, &b.registries, id, report)
}

// PostLanes implements tenant.HealthBoard.
func (b *Board) PostLanes(id component.ID, report func() tenant.LaneHealth) (remove func()) {
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

// Registry returns what the registry id says, or false if it does not.
func (b *Board) Registry(id component.ID) (tenant.RegistryHealth, bool) {
	b.mu.Lock()
	report, ok := b.registries[id]
	b.mu.Unlock()
	if !ok {
		return tenant.RegistryHealth{}, false
	}
	return report(), true
}

// Lanes returns what the exporter id says, or false if it does not.
func (b *Board) Lanes(id component.ID) (tenant.LaneHealth, bool) {
	b.mu.Lock()
	report, ok := b.lanes[id]
	b.mu.Unlock()
	if !ok {
		return tenant.LaneHealth{}, false
	}
	return report(), true
}

// Start implements component.Component.
func (*Board) Start(context.Context, component.Host) error { return nil }

// Shutdown implements component.Component.
func (*Board) Shutdown(context.Context) error { return nil }
