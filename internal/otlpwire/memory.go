// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

// requestSize is what pdata allocates for an empty request.
const requestSize = 256

// Sizes of what pdata allocates on 64-bit machines. TestMemory compares them
// with the memory that pdata takes.
const (
	pointerSize  = 8
	stringSize   = 16
	numberSize   = 8
	booleanSize  = 1
	anyValueSize = 16
	keyValueSize = 40
	exemplarSize = 72
)

// blockSize returns the size of the block that the Go runtime allocates for n bytes,
// or slightly more.
func blockSize(n int64) int64 {
	if n <= 8 {
		if n <= 0 {
			return 0
		}
		return 8
	}
	if n > 256 {
		n += n >> 3 // size classes are wider apart, large objects are whole pages
	}
	return (n + 15) &^ 15
}

// copySize returns the memory of a copy of a string of n bytes. The Go runtime
// allocates nothing for strings of one byte.
func copySize(n int) int64 {
	if n <= 1 {
		return 0
	}
	return blockSize(int64(n))
}

// growth tracks the length and capacity of a slice to which pdata appends elements
// one at a time.
type growth struct{ length, capacity uint32 }

// slots are the slices of one message and of the messages merged into it.
type slots [4]growth

// at returns the slice in slot i.
func (s *slots) at(i uint8) *growth { return &s[i&3] }

// add returns the bytes that the next append allocates for elements of this size.
func (g *growth) add(size int64) int64 {
	g.length++
	if g.length <= g.capacity {
		return 0
	}
	return g.grow(size)
}

// grow mirrors growslice of the Go runtime.
func (g *growth) grow(size int64) int64 {
	switch {
	case g.capacity == 0:
		g.capacity = 1
	case g.capacity < 256:
		g.capacity *= 2
	default:
		g.capacity += (g.capacity + 3*256) / 4
	}
	return blockSize(int64(g.capacity) * size)
}

// set replaces the slice by one of n elements and returns its allocated bytes.
func (g *growth) set(n, size int64) int64 {
	g.length, g.capacity = uint32(n), uint32(n)
	return blockSize(n * size)
}

// grownBytes returns the bytes allocated when n bytes are appended one at a time to
// a slice of capacity first.
func grownBytes(n, first int64) int64 {
	sum := int64(0)
	for c := first; ; {
		sum += blockSize(c)
		if c >= n {
			return sum
		}
		if c < 256 {
			c *= 2
		} else {
			c += (c + 3*256) / 4
		}
	}
}
