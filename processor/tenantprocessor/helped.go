// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// helped counts encoded requests in the series in which the helper of the collector counts
// decoded ones. The helper has no way to count others. Instruments of the same scope, name, unit
// and description are the same instrument.
type helped struct {
	incoming, outgoing metric.Int64Counter
	duration           metric.Float64Histogram
	attributes         metric.MeasurementOption
}

// helperScope is the name of the helper's meter.
const helperScope = "go.opentelemetry.io/collector/processor/processorhelper"

func newHelped(set processor.Settings, signal tenant.Signal) (h helped, err error) {
	meter := set.MeterProvider.Meter(helperScope)
	var errs [3]error
	h.incoming, errs[0] = meter.Int64Counter("otelcol_processor_incoming_items",
		metric.WithDescription("Number of items passed to the processor. [Alpha]"), metric.WithUnit("{item}"))
	h.outgoing, errs[1] = meter.Int64Counter("otelcol_processor_outgoing_items",
		metric.WithDescription("Number of items emitted from the processor. [Alpha]"), metric.WithUnit("{item}"))
	h.duration, errs[2] = meter.Float64Histogram("otelcol_processor_internal_duration",
		metric.WithDescription("Duration of time taken to process a batch of telemetry data through the processor. [Alpha]"), metric.WithUnit("s"))
	h.attributes = metric.WithAttributeSet(attribute.NewSet(
		attribute.String("processor", set.ID.String()), attribute.String("otel.signal", signal.String())))
	return h, errors.Join(errs[:]...)
}

// processed counts a request that the processor has stamped in the time took.
func (h *helped) processed(ctx context.Context, records int, took time.Duration) {
	h.duration.Record(ctx, took.Seconds(), h.attributes)
	h.incoming.Add(ctx, int64(records), h.attributes)
	h.outgoing.Add(ctx, int64(records), h.attributes)
}
