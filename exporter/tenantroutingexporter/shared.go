// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"

	"github.com/otelcol-tenant/otelcol-tenant/internal/sharedcomponent"
)

// sharedMap gives the exporters of all signals of one configuration the same router,
// because bounds, connections, files and storage are for all signals.
type sharedMap struct {
	routers *sharedcomponent.Map[*Config, *sharedRouter]
}

// handle is one signal's part of a router.
type handle struct {
	*sharedcomponent.Handle[*sharedRouter]
	router *router
}

func newSharedMap() *sharedMap {
	return &sharedMap{routers: sharedcomponent.NewMap[*Config, *sharedRouter](sharedcomponent.StopWithLast)}
}

func (m *sharedMap) get(cfg *Config, set exporter.Settings) *handle {
	h, _ := m.routers.Get(cfg, func() (*sharedRouter, error) { return &sharedRouter{router: newRouter(cfg, set)}, nil })
	return &handle{Handle: h, router: h.Component().router}
}

// sharedRouter is a router as a component. Its shutdown is safe without a start.
type sharedRouter struct {
	router  *router
	started bool
}

// Start implements component.Component.
func (s *sharedRouter) Start(ctx context.Context, host component.Host) error {
	if err := s.router.start(ctx, host); err != nil {
		return err
	}
	s.started = true
	return nil
}

// Shutdown implements component.Component.
func (s *sharedRouter) Shutdown(ctx context.Context) error {
	if !s.started {
		return nil
	}
	return s.router.shutdown(ctx)
}
