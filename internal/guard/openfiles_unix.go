// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package guard

import "syscall"

// fileLimit returns how many files the process may have open. The Go runtime has raised the
// soft limit to the hard one.
func fileLimit() (int64, bool) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	const many = 1 << 30 // also for "unlimited"
	return int64(min(limit.Cur, many)), true
}
