// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package healthclient asks the health endpoint of a collector on this machine, which the
// extension tenant_health serves. Everything outside of the collector that reads /health
// does so with it.
package healthclient
