// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lokipushreceiver

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guardedhttp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/lokipushreceiver/internal/metadata"
)

// NewFactory returns the factory of the loki_push receiver.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(metadata.Type, createDefaultConfig, receiver.WithLogs(createLogs, metadata.LogsStability))
}

func createDefaultConfig() component.Config {
	return &Config{
		ServerConfig:   guardedhttp.NewDefaultConfig(defaultEndpoint),
		MaxDecodedSize: 64 * bytesize.MiB,
		MaxLineSize:    256 * bytesize.KiB,
		Guard:          component.MustNewID("request_guard"),
	}
}

func createLogs(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
	set.Logger = safetext.Logger(set.Logger)
	return newReceiver(set, cfg.(*Config), next)
}
