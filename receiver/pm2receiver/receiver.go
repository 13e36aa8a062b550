// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/storageclient"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/applog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/container"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/daemonlog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/identity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/roster"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/finder"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
)

// grace is how long Shutdown waits for records that the next consumer has not returned. After
// that they are read again at the next start.
const grace = 5 * time.Second

// logsReceiver follows log files and sends their records.
type logsReceiver struct {
	set    receiver.Settings
	cfg    *Config
	next   consumer.Logs
	obs    *receiverhelper.ObsReport
	meter  *meter
	tailer *tail.Tailer
	roster *roster.Roster // nil if PM2 is not asked

	recovery *recovery.Recoverer
	arenas   arena.Pool // of all files

	dropped dropped // because the next consumer permanently rejected them
	unpost  func()  // removes the conditions from the boards

	own        *admit.Own    // the files that this process writes
	maxBackoff time.Duration // until rejected records are sent again; zero is the default

	// consume is the context of calls to the next consumer. It ends later than the reading, so
	// that a call in progress can complete.
	consume context.Context
	cancel  context.CancelFunc
}

func newLogsReceiver(set receiver.Settings, cfg *Config, next consumer.Logs) (*logsReceiver, error) {
	obs, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID: set.ID, Transport: "file", ReceiverCreateSettings: set,
	})
	if err != nil {
		return nil, err
	}
	m, err := newMeter(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &logsReceiver{set: set, cfg: cfg, next: next, obs: obs, meter: m, own: admit.NewOwn(os.Getenv), recovery: recovery.New(set.Logger)}, nil
}

// Start implements component.Component.
func (r *logsReceiver) Start(ctx context.Context, components component.Host) error {
	include, exclude, err := r.cfg.patterns()
	if err != nil {
		return err
	}
	daemonLog, err := r.cfg.daemonLog()
	if err != nil {
		return err
	}
	location, err := time.LoadLocation(r.cfg.Timezone)
	if err != nil {
		return fmt.Errorf(`"timezone": %w`, err)
	}
	store, err := r.store(ctx, components)
	if err != nil {
		return err
	}
	host := identity.Host(r.set.Logger)
	homes, err := r.cfg.homes()
	if err != nil {
		return errors.Join(err, closeStore(ctx, store))
	}
	files := finder.Settings{
		Include: include, Exclude: exclude, Daemon: daemonLog,
		Homes: homes, DaemonLogs: r.cfg.readsDaemonLog(), IncludeOnly: len(r.cfg.Include) > 0,
	}
	if r.cfg.ProcessList.Enabled {
		r.roster = r.newRoster(homes)
		r.roster.Start(ctx)
		files.Roster = r.roster
	}
	r.consume, r.cancel = context.WithCancel(context.Background())
	r.tailer = tail.New(tail.Settings{
		Finder: files,
		Decoder: func(n logname.Name, state decode.State) tail.Decoder {
			return r.open(n, state, location, instances(r.cfg, host, n.Home))
		},
		Consume:      r.deliver,
		Store:        store,
		FromEnd:      r.cfg.StartAt == StartAtEnd,
		MaxBackoff:   r.maxBackoff,
		PollInterval: r.cfg.PollInterval,
		Now:          time.Now,
		Meter:        r.meter,
		Recovery:     r.recovery,
		AnyOwner:     r.cfg.ReadAnyOwner,
		Own:          r.own,
		MaxBuffer:    int64(r.cfg.MaxBufferSize),
		Logger:       r.set.Logger,
	})
	err = r.meter.observe(r.tailer)
	if err == nil {
		err = r.tailer.Start(ctx)
	}
	if err != nil {
		r.cancel()
		r.roster.Shutdown()
		r.tailer, r.roster = nil, nil
		return errors.Join(err, closeStore(ctx, store))
	}
	watch := &logsWatch{cfg: r.cfg, tailer: r.tailer, roster: r.roster, dropped: &r.dropped, include: include, now: time.Now}
	r.unpost = condition.Post(components, component.KindReceiver, r.set.ID, watch.findings)
	return nil
}

func closeStore(ctx context.Context, store *checkpoint.Store) error {
	if store == nil {
		return nil
	}
	return store.Close(ctx)
}

// newRoster returns the list of files of the daemons in homes.
func (r *logsReceiver) newRoster(homes []string) *roster.Roster {
	return roster.New(roster.Settings{
		Homes:    func() []string { return finder.Homes(homes) },
		Interval: r.cfg.ProcessList.Interval,
		Timeout:  r.cfg.ProcessList.Timeout,
		Gate:     admit.New(admit.Settings{AnyOwner: r.cfg.ReadAnyOwner, Own: r.own, User: uint32(os.Geteuid())}), //nolint:gosec // numbers of users have 32 bits
		Now:      time.Now,
		Recovery: r.recovery,
		Logger:   r.set.Logger,
	})
}

