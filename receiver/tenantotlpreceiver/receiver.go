// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/direct"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/tenantotlpreceiver/internal/metadata"
)

const (
	// firstByteTimeout is how long a body may take to begin.
	firstByteTimeout = 10 * time.Second

	// shutdownTimeout is how long requests in progress may take at a shutdown. The
	// collector's own context has no bound, and a client that sends nothing would block
	// a reload forever.
	shutdownTimeout = 10 * time.Second

	// abandonTimeout is how long a shutdown then waits for consumers to notice that
	// their requests have ended.
	abandonTimeout = 5 * time.Second
)

// server is one protocol.
type server interface {
	Addr() net.Addr
	Serve() error
	// Shutdown returns how many requests it ended.
	Shutdown(context.Context) (ended int64)
	// Wait returns how many requests are in flight when ctx is done.
	Wait(context.Context) int64
}

// otlpReceiver listens for the signals that were added to it.
type otlpReceiver struct {
	cfg      *Config
	set      receiver.Settings
	services []*service
	grpc     *intake
	http     *intake

	shutdownTimeout time.Duration

	servers []server
	serving sync.WaitGroup
}

func newReceiver(set receiver.Settings, cfg *Config) (*otlpReceiver, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	r := &otlpReceiver{cfg: cfg, set: set, shutdownTimeout: shutdownTimeout}
	ways := newWays(telemetry.ReceiverTenantOtlpRequests)
	intakeOf := func(protocol guard.Protocol) (*intake, error) {
		transport := protocol.String()
		obs, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
			ReceiverID: set.ID, Transport: transport, ReceiverCreateSettings: set,
		})
		attrs := metric.WithAttributeSet(attribute.NewSet(attribute.String("transport", transport)))
		telemetry.ReceiverTenantOtlpPanics.Add(context.Background(), 0, attrs) // the series exists before the first event
		panics := func(ctx context.Context) { telemetry.ReceiverTenantOtlpPanics.Add(ctx, 1, attrs) }
		return &intake{protocol: protocol, obs: obs, patience: firstByteTimeout, panics: panics, ways: ways}, err
	}
	if r.grpc, err = intakeOf(guard.GRPC); err != nil {
		return nil, err
	}
	if r.http, err = intakeOf(guard.HTTP); err != nil {
		return nil, err
	}
	return r, nil
}

// add makes the receiver take one more signal.
func (r *otlpReceiver) add(s *service) { r.services = append(r.services, s) }

// Start implements component.Component.
func (r *otlpReceiver) Start(ctx context.Context, host component.Host) error {
	g, err := r.findGuard(host)
	if err != nil {
		return err
	}
	for _, in := range []*intake{r.grpc, r.http} {
		in.guard, in.services = g, r.services
	}
	if r.cfg.isDirect() {
		if err := r.findPaths(host); err != nil {
			return err
		}
	}
	if err := r.startServers(ctx, host); err != nil {
		return errors.Join(err, r.Shutdown(ctx))
	}
	return nil
}

func (r *otlpReceiver) findGuard(host component.Host) (*guard.Guard, error) {
	if r.cfg.Guard.String() == builtInGuard {
		return guard.New(guard.Settings{Logger: r.set.Logger}), nil
	}
	g, err := guard.Find(host, r.cfg.Guard)
	if err != nil {
		return nil, fmt.Errorf(`%w; to use the built-in guard of the receiver, set "guard" to %s`, err, builtInGuard)
	}
	return g, nil
}

// findPaths finds where the requests of each signal go that need no decoding.
func (r *otlpReceiver) findPaths(host component.Host) error {
	board, err := direct.Find(host, r.cfg.Guard)
	if err != nil {
		return err
	}
	for _, s := range r.services {
		path, err := board.Path(s.signal, r.cfg.Direct)
		if err != nil {
			return err
		}
		s.direct = &path
	}
	return nil
}

func (r *otlpReceiver) startServers(ctx context.Context, host component.Host) error {
	if cfg := r.cfg.Protocols.GRPC; cfg.HasValue() {
		s, err := newGRPCServer(ctx, *cfg.Get(), host, r.set.TelemetrySettings, r.grpc)
		if err != nil {
			return fmt.Errorf("grpc: %w", err)
		}
		r.set.Logger.Info("Starting GRPC server", zap.Stringer("endpoint", s.Addr()))
		r.run(host, s)
	}
	if cfg := r.cfg.Protocols.HTTP; cfg.HasValue() {
		s, err := newHTTPServer(ctx, *cfg.Get(), host, r.set.TelemetrySettings, r.http)
		if err != nil {
			return fmt.Errorf("http: %w", err)
		}
		r.set.Logger.Info("Starting HTTP server", zap.Stringer("endpoint", s.Addr()))
		r.run(host, s)
	}
	return nil
}

func (r *otlpReceiver) run(host component.Host, s server) {
	r.servers = append(r.servers, s)
	r.serving.Go(func() {
		if err := s.Serve(); err != nil {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(err))
		}
	})
}

// Shutdown implements component.Component. It ends within shutdownTimeout and
// abandonTimeout.
func (r *otlpReceiver) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.shutdownTimeout)
	defer cancel()
	var stopping sync.WaitGroup
	for _, s := range r.servers {
		stopping.Go(func() {
			if ended := s.Shutdown(ctx); ended > 0 {
				r.set.Logger.Warn("Ended requests that did not end in time", zap.Int64("requests", ended), zap.Duration("timeout", r.shutdownTimeout))
			}
		})
	}
	stopping.Wait()
	r.serving.Wait()
	abandon, stop := context.WithTimeout(context.WithoutCancel(ctx), abandonTimeout)
	defer stop()
	inFlight := int64(0)
	for _, s := range r.servers {
		inFlight += s.Wait(abandon)
	}
	r.servers = nil
	if inFlight > 0 {
		return fmt.Errorf("%d requests are still with the next consumer", inFlight)
	}
	return nil
}
