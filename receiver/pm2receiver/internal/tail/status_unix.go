//go:build unix

package tail

import (
	"io/fs"
	"os"
	"syscall"
)

// openFolder opens a folder and nothing that was put in its place: to open a pipe
// waits for its writer.
const openFolder = os.O_RDONLY | syscall.O_DIRECTORY | syscall.O_NONBLOCK

func statusOf(info fs.FileInfo) status {
	s := status{size: info.Size(), modified: info.ModTime().UnixNano(), links: 1}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.device, s.inode, s.links = uint64(sys.Dev), sys.Ino, uint64(sys.Nlink) //nolint:unconvert // it is narrower on other platforms
	}
	return s
}
