// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package prometheusremotewritereceiver receives metrics over Prometheus remote write,
// 1.0 and 2.0, from Prometheus, vmagent and other senders.
package prometheusremotewritereceiver
