// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail"
)

// maxLagFiles bounds the files whose lag is reported one by one.
const maxLagFiles = 200

// meter counts the events of the tailer.
type meter struct{ builder *metadata.TelemetryBuilder }

var _ tail.Meter = (*meter)(nil)

func newMeter(set component.TelemetrySettings) (*meter, error) {
	builder, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, err
	}
	m := &meter{builder: builder}
	m.startCounters()
	return m, nil
}

// startCounters makes the series of counters exist before their first event.
func (m *meter) startCounters() {
	ctx, b := context.Background(), m.builder
	for _, c := range []metric.Int64Counter{
		b.ReceiverPm2CutRecords, b.ReceiverPm2JoinedRecords, b.ReceiverPm2Lines, b.ReceiverPm2LostLines, b.ReceiverPm2PassedBytes,
		b.ReceiverPm2RawLines, b.ReceiverPm2ReadBytes, b.ReceiverPm2RecoveredCopies, b.ReceiverPm2RedeliveredRecords,
		b.ReceiverPm2RefusedRecords, b.ReceiverPm2RepairedRecords, b.ReceiverPm2Rotations, b.ReceiverPm2SplitStreams, b.ReceiverPm2Truncations,
	} {
		c.Add(ctx, 0)
	}
	for _, reason := range []admit.Reason{
		admit.NotRegular, admit.OtherOwner, admit.LinkTarget, admit.OwnFile, admit.Excluded, admit.NotIncluded, admit.Unreadable,
	} {
		b.ReceiverPm2SkippedFiles.Add(ctx, 0, metric.WithAttributes(attribute.String("reason", string(reason))))
	}
}

func (m *meter) observe(t *tail.Tailer) error {
	err := m.builder.RegisterReceiverPm2LagCallback(func(_ context.Context, o metric.Int64Observer) error {
		files := 0
		t.Lag(func(path string, bytes int64) {
			if files++; files <= maxLagFiles {
				o.Observe(bytes, metric.WithAttributes(attribute.String("file", safetext.Clean(path))))
			}
		})
		return nil
	})
	if err != nil {
		return err
	}
	return m.builder.RegisterReceiverPm2CheckpointAgeCallback(func(_ context.Context, o metric.Float64Observer) error {
		o.Observe(t.Age().Seconds())
		return nil
	})
}

func (m *meter) shutdown() { m.builder.Shutdown() }

// Read implements tail.Meter.
func (m *meter) Read(bytes int, s decode.Stats) {
	ctx := context.Background()
	m.builder.ReceiverPm2ReadBytes.Add(ctx, int64(bytes))
	m.builder.ReceiverPm2Lines.Add(ctx, int64(s.Records))
	for _, c := range []struct {
		counter metric.Int64Counter
		n       int
	}{
		{m.builder.ReceiverPm2RawLines, s.Raw},
		{m.builder.ReceiverPm2JoinedRecords, s.Joined},
		{m.builder.ReceiverPm2CutRecords, s.Cut},
		{m.builder.ReceiverPm2RepairedRecords, s.Repaired},
	} {
		if c.n > 0 {
			c.counter.Add(ctx, int64(c.n))
		}
	}
}

// Truncated implements tail.Meter.
func (m *meter) Truncated() { m.builder.ReceiverPm2Truncations.Add(context.Background(), 1) }

// Rotated implements tail.Meter.
func (m *meter) Rotated() { m.builder.ReceiverPm2Rotations.Add(context.Background(), 1) }

// Recovered implements tail.Meter.
func (m *meter) Recovered() { m.builder.ReceiverPm2RecoveredCopies.Add(context.Background(), 1) }

// Skipped implements tail.Meter.
func (m *meter) Skipped(reason admit.Reason) {
	m.builder.ReceiverPm2SkippedFiles.Add(context.Background(), 1, metric.WithAttributes(attribute.String("reason", string(reason))))
}

// Passed implements tail.Meter.
func (m *meter) Passed(bytes int64) {
	m.builder.ReceiverPm2PassedBytes.Add(context.Background(), bytes)
}

// Split implements tail.Meter.
func (m *meter) Split() { m.builder.ReceiverPm2SplitStreams.Add(context.Background(), 1) }

// Lost implements tail.Meter.
func (m *meter) Lost() { m.builder.ReceiverPm2LostLines.Add(context.Background(), 1) }

// Redelivered implements tail.Meter.
func (m *meter) Redelivered(records int) {
	m.builder.ReceiverPm2RedeliveredRecords.Add(context.Background(), int64(records))
}

func (m *meter) rejected(records int) {
	m.builder.ReceiverPm2RefusedRecords.Add(context.Background(), int64(records))
}
