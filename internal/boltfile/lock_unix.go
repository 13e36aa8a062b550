// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix && !solaris && !aix

package boltfile

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the lock that bbolt takes, shared and without waiting. Closing f
// gives it back.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
