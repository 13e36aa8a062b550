// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import "runtime"

// allocated returns how many bytes f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc) //nolint:gosec // far below the largest number
}
