// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/identity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/roster"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/rpc"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/finder"
)

const (
	// maxReply bounds the answer of PM2. It has each process with its environment, which is
	// usually some ten KiB.
	maxReply = 64 << 20
	// maxProcesses bounds the processes that have metrics.
	maxProcesses = 1024
)

// metricsReceiver collects metrics of PM2's processes.
type metricsReceiver struct {
	set       receiver.Settings
	cfg       *Config
	next      consumer.Metrics
	obs       *receiverhelper.ObsReport
	telemetry *metadata.TelemetryBuilder
	throttled *throttledLogger
	recovery  *recovery.Recoverer
	host      string
	daemons   map[string]*daemon // by their homes
	silent    atomic.Pointer[[]roster.Silent]
	unpost    func() // removes the conditions from the boards

	stop context.CancelFunc // ends the collecting
	// consume is the context of calls to the next consumer. It ends later than the collecting,
	// so that a call in progress can complete.
	consume context.Context
	cancel  context.CancelFunc
	done    chan struct{}
}

func newMetricsReceiver(set receiver.Settings, cfg *Config, next consumer.Metrics) (*metricsReceiver, error) {
	obs, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID: set.ID, Transport: "unix", ReceiverCreateSettings: set,
	})
	if err != nil {
		return nil, err
	}
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &metricsReceiver{recovery: recovery.New(set.Logger), set: set, cfg: cfg, next: next, obs: obs, telemetry: telemetry, throttled: newThrottledLogger(set.Logger, time.Now)}, nil
}

// Start implements component.Component. It does not fail if no daemon runs, because one may
// start later.
func (r *metricsReceiver) Start(_ context.Context, host component.Host) error {
	if !r.cfg.Metrics.Enabled {
		r.set.Logger.Info(`Metrics of processes are not collected: "metrics::enabled" is false`)
		return nil
	}
	if err := r.prepare(); err != nil {
		return err
	}
	for reason := range metadata.MapAttributeCollectionReason { // the series exist before the first event
		r.telemetry.ReceiverPm2FailedCollections.Add(context.Background(), 0, metric.WithAttributes(attribute.String("reason", reason)))
	}
	var collect context.Context
	collect, r.stop = context.WithCancel(context.Background())
	r.consume, r.cancel = context.WithCancel(context.Background())
	r.done = make(chan struct{})
	var running sync.WaitGroup // done is closed when it ends
	r.recovery.Go(&running, "collecting metrics of processes", func() { r.run(collect) })
	r.unpost = condition.Post(host, component.KindReceiver, r.set.ID, r.findings)
	return nil
}

func (r *metricsReceiver) prepare() error {
	r.host, r.daemons = identity.Host(r.set.Logger), map[string]*daemon{}
	_, err := r.homes()
	return err
}

// homes returns the folders of the daemons to ask. A single configured one need not exist.
func (r *metricsReceiver) homes() ([]string, error) {
	if len(r.cfg.Homes) == 0 {
		home, err := r.cfg.inHome("")
		return []string{home}, err
	}
	patterns, err := r.cfg.homes()
	if err != nil {
		return nil, err
	}
	return finder.Homes(patterns), nil
}

// daemon returns the daemon of a home.
func (r *metricsReceiver) daemon(home string) *daemon {
	d := r.daemons[home]
	if d == nil {
		socket := filepath.Join(home, "rpc.sock")
		d = &daemon{
			socket: socket, client: rpc.New(rpc.Settings{Socket: socket, MaxReply: maxReply, MaxProcesses: maxProcesses}),
			translate: newTranslator(r.cfg.Metrics.Each, r.set, instances(r.cfg, r.host, home)),
		}
	}
	return d
}

func (r *metricsReceiver) run(ctx context.Context) {
	defer close(r.done)
	ticker := time.NewTicker(r.cfg.Metrics.CollectionInterval)
	defer ticker.Stop()
	for {
		r.collectSafely(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// collectSafely calls collect and recovers from a panic: applications control parts of PM2's
// answer.
func (r *metricsReceiver) collectSafely(ctx context.Context) {
	if err := r.recovery.Run("collecting metrics of processes", func() { r.collect(ctx) }); err != nil {
		r.telemetry.ReceiverPm2FailedCollections.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", "panic")))
	}
}

// collect collects the metrics of all daemons once.
func (r *metricsReceiver) collect(ctx context.Context) {
	homes, err := r.homes()
	if err != nil {
		r.throttled.warn("homes", "Failed to collect metrics of PM2's processes; will retry", zap.Error(err))
		return
	}
	daemons := map[string]*daemon{}
	for _, home := range homes {
		daemons[home] = r.daemon(home)
	}
	r.daemons = daemons
	var silent []roster.Silent
	for _, home := range homes {
		if reason, err := r.ask(ctx, daemons[home]); err != nil {
			silent = append(silent, roster.Silent{Home: home, Reason: reason, Err: err})
		}
	}
	if ctx.Err() == nil {
		r.silent.Store(&silent)
	}
}

// ask collects the metrics of one daemon. It returns why the daemon returned no list.
func (r *metricsReceiver) ask(ctx context.Context, d *daemon) (reason string, err error) {
	asking, cancel := context.WithTimeout(ctx, r.cfg.Metrics.Timeout)
	list, err := d.client.Processes(asking)
	cancel()
	if ctx.Err() != nil {
		return "", nil
	}
	if err != nil {
		reason := "other"
		if known := rpc.Reason(err); known != nil {
			reason = known.Error()
		}
		r.telemetry.ReceiverPm2FailedCollections.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", reason)))
		fields := []zap.Field{zap.String("socket", d.socket), zap.Error(err)}
		if fix := fixOfDaemon(&roster.Silent{Reason: reason}, true); fix != "" {
			fields = append(fields, zap.String("fix", fix))
		}
		if r.throttled.warn(d.kind(r.cfg, reason), "Failed to collect metrics of PM2's processes; will retry", fields...) {
			d.reported = true
		}
		return reason, err
	}
	if d.reported {
		r.set.Logger.Info("Metrics of PM2's processes are collected again")
		d.reported = false
	}
	if list.More > 0 {
		r.throttled.warn(d.kind(r.cfg, "many"), "PM2 has too many processes; further ones have no metrics", zap.Int("limit", maxProcesses), zap.Int("others", list.More))
	}
	metrics := d.translate.metrics(list.Processes, time.Now())
	points := metrics.DataPointCount()
	if points == 0 {
		return "", nil
	}
	op := r.obs.StartMetricsOp(r.consume)
	err = r.next.ConsumeMetrics(op, metrics)
	r.obs.EndMetricsOp(op, metadata.Type.String(), points, err)
	if err != nil && ctx.Err() == nil {
		// The next collection replaces them.
		r.throttled.warn("consumer", "Metrics of PM2's processes were rejected and are dropped", zap.Error(err))
	}
	return "", nil
}

// Shutdown implements component.Component.
func (r *metricsReceiver) Shutdown(ctx context.Context) error {
	r.telemetry.Shutdown()
	if r.done == nil {
		return nil
	}
	r.unpost()
	r.stop()
	timer := time.AfterFunc(grace, r.cancel)
	defer timer.Stop()
	select {
	case <-r.done:
		r.cancel()
		r.done = nil
		return nil
	case <-ctx.Done():
		r.cancel()
		return errors.Join(errors.New("the next consumer did not return"), ctx.Err())
	}
}
