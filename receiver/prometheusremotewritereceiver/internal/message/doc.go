// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package message decodes the messages of Prometheus remote write, 1.0 and 2.0,
// without reflection. A decoder yields one series at a time in memory that it uses
// again, so that its caller decides what is kept and what it may cost.
package message
