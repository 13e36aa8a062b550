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

// idleClient is how long a client that nothing uses stays open.
const idleClient = 5 * time.Minute

// client is an HTTP client, gRPC connection or archive.
type client interface{ close() error }

// Pool holds the clients that targets share. Its methods are safe for
// concurrent use.
type Pool struct {
	telemetry component.TelemetrySettings
	userAgent string
	host      component.Host
	recovery  *recovery.Recoverer

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

// NewPool returns an empty pool. What panics while a target sends is noted in r.
func NewPool(telemetry component.TelemetrySettings, build component.BuildInfo, host component.Host, r *recovery.Recoverer) *Pool {
	return &Pool{
		telemetry: telemetry,
		userAgent: fmt.Sprintf("%s/%s (%s/%s)", build.Description, build.Version, runtime.GOOS, runtime.GOARCH),
		host:      host,
		recovery:  r,
		clients:   make(map[string]*pooled),
	}
}

var errPoolClosed = errors.New("shutting down")

// use returns the client of that key, making it if there is none. The caller
// calls done when it needs it no longer.
func (p *Pool) use(key string, create func() (client, error)) (c client, done func(), err error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, nil, errPoolClosed
	}
	e := p.clients[key]
	for e != nil && e.closing != nil {
		// Nobody may open an archive again before it is closed.
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

// create makes a client. Others wait for it, so it must not panic.
func (p *Pool) create(create func() (client, error)) (c client, err error) {
	defer p.recovery.Catch("making a client", &err)
	return create()
}

// Sweep closes what has not been used for a while.
func (p *Pool) Sweep(now time.Time) {
	for _, err := range p.closeUnused(now) {
		p.telemetry.Logger.Warn("Closing an idle client failed", zap.Error(err))
	}
	for _, a := range p.archives() {
		a.Sweep(now.Add(-idleClient))
	}
}

// closeUnused does not hold the lock while it closes: a disk may hang, and others send
// elsewhere meanwhile.
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

// archives returns the archives that are open.
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

// observed returns the telemetry of HTTP clients: none unless their metrics are
// collected, which the collector does at the level "detailed". To measure and
// trace each request for nobody takes a fifth of what it costs to send it.
func (p *Pool) observed() component.TelemetrySettings {
	t := p.telemetry
	if t.MeterProvider == nil {
		return t
	}
	// The collector leaves out the whole scope, so any instrument of it tells.
	// This one is never used.
	probe, err := t.MeterProvider.Meter("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp").
		Int64UpDownCounter("http.client.active_requests")
	if err == nil && !probe.Enabled(context.Background()) {
		t.MeterProvider, t.TracerProvider = nil, nil
	}
	return t
}

func (p *Pool) extensions() map[component.ID]component.Component { return p.host.GetExtensions() }
