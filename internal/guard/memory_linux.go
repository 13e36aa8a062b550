// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// MemoryLimit returns how many bytes of memory the process may use, and whether this is the
// limit of a control group. Otherwise it is the memory of the machine, or zero if that is not
// known.
func MemoryLimit() (limit int64, cgroup bool) {
	return memoryLimit("/")
}

// memoryLimit implements MemoryLimit with the files under root.
func memoryLimit(root string) (limit int64, cgroup bool) {
	if info := (syscall.Sysinfo_t{}); syscall.Sysinfo(&info) == nil {
		limit = int64(info.Totalram) * int64(info.Unit)
	}
	groups, err := os.ReadFile(path.Join(root, "proc/self/cgroup"))
	if err != nil {
		return limit, false
	}
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		base, file := path.Join(root, "sys/fs/cgroup"), "memory.max"
		if parts[0] != "0" {
			if !strings.Contains(","+parts[1]+",", ",memory,") {
				continue
			}
			base, file = path.Join(base, "memory"), "memory.limit_in_bytes"
		}
		if n, ok := groupLimit(base, parts[2], file); ok && (limit == 0 || n < limit) {
			limit, cgroup = n, true
		}
	}
	return limit, cgroup
}

// groupLimit returns the smallest limit of a group and its ancestors. In a container the group
// often has its name on the host, and only the root exists.
func groupLimit(base, group, file string) (limit int64, ok bool) {
	for dir := path.Clean("/" + group); ; dir = path.Dir(dir) {
		if text, err := os.ReadFile(path.Join(base, dir, file)); err == nil {
			n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			if err == nil && n > 0 && (!ok || n < limit) {
				limit, ok = n, true
			}
		}
		if dir == "/" {
			return limit, ok
		}
	}
}
