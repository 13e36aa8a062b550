// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package bearerkeyauthextension authenticates incoming requests and derives their
// tenant from the API key alone (server). It adds an API key to outgoing requests
// (client).
package bearerkeyauthextension
