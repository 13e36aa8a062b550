// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !linux

package guard

// MemoryLimit returns 0 and false: the memory limit of the process is not known.
func MemoryLimit() (limit int64, cgroup bool) { return 0, false }
