// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Why requests are decoded, beside the reasons of [stamp.Slow].
const (
	whyOff         = "off"          // direct is not set
	whyJSON        = "json"         // JSON always is
	whyNotAdmitted = "not_admitted" // the processor rejects the request
	whyMemory      = "memory"       // there is no memory for a copy
)

// ways counts requests by the way that they took. It is safe for concurrent use.
type ways struct {
	counter metric.Int64Counter
	signals [3]map[string]metric.AddOption // by reason
}

func newWays(counter metric.Int64Counter) *ways {
	w := &ways{counter: counter}
	reasons := []string{whyOff, whyJSON, whyNotAdmitted, whyMemory}
	for why := range stamp.NumSlow {
		reasons = append(reasons, why.String())
	}
	for _, signal := range tenant.AllSignals() {
		w.signals[signal] = make(map[string]metric.AddOption, len(reasons))
		for _, why := range reasons {
			path := "decoded"
			if why == stamp.SlowNone.String() {
				path = "direct"
			}
			attrs := metric.WithAttributeSet(attribute.NewSet(
				attribute.String("signal", signal.String()), attribute.String("path", path), attribute.String("reason", why)))
			w.signals[signal][why] = attrs
			counter.Add(context.Background(), 0, attrs) // the series exists before the first event
		}
	}
	return w
}

// direct counts a request that is not decoded.
func (w *ways) direct(ctx context.Context, signal tenant.Signal) {
	w.decoded(ctx, signal, stamp.SlowNone.String())
}

// decoded counts a request that is decoded for a reason.
func (w *ways) decoded(ctx context.Context, signal tenant.Signal, why string) {
	w.counter.Add(ctx, 1, w.signals[signal][why])
}
