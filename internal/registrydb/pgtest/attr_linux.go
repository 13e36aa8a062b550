// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pgtest

import "syscall"

// attributes makes a process end with the thread that started it, so that a test
// that dies leaves no server behind.
func attributes(c *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: c, Pdeathsig: syscall.SIGKILL}
}
