// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package lokipushreceiver receives logs over the push API of Loki, in JSON and protobuf,
// from Grafana Alloy, promtail, winston-loki, pino-loki and other clients of Loki.
package lokipushreceiver
