// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package tenantregistryextension keeps the tenants, keys, limits and routes of a
// gateway current: it reads them from a file or a database, applies every change
// within a second, and keeps the last valid registry while the source is not valid or
// not available.
package tenantregistryextension
