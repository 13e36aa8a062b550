package bearerkeyauthextension

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionauth"
)

// The configuration decides which of these types an extension has, so that a
// receiver that is given a mere client, or an exporter that is given a mere
// server, fails at start and not at its first request.
type (
	serverExtension struct{ *keyChecker }
	clientExtension struct{ *keySender }
	bothExtension   struct {
		*keyChecker
		*keySender
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
		return clientExtension{newSender(set, cfg)}, nil
	}
	checker, err := newKeyChecker(set, cfg)
	if err != nil {
		return nil, err
	}
	if !cfg.Client.HasValue() {
		return serverExtension{checker}, nil
	}
	return bothExtension{checker, newSender(set, cfg)}, nil
}

func newSender(set extension.Settings, cfg *Config) *keySender {
	s := newKeySender(set.Logger, cfg.Client.Get())
	s.watch.id = set.ID
	return s
}

// Start implements component.Component.
func (b bothExtension) Start(ctx context.Context, host component.Host) error {
	if err := b.keyChecker.Start(ctx, host); err != nil {
		return err
	}
	if err := b.keySender.Start(ctx, host); err != nil {
		return errors.Join(err, b.keyChecker.Shutdown(context.WithoutCancel(ctx)))
	}
	return nil
}

// Shutdown implements component.Component.
func (b bothExtension) Shutdown(ctx context.Context) error {
	return errors.Join(b.keySender.Shutdown(ctx), b.keyChecker.Shutdown(ctx))
}
