// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package requestguardextension

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/otelcol-tenant/otelcol-tenant/extension/requestguardextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// NewFactory returns the factory of the extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, create, metadata.ExtensionStability)
}

func create(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	set.Logger = safetext.Logger(set.Logger)
	return newRequestGuard(set, cfg.(*Config))
}
