// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package tenantroutingexporter delivers each tenant's telemetry to the destinations that the tenant
// registry routes it to. Every tenant, destination and signal has its own lane: a queue with a retry
// timer and a circuit breaker, so that a failing destination of one tenant does not delay the data of others.
package tenantroutingexporter

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml
