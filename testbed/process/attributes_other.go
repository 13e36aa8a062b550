// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !linux

package process

import "syscall"

func childAttributes() *syscall.SysProcAttr { return nil }
