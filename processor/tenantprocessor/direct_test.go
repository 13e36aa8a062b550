// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/direct"
	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/telemetrytest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

var (
	boardID    = component.MustNewID("request_guard")
	exporterID = component.MustNewID("tenant_routing")
)

// boards is an extension with a board for encoded requests, activity and rejections.
type boards struct {
	component.StartFunc
	component.ShutdownFunc
	direct.Board
	tracker *activity.Tracker
}

func (b *boards) Direct() *direct.Board              { return &b.Board }
func (b *boards) Activity() *activity.Tracker        { return b.tracker }
func (b *boards) PostRejection(r rejection.Rejected) { b.tracker.PostRejection(r) }

// encodedSink is an exporter that keeps what it gets.
type encodedSink struct {
	next func(context.Context) error
	got  []stamp.Encoded
}

func (*encodedSink) Attribute() string { return tenant.AttributeKey }

func (s *encodedSink) ConsumeEncoded(ctx context.Context, _ tenant.Signal, id tenant.ID, e *stamp.Encoded) error {
	if id != "tenant-a" {
		return errors.New("data of another tenant: " + string(id))
	}
	if err := s.next(ctx); err != nil {
		return err
	}
	s.got = append(s.got, *e)
	return nil
}

// sendEncoded sends a request by the path of the board. It requires that the request need not
// be decoded.
func sendEncoded(ctx context.Context, t *testing.T, b *direct.Board, data []byte) error {
	t.Helper()
	path, err := b.Path(tenant.Logs, exporterID)
	require.NoError(t, err)
	admission := path.Admitter.Admit(ctx)
	require.NotNil(t, admission)
	e, err := admission.Stamp(ctx, data, otlpwire.Limits{})
	require.NoError(t, err)
	require.Equal(t, stamp.SlowNone, e.Slow)
	return admission.Forward(ctx, &e, path.Sink)
}

// TestDirect_IsOneProcessor sends the same requests decoded and encoded, and compares answers,
// all series, activity and rejections.
func TestDirect_IsOneProcessor(t *testing.T) {
	dailyRecords, monthlyBytes := tenant.Limits{DailyRecords: 25}, tenant.Limits{MonthlyBytes: 600}
	refuse := func(context.Context) error { return rejection.Of(rejection.LaneFull) }
	for name, tt := range map[string]struct {
		limits tenant.Limits
		warn   bool
		next   func(context.Context) error
	}{
		"no limits":          {next: accept},
		"a rate":             {limits: rateOf(tenant.Logs, tenant.Rate{RecordsPerSecond: 15}), next: accept},
		"a quota":            {limits: dailyRecords, next: accept},
		"a quota of bytes":   {limits: monthlyBytes, next: accept},
		"limits that warn":   {limits: dailyRecords, warn: true, next: accept},
		"a full lane":        {limits: dailyRecords, next: refuse},
		"a panic":            {limits: dailyRecords, next: func(context.Context) error { panic("a defect") }},
		"a canceled request": {next: func(context.Context) error { return context.Canceled }},
	} {
		t.Run(name, func(t *testing.T) {
			type outcome struct {
				answers []string
				series  map[string]float64
				usage   []activity.Quota
				signal  activity.SignalView
				ahead   *activity.Ahead
				rejects []activity.Rejection
			}
			run := func(encoded bool) (o outcome) {
				registry := limited(t, tt.limits)
				board := &boards{tracker: activity.NewTracker(func() time.Time { return noon })}
				board.tracker.Follow(registry.Snapshot())
				sink := &encodedSink{next: tt.next}
				board.PostSink(exporterID, sink)
				cfg := authConfig()
				cfg.Metrics.Tenant = true
				if tt.warn {
					cfg.Limits.Mode = LimitsWarn
				}
				host := tenanttest.Host{registryID: registry, boardID: board}
				p := startPipelines(t, cfg, host, tt.next)
				ctx := caller("tenant-a", tenant.Logs)
				for _, records := range []int{10, 3, 12, 10, 1} {
					ld := manyLogs(records)
					last := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(records - 1)
					last.SetObservedTimestamp(7)
					data, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
					require.NoError(t, err)
					if encoded {
						err = sendEncoded(ctx, t, &board.Board, data)
					} else {
						err = p.logs.ConsumeLogs(ctx, ld)
					}
					if err == nil {
						o.answers = append(o.answers, "")
					} else {
						o.answers = append(o.answers, rejection.From(err).Reason().String()+": "+err.Error())
					}
				}
				o.series = telemetrytest.Series(t, p.telemetry)
				o.usage = board.tracker.QuotasOf(registry.Snapshot().Tenant("tenant-a"))
				record := board.tracker.Tenant("tenant-a")
				o.signal, o.ahead, o.rejects = record.Signal(tenant.Logs), record.Ahead(), record.Rejections()
				return o
			}
			decoded, encoded := run(false), run(true)
			assert.Equal(t, decoded, encoded)
			t.Logf("%q, %d series", decoded.answers, len(decoded.series))
		})
	}
}

