// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenantregistryextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// NewFactory returns the factory of the tenant_registry extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, create, metadata.ExtensionStability)
}

func createDefaultConfig() component.Config {
	return &Config{Postgres: PostgresConfig{Timeout: 5 * time.Second}, PollInterval: 250 * time.Millisecond}
}

func create(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	set.Logger = safetext.Logger(set.Logger)
	return newRegistry(set, cfg.(*Config))
}
