// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/archive"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
)

// idleClient is how long an unused client stays open.
const idleClient = 5 * time.Minute

// client is an HTTP client, gRPC connection or archive.
type client interface{ close() error }

// Pool has the clients that targets share. Its methods are safe for concurrent use.
type Pool struct {
	telemetry component.TelemetrySettings
	userAgent string
	host      component.Host
	recovery  *recovery.Recoverer
	buffers   *bodyBuffers // of the connections of HTTP clients

	mu      sync.Mutex
	clients map[string]*pooled
	closed  bool
}

type pooled struct {
	once   sync.Once
	client client // may be read once the once is done
	err    error

	ready   bool // guarded by Pool.mu, as are the following
	users   int
	lastUse time.Time
	closing chan struct{} // closed when the client is; nil: it is in use
}

// NewPool returns an empty pool. r handles panics of targets.
func NewPool(telemetry component.TelemetrySettings, build component.BuildInfo, host component.Host, r *recovery.Recoverer) *Pool {
	return &Pool{
		telemetry: telemetry,
		userAgent: fmt.Sprintf("%s/%s (%s/%s)", build.Description, build.Version, runtime.GOOS, runtime.GOARCH),
		host:      host,
		recovery:  r,
		buffers:   newBodyBuffers(),
		clients:   make(map[string]*pooled),
	}
}

var errPoolClosed = errors.New("shutting down")

// use returns the client with a key, and creates it if there is none. The caller calls done when it no longer
// uses the client.
func (p *Pool) use(key string, create func() (client, error)) (c client, done func(), err error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, nil, errPoolClosed
	}
	e := p.clients[key]
	for e != nil && e.closing != nil {
		// An archive must be closed before it is opened again.
		closing := e.closing
		p.mu.Unlock()
		<-closing
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, nil, errPoolClosed
		}
		e = p.clients[key]
	}
	if e == nil {
		e = &pooled{}
		p.clients[key] = e
	}
	e.users++
	p.mu.Unlock()
	done = func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		e.users--
		e.lastUse = time.Now()
	}
	e.once.Do(func() { e.client, e.err = p.create(create) })
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.err != nil {
		e.users--
		if p.clients[key] == e {
			delete(p.clients, key) // the next attempt tries again
		}
		return nil, nil, e.err
	}
	e.ready = true
	return e.client, done, nil
}

// create creates a client. Other callers wait for it, so it must not panic.
func (p *Pool) create(create func() (client, error)) (c client, err error) {
	defer p.recovery.Catch("making a client", &err)
	return create()
}

// Sweep closes clients that were not used for a while.
func (p *Pool) Sweep(now time.Time) {
	for _, err := range p.closeUnused(now) {
		p.telemetry.Logger.Warn("Failed to close an idle client", zap.Error(err))
	}
	for _, a := range p.archives() {
		a.Sweep(now.Add(-idleClient))
	}
}

// closeUnused does not hold the lock while it closes clients: a disk may hang, and other clients are in
// use.
func (p *Pool) closeUnused(now time.Time) (errs []error) {
	unused := make(map[string]*pooled)
	p.mu.Lock()
	for key, e := range p.clients {
		if e.ready && e.users == 0 && e.closing == nil && now.Sub(e.lastUse) > idleClient {
			e.closing = make(chan struct{})
			unused[key] = e
		}
	}
	p.mu.Unlock()
	for key, e := range unused {
		if err := p.closeOne(key, e); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func (p *Pool) closeOne(key string, e *pooled) (err error) {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.clients[key] == e {
			delete(p.clients, key)
		}
		close(e.closing)
	}()
	defer p.recovery.Catch("closing a client", &err)
	return e.client.close()
}

// archives returns the open archives.
func (p *Pool) archives() (open []*archive.Archive) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.clients {
		if !e.ready || e.closing != nil {
			continue
		}
		if a, ok := e.client.(*archiveClient); ok {
			open = append(open, a.archive)
		}
	}
	return open
}

// Close closes all clients. No target may be sending.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for _, e := range p.clients {
		if e.ready && e.closing == nil {
			errs = append(errs, e.client.close())
		}
	}
	p.clients = nil
	return errors.Join(errs...)
}

// observed returns the telemetry of HTTP clients. There is none unless their metrics are collected, which the
// collector does at the level "detailed". Measuring and tracing each request without that costs a fifth
// of sending it.
func (p *Pool) observed() component.TelemetrySettings {
	t := p.telemetry
	if t.MeterProvider == nil {
		return t
	}
	// The collector disables the whole scope, so any instrument shows it. This one is never used.
	probe, err := t.MeterProvider.Meter("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp").
		Int64UpDownCounter("http.client.active_requests")
	if err == nil && !probe.Enabled(context.Background()) {
		t.MeterProvider, t.TracerProvider = nil, nil
	}
	return t
}

func (p *Pool) extensions() map[component.ID]component.Component { return p.host.GetExtensions() }
