//go:build unix

package guard

import (
	"syscall"
	"time"
)

// processTime returns how long the process has used processors, or 0.
func processTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
