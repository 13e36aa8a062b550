// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package sharedcomponent lets the signals of one component configuration share one
// instance. The collector creates a component for each signal; bounds, ports, files and
// counts are for all of them.
package sharedcomponent

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/collector/component"
)

// Stop is when an instance is shut down.
type Stop bool

const (
	// StopWithFirst shuts down with the first of the handles. Receivers need it: a
	// pipeline that was shut down must get no more data from another signal's handle.
	StopWithFirst Stop = false

	// StopWithLast shuts down with the last of the handles. Processors and exporters need
	// it: pipelines of other signals may still send to them.
	StopWithLast Stop = true
)

var (
	errStarted = errors.New("the component was already started")
	errStopped = errors.New("the component was already shut down")
)

// Map holds the instances of one factory by configuration, until they are shut down. It is
// safe for concurrent use.
type Map[K comparable, C component.Component] struct {
	stop Stop

	mu        sync.Mutex
	instances map[K]*instance[C]
}

// NewMap returns an empty map.
func NewMap[K comparable, C component.Component](stop Stop) *Map[K, C] {
	return &Map[K, C]{stop: stop, instances: make(map[K]*instance[C])}
}

// Len returns the number of instances.
func (m *Map[K, C]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.instances)
}

// Get returns a handle of the instance for key. It creates the instance with the first
// handle.
func (m *Map[K, C]) Get(key K, create func() (C, error)) (*Handle[C], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.instances[key]
	if i == nil {
		c, err := create()
		if err != nil {
			return nil, err
		}
		i = &instance[C]{component: c, stop: m.stop}
		i.remove = func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.instances[key] == i {
				delete(m.instances, key)
			}
		}
		m.instances[key] = i
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.handles++
	return &Handle[C]{instance: i}, nil
}

// instance is what the handles share.
type instance[C component.Component] struct {
	component C
	stop      Stop
	remove    func() // from the map

	mu       sync.Mutex
	handles  int // not shut down
	running  int // started and not shut down
	started  bool
	startErr error
	stopped  bool
}

// Handle is one signal's part of an instance. It is a component.
type Handle[C component.Component] struct {
	instance *instance[C]
	started  bool // guarded by instance.mu, as stopped is
	stopped  bool
}

// Component returns the shared instance.
func (h *Handle[C]) Component() C { return h.instance.component }

// Start implements component.Component. The first handle starts the instance. All handles
// return its error.
func (h *Handle[C]) Start(ctx context.Context, host component.Host) error {
	i := h.instance
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.stopped || h.stopped:
		return errStopped
	case h.started:
		return errStarted
	case !i.started:
		i.started, i.startErr = true, i.component.Start(ctx, host)
	}
	if i.startErr != nil {
		return i.startErr
	}
	h.started = true
	i.running++
	return nil
}

// Shutdown implements component.Component. The instance is shut down once, with the first
// or the last handle. It is safe to call it again, and without Start.
func (h *Handle[C]) Shutdown(ctx context.Context) error {
	i := h.instance
	i.mu.Lock()
	defer i.mu.Unlock()
	if h.stopped {
		return nil
	}
	h.stopped = true
	if i.handles--; h.started {
		i.running--
	}
	if i.handles == 0 || i.stop == StopWithFirst {
		i.remove()
	}
	// A handle that was created and never started keeps no started instance alive.
	last := i.running == 0 && (h.started || i.handles == 0)
	if i.stopped || i.stop == StopWithLast && !last {
		return nil
	}
	i.stopped = true
	return i.component.Shutdown(ctx)
}
