// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/container"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
)

// NewFactory returns the factory of the pm2 receiver.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(metadata.Type, createDefaultConfig,
		receiver.WithLogs(createLogs, metadata.LogsStability), receiver.WithMetrics(createMetrics, metadata.MetricsStability))
}

func createDefaultConfig() component.Config {
	return &Config{
		StartAt:              StartAtBeginning,
		PollInterval:         100 * time.Millisecond,
		Timezone:             "Local",
		MaxLineSize:          bytesize.MiB,
		MaxBufferSize:        64 * bytesize.MiB,
		ParseApplicationJSON: true,
		StackTraces:          StackTracesJoin,
		Container:            container.Auto,
		ProcessList:          defaultProcessListConfig(),
		ANSI:                 ANSIStrip,
		Metrics:              defaultMetricsConfig(),
	}
}

func createLogs(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
	set.Logger = safetext.Logger(set.Logger) // applications choose the names of their files
	return newLogsReceiver(set, cfg.(*Config), next)
}

func createMetrics(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
	set.Logger = safetext.Logger(set.Logger)
	return newMetricsReceiver(set, cfg.(*Config), next)
}
