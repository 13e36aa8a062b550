// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenanthealthextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewaystatus"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// statusAPI serves the status API. All methods of nil do nothing.
type statusAPI struct {
	cfg       *StatusConfig
	perTenant bool
	version   string
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	tracker   *activity.Tracker
	health    func() *state
	now       func() time.Time
	started   time.Time
	registry  tenant.Registry // nil before start

	recovery    *recovery.Recoverer
	file        *stateFile // nil: not configured
	socket      *socket
	unsubscribe func()
	stop        context.CancelFunc
	running     sync.WaitGroup

	// answering has one place: one answer is made at a time, because each reads the records of all
	// tenants. A client that has disconnected does not wait for it.
	answering chan struct{}
}

func newStatusAPI(set extension.Settings, cfg *Config, health func() *state) (*statusAPI, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	a := &statusAPI{
		cfg: cfg.Status.Get(), perTenant: cfg.Metrics.Tenant, version: set.BuildInfo.Version, logger: set.Logger, telemetry: telemetry,
		tracker: activity.NewTracker(time.Now), health: health, now: time.Now, recovery: recovery.New(set.Logger),
		answering: make(chan struct{}, 1),
	}
	if a.cfg.StateFile != "" {
		a.file = newStateFile(a.cfg.StateFile, a.tracker, set.Logger)
	}
	a.socket = &socket{path: a.cfg.Socket, logger: set.Logger, recovery: a.recovery, handler: a.routes()}
	return a, nil
}

func (a *statusAPI) start(host component.Host) error {
	if a == nil {
		return nil
	}
	registry, err := tenant.FindRegistry(host, a.cfg.Registry)
	if err != nil {
		return err
	}
	a.registry, a.started = registry, a.now().UTC()
	if a.file != nil {
		a.file.read()
	}
	a.unsubscribe = registry.Subscribe(a.tracker.Follow)
	if err := a.register(); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	a.recovery.Keep(ctx.Done(), &a.running, "serving the status API", func() { a.socket.serve(ctx) })
	a.recovery.Keep(ctx.Done(), &a.running, "keeping the time", func() { a.tick(ctx) })
	if a.file != nil {
		a.recovery.Keep(ctx.Done(), &a.running, "saving the last use of tenants", func() { a.file.keep(ctx) })
	}
	return nil
}

// tickInterval is the resolution of the times of accepted requests.
const tickInterval = 100 * time.Millisecond

// tick keeps the time of the tracker until ctx ends.
func (a *statusAPI) tick(ctx context.Context) {
	defer a.tracker.Tick(time.Time{})
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	for {
		a.tracker.Tick(a.now())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (a *statusAPI) shutdown() {
	if a == nil {
		return
	}
	if a.stop != nil {
		a.stop()
		a.running.Wait()
		a.unsubscribe()
		if a.file != nil {
			a.file.save()
		}
	}
	a.telemetry.Shutdown()
}

// sendings are the values of the attribute "sending".
var sendings = [...]gatewaystatus.Sending{
	gatewaystatus.SendingNow, gatewaystatus.SendingSilent, gatewaystatus.SendingInactive, gatewaystatus.SendingNever,
}

// register adds the metrics.
func (a *statusAPI) register() error {
	if err := a.telemetry.RegisterExtensionTenantHealthTenantsCallback(func(_ context.Context, o metric.Int64Observer) error {
		tenants, _ := a.count()
		for _, sending := range sendings {
			o.Observe(int64(tenants[sending]), metric.WithAttributes(attribute.String("sending", string(sending))))
		}
		return nil
	}); err != nil {
		return err
	}
	if err := a.telemetry.RegisterExtensionTenantHealthKeysCallback(func(_ context.Context, o metric.Int64Observer) error {
		_, keys := a.count()
		for _, sending := range sendings {
			o.Observe(int64(keys[sending]), metric.WithAttributes(attribute.String("sending", string(sending))))
		}
		return nil
	}); err != nil {
		return err
	}
	if !a.perTenant {
		return nil
	}
	return a.telemetry.RegisterExtensionTenantHealthLastAcceptedTimestampCallback(a.observeTenants)
}

// observeTenants reports when each tenant has sent data.
func (a *statusAPI) observeTenants(_ context.Context, o metric.Float64Observer) error {
	for id, record := range a.tracker.Records() {
		for _, signal := range tenant.AllSignals() {
			if last := record.Signal(signal).LastAccepted; last != nil {
				o.Observe(float64(last.UnixMilli())/1000, metric.WithAttributes(attribute.String("tenant", string(id)), attribute.String("signal", signal.String())))
			}
		}
	}
	return nil
}

// count counts active tenants and their valid keys by what they send.
func (a *statusAPI) count() (tenants, keys map[gatewaystatus.Sending]int) {
	tenants, keys = make(map[gatewaystatus.Sending]int), make(map[gatewaystatus.Sending]int)
	snapshot := a.registry.Snapshot()
	if snapshot == nil {
		return tenants, keys
	}
	now := a.now()
	for t := range snapshot.Tenants() {
		if t.Status != tenant.StatusActive {
			continue
		}
		tenants[a.sending(a.tracker.Tenant(t.ID).LastAccepted(), now)]++
		for _, k := range t.Keys {
			if k.State(now) == tenant.KeyActive {
				keys[a.sendingOf(k, now)]++
			}
		}
	}
	return tenants, keys
}

func (a *statusAPI) sending(last, now time.Time) gatewaystatus.Sending {
	return gatewaystatus.SendingOf(last, now, a.cfg.SilentAfter, a.cfg.InactiveAfter)
}

// sendingOf returns whether a key is in use. One that will expire soon was replaced, so it is
// not missed.
func (a *statusAPI) sendingOf(k *tenant.Key, now time.Time) gatewaystatus.Sending {
	sending := a.sending(a.tracker.Key(k.ID).LastUse(), now)
	if sending == gatewaystatus.SendingSilent && !k.ExpiresAt.IsZero() && k.ExpiresAt.Sub(now) < replacedWithin {
		return gatewaystatus.SendingInactive
	}
	return sending
}

// replacedWithin is how soon a key expires that is being replaced.
const replacedWithin = 72 * time.Hour

func (a *statusAPI) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+gatewaystatus.PathOverview, func(w http.ResponseWriter, r *http.Request) {
		a.answer(w, r, func() any { return a.overview() })
	})
	mux.HandleFunc("GET "+gatewaystatus.PathTenants, a.serveTenants)
	mux.HandleFunc("GET "+gatewaystatus.PathTenant+"{id}", a.serveTenant)
	mux.HandleFunc("GET "+gatewaystatus.PathKeys, func(w http.ResponseWriter, r *http.Request) {
		a.answer(w, r, func() any { return gatewaystatus.KeyUses{LastUsed: a.tracker.Save().Keys} })
	})
	return mux
}

// answer writes what report returns. Only writing is done for several clients at once.
func (a *statusAPI) answer(w http.ResponseWriter, r *http.Request, report func() any) {
	select {
	case a.answering <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	body, err := func() ([]byte, error) {
		defer func() { <-a.answering }()
		return json.MarshalIndent(report(), "", "  ")
	}()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(body, '\n')) // fails only if the client has disconnected
}
