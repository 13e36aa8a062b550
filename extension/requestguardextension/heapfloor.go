// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package requestguardextension

import (
	"fmt"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
)

// HeapFloor says who chooses the size of the heap below which the Go runtime collects no
// garbage, or is that size. The environment variable GOGC has precedence.
type HeapFloor string

const (
	// HeapFloorAuto is a sixth of the soft memory limit of the Go runtime, within bounds.
	HeapFloorAuto HeapFloor = "auto"
	// HeapFloorOff is no floor.
	HeapFloorOff HeapFloor = "off"
)

// The bounds of a configured floor. The runtime itself collects no garbage below 4 MiB times GOGC / 100.
const (
	minHeapFloor = 16 * bytesize.MiB
	maxHeapFloor = bytesize.GiB
)

// size returns the floor if it is one, and 0 for auto and off.
func (f HeapFloor) size() (bytesize.Size, error) { return sizeOrWord(string(f)) }

func (f HeapFloor) check() error {
	size, err := f.size()
	switch {
	case err != nil:
		return fmt.Errorf(`"heap_floor" must be auto, off or a size such as 64MiB, got %q`, f)
	case size != 0 && (size < minHeapFloor || size > maxHeapFloor):
		return fmt.Errorf(`"heap_floor" must be %v to %v, got %v`, minHeapFloor, maxHeapFloor, size)
	}
	return nil
}

// fits returns an error if a floor leaves too little of the memory of a control group or machine.
// memory is 0 if it is not known.
func fits(floor bytesize.Size, memory int64) error {
	if memory > 0 && int64(floor) > memory/2 {
		return fmt.Errorf(`"heap_floor" must be at most half of the memory of the control group or machine, which is %v, got %v`, bytesize.Size(memory), floor)
	}
	return nil
}
