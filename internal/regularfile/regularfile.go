// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package regularfile opens files that other programs create, without blocking. Opening a
// named pipe blocks until another program writes to it, and a component that is blocked can
// neither try again nor shut down.
package regularfile

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Open opens the regular file at path for reading. It returns an error for anything else, and
// never blocks on a pipe or a device.
func Open(path string) (file *os.File, err error) {
	file, err = os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
