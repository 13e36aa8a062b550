// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package guard

import (
	"syscall"
	"time"
)

// processTime returns the processor time of the process, or 0 if it is not known.
func processTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
