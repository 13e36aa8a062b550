package storagecheckextension

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/otelcol-tenant/otelcol-tenant/extension/storagecheckextension/internal/metadata"
)

// NewFactory returns the factory of the extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, create, metadata.ExtensionStability)
}

func createDefaultConfig() component.Config { return &Config{SetAsideAfter: 3} }

func create(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	return newStorageCheck(set, cfg.(*Config))
}
