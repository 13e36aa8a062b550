// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionauth"
)

// The configuration selects one of these types. A receiver that names an extension
// without a server part, or an exporter that names one without a client part, fails at
// the start and not at its first request.
type (
	serverExtension struct{ *serverAuth }
	clientExtension struct{ *clientAuth }
	bothExtension   struct {
		*serverAuth
		*clientAuth
	}
)

var (
	_ extension.Extension      = serverExtension{}
	_ extensionauth.Server     = serverExtension{}
	_ extension.Extension      = clientExtension{}
	_ extensionauth.HTTPClient = clientExtension{}
	_ extensionauth.GRPCClient = clientExtension{}
	_ extension.Extension      = bothExtension{}
	_ extensionauth.Server     = bothExtension{}
	_ extensionauth.HTTPClient = bothExtension{}
	_ extensionauth.GRPCClient = bothExtension{}
)

func newExtension(set extension.Settings, cfg *Config) (extension.Extension, error) {
	if cfg.Registry == nil {
		return clientExtension{newClient(set, cfg)}, nil
	}
	checker, err := newServerAuth(set, cfg)
	if err != nil {
		return nil, err
	}
	if !cfg.Client.HasValue() {
		return serverExtension{checker}, nil
	}
	return bothExtension{checker, newClient(set, cfg)}, nil
}

func newClient(set extension.Settings, cfg *Config) *clientAuth {
	s := newClientAuth(set.Logger, cfg.Client.Get())
	s.watch.id = set.ID
	return s
}

// Start implements component.Component.
func (b bothExtension) Start(ctx context.Context, host component.Host) error {
	if err := b.serverAuth.Start(ctx, host); err != nil {
		return err
	}
	if err := b.clientAuth.Start(ctx, host); err != nil {
		return errors.Join(err, b.serverAuth.Shutdown(context.WithoutCancel(ctx)))
	}
	return nil
}

// Shutdown implements component.Component.
func (b bothExtension) Shutdown(ctx context.Context) error {
	return errors.Join(b.clientAuth.Shutdown(ctx), b.serverAuth.Shutdown(ctx))
}
