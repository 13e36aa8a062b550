// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import "fmt"

// findingsError is the error of a command that has printed findings. The findings are the message.
type findingsError struct{ errors, warnings int }

func (e findingsError) Error() string {
	return fmt.Sprintf("%d errors, %d warnings", e.errors, e.warnings)
}
