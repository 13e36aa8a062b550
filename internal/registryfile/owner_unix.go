//go:build unix

package registryfile

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives f the owner of old. It asks for nothing when they are the
// same already, so that only who changes the owner needs the right to.
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
