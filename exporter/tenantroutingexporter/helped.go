// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// helped counts encoded requests in the series in which the helper of the collector counts
// decoded ones. The helper has no way to count others. Instruments of the same scope, name, unit
// and description are the same instrument.
type helped struct {
	signals  [numSignals]helpedSignal
	inFlight metric.Int64UpDownCounter
	exporter metric.MeasurementOption
}

type helpedSignal struct {
	sent, failed metric.Int64Counter
	inFlight     metric.MeasurementOption
}

const (
	numSignals = 3

	// helperScope is the name of the helper's meter.
	helperScope = "go.opentelemetry.io/collector/exporter/exporterhelper"
)

// newHelped returns the instruments. They exist in the collector's own telemetry from the first
// request on, as those of the helper do.
func newHelped(set exporter.Settings) (*helped, error) {
	meter := set.MeterProvider.Meter(helperScope)
	id := attribute.String("exporter", set.ID.String())
	h := &helped{exporter: metric.WithAttributeSet(attribute.NewSet(id))}
	var errs []error
	counter := func(name, description, unit string) metric.Int64Counter {
		c, err := meter.Int64Counter("otelcol_exporter_"+name, metric.WithDescription(description), metric.WithUnit(unit))
		errs = append(errs, err)
		return c
	}
	const failed = " in failed attempts to send to destination. At detailed telemetry level, includes attributes: error.type (semantic convention), error.permanent. [Alpha]"
	h.signals[tenant.Logs] = helpedSignal{
		sent:   counter("sent_log_records", "Number of log record successfully sent to destination. [Alpha]", "{record}"),
		failed: counter("send_failed_log_records", "Number of log records"+failed, "{record}"),
	}
	h.signals[tenant.Metrics] = helpedSignal{
		sent:   counter("sent_metric_points", "Number of metric points successfully sent to destination. [Alpha]", "{datapoint}"),
		failed: counter("send_failed_metric_points", "Number of metric points"+failed, "{datapoint}"),
	}
	h.signals[tenant.Traces] = helpedSignal{
		sent:   counter("sent_spans", "Number of spans successfully sent to destination. [Alpha]", "{span}"),
		failed: counter("send_failed_spans", "Number of spans"+failed, "{span}"),
	}
	for _, signal := range tenant.AllSignals() {
		h.signals[signal].inFlight = metric.WithAttributeSet(attribute.NewSet(id, attribute.String("data_type", signal.String())))
	}
	var err error
	h.inFlight, err = meter.Int64UpDownCounter("otelcol_exporter_in_flight_requests",
		metric.WithDescription("Number of export requests currently in-flight (including retry backoff). [Development]"), metric.WithUnit("{request}"))
	return h, errors.Join(append(errs, err)...)
}

// send calls consume for a request with so many records.
func (h *helped) send(ctx context.Context, signal tenant.Signal, records int, consume func() error) error {
	s := &h.signals[signal]
	h.inFlight.Add(ctx, 1, s.inFlight)
	err := consume()
	h.inFlight.Add(ctx, -1, s.inFlight)
	if err == nil {
		s.sent.Add(ctx, int64(records), h.exporter)
		return nil
	}
	s.sent.Add(ctx, 0, h.exporter)
	s.failed.Add(ctx, int64(records), h.exporter, metric.WithAttributes(
		attribute.String("error.type", errorType(err)), attribute.Bool("error.permanent", consumererror.IsPermanent(err))))
	return err
}

// errorType returns what the helper takes for the type of an error.
func errorType(err error) string {
	switch st, ok := status.FromError(err); {
	case errors.Is(err, context.Canceled):
		return "Canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "Deadline_Exceeded"
	case ok && st.Code() != codes.OK:
		return st.Code().String()
	}
	return "_OTHER"
}
