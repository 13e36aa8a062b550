// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lokipushreceiver

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guardedhttp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/lokipushreceiver/internal/metadata"
)

const (
	// shutdownTimeout is how long requests in flight may take at a shutdown. The
	// collector's own context has no bound.
	shutdownTimeout = 10 * time.Second

	// abandonTimeout is how long a shutdown then waits for the next consumer to notice
	// that requests have ended.
	abandonTimeout = 5 * time.Second
)

// lokiPushReceiver receives logs over the push API.
type lokiPushReceiver struct {
	cfg       *Config
	set       receiver.Settings
	next      consumer.Logs
	obs       *receiverhelper.ObsReport
	telemetry *metadata.TelemetryBuilder
	recovery  *recovery.Recoverer

	guard   *guard.Guard
	server  *guardedhttp.Server
	serving sync.WaitGroup
}

func newReceiver(set receiver.Settings, cfg *Config, next consumer.Logs) (*lokiPushReceiver, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	obs, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID: set.ID, Transport: "http", ReceiverCreateSettings: set,
	})
	if err != nil {
		return nil, err
	}
	return &lokiPushReceiver{
		cfg: cfg, set: set, next: next, obs: obs, telemetry: telemetry, recovery: recovery.New(set.Logger),
	}, nil
}

// Start implements component.Component.
func (r *lokiPushReceiver) Start(ctx context.Context, host component.Host) error {
	var err error
	if r.guard, err = r.findGuard(host); err != nil {
		return err
	}
	h := newHandler(r)
	r.server, err = guardedhttp.Listen(ctx, guardedhttp.Settings{
		Config: r.cfg.ServerConfig, Host: host, Telemetry: r.set.TelemetrySettings, Guard: r.guard,
		Handler: h, Refuse: h.unauthenticated, Panicked: h.panicked,
	})
	if err != nil {
		return err
	}
	h.server = r.server
	h.startCounters(ctx)
	r.set.Logger.Info("Starting HTTP server", zap.Stringer("endpoint", r.server.Addr()))
	r.recovery.Go(&r.serving, "serving pushes", func() {
		if err := r.server.Serve(); err != nil {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(err))
		}
	})
	return nil
}

func (r *lokiPushReceiver) findGuard(host component.Host) (*guard.Guard, error) {
	if r.cfg.Guard.String() == builtInGuard {
		return guard.New(guard.Settings{Logger: r.set.Logger}), nil
	}
	g, err := guard.Find(host, r.cfg.Guard)
	if err != nil {
		return nil, fmt.Errorf("%w; with `guard: %s` the receiver has its own guard", err, builtInGuard)
	}
	return g, nil
}

// Shutdown implements component.Component. It ends within shutdownTimeout and
// abandonTimeout.
func (r *lokiPushReceiver) Shutdown(ctx context.Context) error {
	defer r.telemetry.Shutdown()
	if r.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	if ended := r.server.Shutdown(ctx); ended > 0 {
		r.set.Logger.Warn("Ended requests that did not end in time", zap.Int64("requests", ended), zap.Duration("timeout", shutdownTimeout))
	}
	r.serving.Wait()
	abandon, stop := context.WithTimeout(context.WithoutCancel(ctx), abandonTimeout)
	defer stop()
	if left := r.server.Wait(abandon); left > 0 {
		return fmt.Errorf("%d requests are still with the next consumer", left)
	}
	r.server = nil
	return nil
}
