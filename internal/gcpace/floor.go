// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gcpace

import "math"

// The default floor is a sixth of the soft memory limit, within these bounds.
const (
	minFloor = 32 << 20
	maxFloor = 128 << 20

	// leastLimit is the soft memory limit from which on there is a floor. A process with less
	// memory has none to spare.
	leastLimit = 96 << 20

	// unlimitedFloor is the most without a soft memory limit.
	unlimitedFloor = 64 << 20
)

// DefaultFloor returns the default floor of a process that may use memory bytes, which is the limit of a
// control group or the memory of the machine, and 0 if unknown. soft is the soft memory limit of the
// Go runtime, and math.MaxInt64 if there is none. The result is 0 if the process has little memory.
func DefaultFloor(soft, memory int64, group bool) int64 {
	switch {
	case soft != math.MaxInt64:
		return floorOf(soft)
	case memory <= 0:
		return unlimitedFloor
	case group:
		return floorOf(memory / 4 * 3) // as the soft limit would be
	}
	return min(unlimitedFloor, floorOf(memory/4*3))
}

// floorOf returns the floor for a soft memory limit. It is at most a third of the limit, because not all
// memory is heap.
func floorOf(soft int64) int64 {
	if soft < leastLimit {
		return 0
	}
	return min(max(soft/6, minFloor), maxFloor, soft/3)
}
