// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package prometheusremotewritereceiver

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guardedhttp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/metadata"
)

// NewFactory returns the factory of the prometheus_remote_write receiver.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(metadata.Type, createDefaultConfig, receiver.WithMetrics(createMetrics, metadata.MetricsStability))
}

func createDefaultConfig() component.Config {
	return &Config{
		ServerConfig:         guardedhttp.NewDefaultConfig(defaultEndpoint),
		Path:                 "/api/v1/write",
		MaxDecodedSize:       64 * bytesize.MiB,
		MaxFamiliesPerTenant: 50_000,
		MaxTargetsPerTenant:  10_000,
		MaxRememberedBytes:   64 * bytesize.MiB,
		Guard:                component.MustNewID("request_guard"),
	}
}

func createMetrics(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
	set.Logger = safetext.Logger(set.Logger)
	return newReceiver(set, cfg.(*Config), next)
}
