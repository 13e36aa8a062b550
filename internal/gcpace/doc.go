// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package gcpace decides how often the Go runtime collects garbage: not while the heap is smaller than a
// floor, and sooner than usual while requests in flight hold much memory.
package gcpace
