// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package e2e tests whole pipelines through the built binary, as users run it, and the
// contracts between components. It has no code of its own.
//
// make build builds the binary. A test that needs missing software is skipped and names it.
// With REQUIRE_REAL=1 it fails instead.
package e2e