// TestDirect_LeavesRejectionsToTheProcessor has requests that the processor rejects when they are
// decoded.
func TestDirect_LeavesRejectionsToTheProcessor(t *testing.T) {
	for name, tt := range map[string]struct {
		ctx      context.Context
		registry *tenanttest.Registry
	}{
		"nobody":       {context.Background(), testRegistry(t)},
		"suspended":    {caller("suspended", tenant.Logs), testRegistry(t)},
		"deleted":      {caller("deleted", tenant.Logs), testRegistry(t)},
		"out of scope": {caller("tenant-a", tenant.Traces), testRegistry(t)},
		"not loaded":   {caller("tenant-a", tenant.Logs), &tenanttest.Registry{}},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := started(t, authConfig(), tenant.Logs, tt.registry)
			assert.Nil(t, p.Admit(tt.ctx))
			_, err := p.processLogs(tt.ctx, oneLog())
			assert.Error(t, err)
		})
	}
}

func TestDirect_IsPostedWhileTheProcessorRuns(t *testing.T) {
	board := new(boards)
	board.PostSink(exporterID, new(encodedSink))
	p, err := newFactory().create(nopSettings(), authConfig(), tenant.Logs)
	require.NoError(t, err)
	require.NoError(t, p.start(context.Background(), tenanttest.Host{registryID: testRegistry(t), boardID: board}))
	path, err := board.Path(tenant.Logs, exporterID)
	require.NoError(t, err)
	assert.Same(t, p, path.Admitter)
	_, err = board.Path(tenant.Traces, exporterID)
	require.ErrorContains(t, err, "no pipeline of traces has a tenant processor")
	require.NoError(t, p.shutdown(context.Background()))
	_, err = board.Path(tenant.Logs, exporterID)
	require.ErrorContains(t, err, "no pipeline of logs has a tenant processor")
}

// TestDirect_StampsAsAnAgentDoes has a processor with a tenant of its own.
func TestDirect_StampsAsAnAgentDoes(t *testing.T) {
	board, sink := new(boards), &encodedSink{next: accept}
	board.PostSink(exporterID, sink)
	p, err := newFactory().create(nopSettings(), edgeConfig(), tenant.Logs)
	require.NoError(t, err)
	require.NoError(t, p.start(context.Background(), tenanttest.Host{boardID: board}))
	t.Cleanup(func() { require.NoError(t, p.shutdown(context.Background())) })
	data, err := plogotlp.NewExportRequestFromLogs(oneLog()).MarshalProto()
	require.NoError(t, err)
	require.NoError(t, sendEncoded(context.Background(), t, &board.Board, data))
	require.Len(t, sink.got, 1)
	ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(sink.got[0].Data)
	require.NoError(t, err)
	owner, _ := ld.ResourceLogs().At(0).Resource().Attributes().Get("business_id")
	assert.Equal(t, "tenant-a", owner.Str())
}
