// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package layout holds the rules of the source tree as tests: who may import
// whom, that every package says what it is for, and that the manifest names
// every component. It has no code of its own.
package layout
