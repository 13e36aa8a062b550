// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package tenantprocessor sets the tenant, host and environment of data, overwriting the sender's
// values, and rejects data that has no tenant or exceeds limits.
package tenantprocessor
