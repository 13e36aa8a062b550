// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package operate holds the operator's actions on the registry of a gateway:
// create and change tenants, create, rotate and revoke keys, check and import
// the registry, accept a restored backup, read and verify the audit log, list and
// replay dead letters, and write the text that a new tenant needs.
//
// Each action of a [Registry] that changes something is one edit. The change
// and its entry in the audit log are both made or neither is, and running
// gateways apply the change within a second. The package knows no command line,
// no terminal and no exit codes: command tenantctl is one of its callers.
package operate
