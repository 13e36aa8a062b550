// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import "fmt"

// Reason is the rule that a request violates.
type Reason string

// The reasons.
const (
	ReasonMalformed    Reason = "malformed"     // pdata cannot decode it
	ReasonDepth        Reason = "depth"         // Limits.Depth
	ReasonElements     Reason = "elements"      // Limits.Elements
	ReasonMemory       Reason = "memory"        // Limits.Memory
	ReasonTrailingData Reason = "trailing_data" // more than one JSON document
)

// Error describes why a request is rejected. Its text never contains content of the
// request.
type Error struct {
	Reason Reason
	// Limit is the exceeded limit, or 0 for a reason without one.
	Limit int64
	// Offset is the position in the encoded request where the check stopped.
	Offset int

	detail string // what is malformed
}

// Error implements error.
func (e *Error) Error() string {
	switch e.Reason {
	case ReasonDepth:
		return fmt.Sprintf("the request nests values deeper than %d levels", e.Limit)
	case ReasonElements:
		return fmt.Sprintf("the request has more than %d elements (resources, records, attributes, values and the like)", e.Limit)
	case ReasonMemory:
		return fmt.Sprintf("the request needs more than %d bytes of memory when it is decoded", e.Limit)
	case ReasonTrailingData:
		return fmt.Sprintf("the JSON document ends before byte %d, but other data follows", e.Offset)
	default:
		return fmt.Sprintf("the request is malformed at byte %d: %s", e.Offset, e.detail)
	}
}

// malformed returns an error with ReasonMalformed.
func malformed(pos int, detail string) *Error {
	return &Error{Reason: ReasonMalformed, Offset: pos, detail: detail}
}
