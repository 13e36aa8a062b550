// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/extension"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenanthealthextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// NewFactory returns the factory of the extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, create, metadata.ExtensionStability)
}

func createDefaultConfig() component.Config {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint = "localhost:13133"
	return &Config{ServerConfig: server, Path: "/health", RegistryMaxAge: time.Minute, Conditions: configoptional.Default(defaultConditions()), Status: configoptional.Default(defaultStatus())}
}

func create(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	set.Logger = safetext.Logger(set.Logger)
	return newServer(set, cfg.(*Config))
}
