// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package tenantprocessor stamps data with its tenant, host and environment,
// whatever its sender claims, and rejects data without a tenant, of a suspended
// tenant, or over a limit. Who may send is decided in internal/admission, what is
// written in internal/stamp, and limits in internal/ratelimit.
package tenantprocessor
