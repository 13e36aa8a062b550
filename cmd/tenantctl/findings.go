// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import "fmt"

// findingsError is the error of a command that has printed findings. The findings are the message.
type findingsError struct{ faults, warnings int }

func (e findingsError) Error() string {
	return fmt.Sprintf("%d faults, %d warnings", e.faults, e.warnings)
}
