//go:build !linux

package guard

// MemoryLimit returns how many bytes of memory the process may use, and whether a
// control group says so. Zero: it is not known.
func MemoryLimit() (limit int64, cgroup bool) { return 0, false }
