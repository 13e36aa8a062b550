// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package translate makes OTLP metrics of remote-write series, such that Prometheus and
// Mimir behind an OTLP pipeline store the series that were sent.
package translate
