package tenantroutingexporter

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
)

// sharedMap gives the exporters of all signals of one configuration the same
// router, because bounds, connections, files and storage are for all signals.
type sharedMap struct {
	mu     sync.Mutex
	shared map[*Config]*shared
}

// shared is guarded by sharedMap.mu.
type shared struct {
	router  *router
	handles int // made and not shut down
	started int // started and not shut down
	over    bool
}

// handle is one signal's hold on a router.
type handle struct {
	*shared
	owner   *sharedMap
	cfg     *Config
	started bool
	stopped bool
}

func newSharedMap() *sharedMap { return &sharedMap{shared: make(map[*Config]*shared)} }

func (m *sharedMap) get(cfg *Config, set exporter.Settings) *handle {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.shared[cfg]
	if s == nil {
		s = &shared{router: newRouter(cfg, set)}
		m.shared[cfg] = s
	}
	s.handles++
	return &handle{shared: s, owner: m, cfg: cfg}
}

// Start starts the router with the first of its handles.
func (h *handle) Start(ctx context.Context, host component.Host) error {
	h.owner.mu.Lock()
	defer h.owner.mu.Unlock()
	if h.stopped || h.over {
		return errors.New("the exporter was already shut down")
	}
	if h.started {
		return errors.New("the exporter was already started")
	}
	if h.shared.started == 0 {
		if err := h.router.start(ctx, host); err != nil {
			return err
		}
	}
	h.started = true
	h.shared.started++
	return nil
}

// Shutdown shuts the router down with the last of its handles.
func (h *handle) Shutdown(ctx context.Context) error {
	h.owner.mu.Lock()
	defer h.owner.mu.Unlock()
	if h.stopped {
		return nil
	}
	h.stopped = true
	if h.handles--; h.handles == 0 && h.owner.shared[h.cfg] == h.shared {
		delete(h.owner.shared, h.cfg)
	}
	if !h.started {
		return nil
	}
	if h.shared.started--; h.shared.started > 0 {
		return nil
	}
	h.over = true
	return h.router.shutdown(ctx)
}
