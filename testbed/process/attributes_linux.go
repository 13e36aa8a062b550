package process

import "syscall"

// childAttributes makes the kernel end the child when its parent dies, so that
// an interrupted test or demonstration leaves nothing behind, and keeps Ctrl-C
// of the terminal from reaching the child before its parent ends it in order.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
