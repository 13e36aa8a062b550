// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package history compares the history of a registry with the version that was
// accepted last, so that a restored backup is not taken for a change.
//
// Every change gives a registry a new revision number and a random token. A
// [Version] identifies one revision; a gateway remembers that of the registry it
// accepted last. A registry that the gateway reads later must have this version in
// its history ([Compare]). A registry that does not has another history, such as a
// restored backup with later changes: keys that were revoked after the backup would
// work again. Gateways reject it until an operator accepts it with "tenantctl
// registry accept-restore", which starts a later epoch.
//
// Independently of versions, [Reactivated] finds keys and tenants that were ended
// and would be valid again.
package history
