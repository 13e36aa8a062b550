// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package backend sends batches to destinations: OTLP servers over HTTP and gRPC, and archives of
// files. It converts each answer to a [lane.Verdict].
//
// Targets with the same endpoint and transport settings share clients and connections. Settings that
// differ by tenant, such as headers, apply to each request.
package backend
