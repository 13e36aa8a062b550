//go:build !linux

package process

import "syscall"

func childAttributes() *syscall.SysProcAttr { return nil }
