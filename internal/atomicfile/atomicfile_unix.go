// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives f the owner of old. It does nothing if they have the same
// owner already, so that no privilege is needed in the common case.
func keepOwner(f *os.File, old fs.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	is, ok := now.Sys().(*syscall.Stat_t)
	want, okOld := old.Sys().(*syscall.Stat_t)
	if !ok || !okOld || (is.Uid == want.Uid && is.Gid == want.Gid) {
		return nil
	}
	return f.Chown(int(want.Uid), int(want.Gid))
}

// SyncDir makes the creation, removal and renaming of files in dir survive a crash of
// the machine.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
