// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"math"
)

// meter counts what a walker finds and compares it with the limits.
type meter struct {
	records  int
	depth    int
	elements int64 // remaining of maxElements; negative: exceeded
	memory   int64 // remaining of maxMemory; negative: exceeded

	maxDepth    int
	maxElements int64
	maxMemory   int64
}

// newMeter returns a meter with the limits, in which zero means none.
func newMeter(limits Limits) meter {
	m := meter{maxDepth: limits.Depth, maxElements: int64(limits.Elements), maxMemory: limits.Memory}
	if m.maxDepth <= 0 || m.maxDepth > maxDepth {
		m.maxDepth = maxDepth
	}
	if m.maxElements <= 0 {
		m.maxElements = math.MaxInt64
	}
	if m.maxMemory <= 0 {
		m.maxMemory = math.MaxInt64
	}
	m.elements, m.memory = m.maxElements, m.maxMemory-requestSize
	return m
}

// check returns an error at this position if a limit is exceeded.
func (m *meter) check(pos int) *Error {
	if m.elements|m.memory >= 0 {
		return nil
	}
	if m.elements < 0 {
		return &Error{Reason: ReasonElements, Limit: m.maxElements, Offset: pos}
	}
	return &Error{Reason: ReasonMemory, Limit: m.maxMemory, Offset: pos}
}

// nest records a value of this depth.
func (m *meter) nest(depth, pos int) *Error {
	if depth > m.maxDepth {
		return &Error{Reason: ReasonDepth, Limit: int64(m.maxDepth), Offset: pos}
	}
	m.depth = max(m.depth, depth)
	return nil
}

// result returns the counts and err. It converts a nil *Error to a nil error.
func (m *meter) result(err *Error) (Counts, error) {
	c := Counts{
		Records:  m.records,
		Elements: int(m.maxElements - m.elements),
		Depth:    m.depth,
		Memory:   m.maxMemory - m.memory,
	}
	if err != nil {
		return c, err
	}
	return c, nil
}
