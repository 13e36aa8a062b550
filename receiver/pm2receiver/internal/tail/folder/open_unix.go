// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package folder

import (
	"os"
	"syscall"
)

// openFlags open a folder and nothing that replaced it: opening a pipe would wait for its
// writer.
const openFlags = os.O_RDONLY | syscall.O_DIRECTORY | syscall.O_NONBLOCK
