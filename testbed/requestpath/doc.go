// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package requestpath measures what a request costs between a receiver and the
// exporter: our authenticator and tenant processor beside upstream's bearer token
// authenticator and attributes processor. It is a module of its own so that what
// it compares with stays out of the product's.
package requestpath
