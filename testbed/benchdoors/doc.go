// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package benchdoors measures what receivers of other protocols than OTLP would cost
// written the usual way. It is a module of its own, so that the libraries of that way do
// not change the product's versions.
package benchdoors