// open returns the decoder for a file.
func (r *logsReceiver) open(n logname.Name, state decode.State, location *time.Location, host string) tail.Decoder {
	if n.Daemon {
		return daemonlog.New(r.daemonDecoder(location, host), state)
	}
	plain := func(state decode.State) container.Inner { return decode.New(r.decoder(n, location, host), state) }
	if r.cfg.Container == container.None {
		return plain(state)
	}
	place, known := container.PlaceOf(n.Path)
	inside := n
	if known {
		inside.App, inside.ProcessID = place.App(), envelope.NoProcess
		host += ":" + place.Instance() // PM2 counts from 0 in each
	}
	text := func(stderr bool, state decode.State) container.Inner {
		inside.Stderr = stderr
		return decode.New(r.decoder(inside, location, host), state)
	}
	return container.New(container.Settings{
		Format: r.cfg.Container, Place: place, Known: known, Plain: plain, Text: text,
		Daemon: func(state decode.State) container.Inner {
			return daemonlog.New(r.daemonDecoder(location, host), state)
		},
	}, state)
}

func (r *logsReceiver) decoder(n logname.Name, location *time.Location, host string) decode.Settings {
	return decode.Settings{
		Lines: lines.Settings{
			MaxLine: int(r.cfg.MaxLineSize), Location: location, App: n.App, ProcessID: n.ProcessID, Stderr: n.Stderr, DatesEachLine: n.Fork,
		},
		Log:           applog.Settings{JSON: r.cfg.ParseApplicationJSON, Strip: r.cfg.ANSI == ANSIStrip, Location: location},
		Join:          r.cfg.StackTraces == StackTracesJoin,
		Original:      r.cfg.IncludeLogRecordOriginal,
		StderrIsError: r.cfg.SeverityFromStderr,
		Host:          host,
		Scope:         metadata.ScopeName,
		Version:       r.set.BuildInfo.Version,
		Arenas:        &r.arenas,
	}
}

func (r *logsReceiver) daemonDecoder(location *time.Location, host string) daemonlog.Settings {
	return daemonlog.Settings{
		MaxLine:  int(r.cfg.MaxLineSize),
		Location: location,
		Log:      applog.Settings{JSON: r.cfg.ParseApplicationJSON, Strip: r.cfg.ANSI == ANSIStrip, Location: location},
		Join:     r.cfg.StackTraces == StackTracesJoin,
		Original: r.cfg.IncludeLogRecordOriginal,
		Host:     host,
		Scope:    metadata.ScopeName,
		Version:  r.set.BuildInfo.Version,
	}
}

// store opens the client of the storage extension.
func (r *logsReceiver) store(ctx context.Context, host component.Host) (*checkpoint.Store, error) {
	if r.cfg.Storage == nil {
		return nil, nil
	}
	ext, err := storageclient.Find(host, "storage", *r.cfg.Storage)
	if err != nil {
		return nil, err
	}
	client, err := ext.Open(ctx, storageclient.Owner{Kind: component.KindReceiver, ID: r.set.ID}, "")
	if err != nil {
		return nil, err
	}
	return checkpoint.NewStore(client), nil
}

// deliver passes records to the next consumer once. It counts and drops records that are
// permanently rejected, or on which a consumer panics: sending them again would block the records
// that follow.
func (r *logsReceiver) deliver(_ context.Context, logs plog.Logs) (rest plog.Logs, partly bool, err error) {
	count := logs.LogRecordCount()
	ctx := r.obs.StartLogsOp(r.consume)
	err = r.consumeOnce(ctx, logs)
	r.obs.EndLogsOp(ctx, metadata.Type.String(), count, err)
	if err == nil {
		return plog.Logs{}, false, nil
	}
	if consumererror.IsPermanent(err) || recovery.Is(err) {
		r.set.Logger.Error("Records were permanently rejected and are dropped", zap.Int("records", count), zap.Error(err))
		r.meter.rejected(count)
		r.dropped.add(count, err)
		return plog.Logs{}, false, nil
	}
	var some consumererror.Logs
	if errors.As(err, &some) {
		return some.Data(), true, err
	}
	return plog.Logs{}, false, err
}

func (r *logsReceiver) consumeOnce(ctx context.Context, logs plog.Logs) (err error) {
	defer r.recovery.Catch("consuming log records", &err)
	return r.next.ConsumeLogs(ctx, logs)
}

// Shutdown implements component.Component.
func (r *logsReceiver) Shutdown(ctx context.Context) error {
	if r.tailer == nil {
		return nil
	}
	r.unpost()
	timer := time.AfterFunc(grace, r.cancel)
	defer timer.Stop()
	r.roster.Shutdown()
	err := r.tailer.Shutdown(ctx)
	r.cancel()
	r.meter.shutdown()
	r.tailer, r.roster = nil, nil
	return err
}
