// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import "github.com/otelcol-tenant/otelcol-tenant/internal/gatewaystatus"

// findingsError is the error of a command that has printed findings. The findings are the message.
type findingsError struct{ errors, warnings int }

func (e findingsError) Error() string {
	return gatewaystatus.Counted(e.errors, "error", "errors") + ", " + gatewaystatus.Counted(e.warnings, "warning", "warnings")
}
