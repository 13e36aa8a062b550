// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package requestguardextension bounds what callers can make a collector hold:
// requests, bytes and connections, for each tenant and in total. The algorithms are
// in internal/guard.
package requestguardextension
