package guard

import "runtime"

// The guard's memory is an eighth of what the process may use, between these. What
// lanes and destinations make of accepted requests, and garbage, take as much again.
const (
	minMemory = 32 << 20
	maxMemory = 64 << 20
)

// DefaultMemory returns the memory that requests in flight may hold if nothing is
// configured. What is held twice over until a garbage collection is as much again.
func DefaultMemory() int64 {
	limit, _ := MemoryLimit()
	if limit == 0 {
		return maxMemory
	}
	return min(max(limit/8, minMemory), maxMemory)
}

// Connections are bounded by file descriptors and by what each holds in memory.
const (
	minReservedFiles    = 64
	connectionMemory    = 128 << 10 // of the process's memory for each connection
	maxConnections      = 8192
	connectionsFallback = 1024
)

// DefaultConnections returns how many connections there may be if nothing is
// configured. A quarter of the file descriptors, and at least 64, is left to the
// registry, storage, health, metrics and exporters.
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

// DefaultThrottleAbove returns how many per cent of the processors may be used before
// tenants that use more than others are slowed down: all but two thirds of one, and at
// least half.
func DefaultThrottleAbove() int {
	n := runtime.GOMAXPROCS(0)
	return max(50, (100*n-67)/n)
}
