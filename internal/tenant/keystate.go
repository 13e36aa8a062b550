// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenant

import "time"

// The states of a key.
const (
	KeyActive  = "active"
	KeyPending = "pending" // before NotBefore
	KeyExpired = "expired"
	KeyRevoked = "revoked"
)

// State returns the state in which gateways see the key at the time now. It does not look at the status of the
// tenant.
func (k *Key) State(now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero(): // also if the time is in the future
		return KeyRevoked
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return KeyExpired
	case now.Before(k.NotBefore):
		return KeyPending
	default:
		return KeyActive
	}
}
