// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// shutdownGrace is how long a shutdown or a reload waits for open requests.
const shutdownGrace = time.Second

// server is the extension. Components may post reports before it starts.
type server struct {
	board
	watch      watch
	phase      atomic.Int32
	conditions *conditions // nil if not configured
	status     *statusAPI  // nil if not configured

	cfg      *Config
	settings component.TelemetrySettings
	now      func() time.Time
	grace    time.Duration // for responses that are being sent at the shutdown
	http     *http.Server  // nil before the start
	serving  sync.WaitGroup
}

var (
	_ extension.Extension                   = (*server)(nil)
	_ healthboard.Board                     = (*server)(nil)
	_ extensioncapabilities.PipelineWatcher = (*server)(nil)
	_ componentstatus.Watcher               = (*server)(nil)
	_ condition.Board                       = (*server)(nil)
	_ activity.Board                        = (*server)(nil)
	_ rejection.Board                       = (*server)(nil)
)

func newServer(set extension.Settings, cfg *Config) (*server, error) {
	s := &server{cfg: cfg, settings: set.TelemetrySettings, now: time.Now, grace: shutdownGrace}
	if cfg.Conditions.HasValue() {
		var err error
		if s.conditions, err = newConditions(set.TelemetrySettings, cfg.Conditions.Get()); err != nil {
			return nil, err
		}
	}
	if cfg.Status.HasValue() {
		var err error
		if s.status, err = newStatusAPI(set, cfg, s.judge); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Activity implements activity.Board.
func (s *server) Activity() *activity.Tracker {
	if s.status == nil {
		return nil
	}
	return s.status.tracker
}

// PostRejection implements rejection.Board.
func (s *server) PostRejection(of rejection.Rejected) { s.Activity().PostRejection(of) }

// Start implements component.Component.
func (s *server) Start(ctx context.Context, host component.Host) error {
	listener, err := s.listen(ctx)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", s.cfg.NetAddr.Endpoint, err)
	}
	s.http, err = s.cfg.ToServer(ctx, host.GetExtensions(), s.settings, s.routes())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := s.status.start(host); err != nil {
		return errors.Join(err, listener.Close())
	}
	s.conditions.start(func() time.Time { return s.now() })
	s.serving.Go(func() {
		if err := s.http.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(err))
		}
	})
	return nil
}

// Shutdown implements component.Component. It closes requests that are still open after the grace
// time: a response takes no time, so only a client delays it.
func (s *server) Shutdown(ctx context.Context) error {
	s.conditions.shutdown()
	s.status.shutdown()
	if s.http == nil {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, s.grace)
	defer cancel()
	err := s.http.Shutdown(bounded)
	if err != nil {
		err = s.http.Close()
	}
	s.serving.Wait()
	return err
}

// Ready implements extensioncapabilities.PipelineWatcher.
func (s *server) Ready() error {
	s.phase.Store(int32(phaseReady))
	return nil
}

// NotReady implements extensioncapabilities.PipelineWatcher.
func (s *server) NotReady() error {
	s.phase.Store(int32(phaseStopping))
	return nil
}

// ComponentStatusChanged implements componentstatus.Watcher.
func (s *server) ComponentStatusChanged(source *componentstatus.InstanceID, event *componentstatus.Event) {
	s.watch.changed(source, event)
}

// PostConditions implements condition.Board.
func (s *server) PostConditions(src condition.Source) (remove func()) { return s.conditions.post(src) }

// PostLanes implements healthboard.Board.
func (s *server) PostLanes(id component.ID, report func() healthboard.Lanes) (remove func()) {
	fromBoard := s.board.PostLanes(id, report)
	fromTracker := s.conditions.postLanes(id, report)
	return func() {
		fromTracker()
		fromBoard()
	}
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+s.cfg.Path, s.serveState)
	mux.HandleFunc("GET "+s.cfg.Path+"/live", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
	})
	return mux
}

// healthy reports whether the response for a status is 200. A degraded gateway serves requests, so
// a load balancer must keep it. On an agent, every fault needs its operator.
func (s *server) healthy(is status) bool {
	return is == statusOK || is == statusDegraded && s.conditions == nil
}

// judge returns the state.
func (s *server) judge() *state {
	now := s.now()
	f := &found{now: now, phase: phase(s.phase.Load()), unwell: s.watch.list(), maxAge: s.cfg.RegistryMaxAge}
	f.registries, f.lanes = s.read(now)
	f.conditions = s.conditions.active()
	return judge(f)
}

// serveState responds with the state.
func (s *server) serveState(w http.ResponseWriter, _ *http.Request) {
	state := s.judge()
	body, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !s.healthy(state.Status) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write(append(body, '\n')) // fails only if the client has disconnected
}
