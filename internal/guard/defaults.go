// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"runtime"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard/capacity"
)

// DefaultMemory returns the default of Settings.Memory in bytes. The process can need twice as
// much, because requests that have ended stay in memory until a garbage collection.
func DefaultMemory() int64 {
	limit, _ := MemoryLimit()
	if limit == 0 {
		return capacity.MaxMemory
	}
	return min(max(limit/8, capacity.MinMemory), capacity.MaxMemory)
}

// Connections are bounded by file descriptors and by the memory that each needs.
const (
	minReservedFiles    = 64
	connectionMemory    = 128 << 10 // memory of the process for each connection
	maxConnections      = 8192
	connectionsFallback = 1024 // if the limit of file descriptors is not known
)

// DefaultConnections returns the default of ConnectionSettings.Max. It leaves a quarter of the
// file descriptors, and at least 64, to the registry, storage, health, metrics and exporters.
func DefaultConnections() int {
	n := int64(maxConnections)
	if limit, _ := MemoryLimit(); limit > 0 {
		n = min(n, limit/connectionMemory)
	}
	if files, ok := fileLimit(); ok {
		n = min(n, files-max(minReservedFiles, files/4))
	} else {
		n = min(n, connectionsFallback)
	}
	return int(max(n, 1))
}

// DefaultThrottleAbove returns the default of Settings.ThrottleAbove in per cent: all processors
// but two thirds of one, and at least half.
func DefaultThrottleAbove() int {
	n := runtime.GOMAXPROCS(0)
	return max(50, (100*n-67)/n)
}
