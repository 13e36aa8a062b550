// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/otelcol-tenant/otelcol-tenant/internal/redact"
)

// authOf returns the authenticator of a client if it can list the secrets that it adds to requests.
func (d *Destination) authOf(auth configoptional.Optional[configauth.Config]) redact.Holder {
	if !auth.HasValue() {
		return nil
	}
	holder, _ := d.pool.extensions()[auth.Get().AuthenticatorID].(redact.Holder)
	return holder
}

// addHeld adds the secrets of an authenticator.
func addHeld(secrets *redact.Secrets, auth redact.Holder) {
	if auth == nil {
		return
	}
	for _, secret := range auth.Secrets() {
		secrets.Add(secret)
	}
}
