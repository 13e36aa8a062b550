// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package guardedhttp serves HTTP for receivers whose requests a guard bounds: with a
// bound for connections, deadlines for requests that do not arrive or whose answer is
// not read, a place for panics to end, and a shutdown that ends.
package guardedhttp
