// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package tenantotlpreceiver receives OTLP over gRPC and HTTP, as the otlp receiver
// does, with a guard in front of decoding: no request is read, decompressed or
// decoded beyond what its sender may use.
package tenantotlpreceiver
