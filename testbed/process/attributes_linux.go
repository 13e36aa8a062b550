// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package process

import "syscall"

// childAttributes makes the kernel kill the child when its parent dies, so that an
// interrupted test or demonstration leaves no process behind. A process group of its own
// keeps the terminal's Ctrl-C from the child: the parent stops its children in order.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
