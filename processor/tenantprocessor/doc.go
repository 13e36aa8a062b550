// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package tenantprocessor makes data say which tenant, host and environment it
// is from, whatever its sender wrote there, and rejects what has no tenant or
// must not pass.
package tenantprocessor
