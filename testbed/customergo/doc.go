// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package customergo pins the modules of OpenTelemetry's Go SDK with which the example for Go
// in docs/customer-guide.md is built and run.
package customergo

import (
	_ "go.opentelemetry.io/otel"
	_ "go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	_ "go.opentelemetry.io/otel/sdk/trace"
)
