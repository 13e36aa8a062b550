// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package direct connects a receiver of encoded requests with the tenant processor and the
// exporter of its pipelines, so that a request that needs no decoding goes from one to the
// other as bytes. Components post what they do on the [Board] of an extension, because they
// cannot import each other, and because a pipeline only passes decoded data on.
package direct
