// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stacks

import "slices"

// State is what a Joiner holds back between two blocks of a file. It is part of
// the checkpoint.
type State struct {
	Held []Held `json:"held,omitempty"`
}

// Clone returns a copy that shares no memory that is written again.
func (s State) Clone() State {
	held := slices.Clone(s.Held)
	for i := range held {
		held[i].Lines = slices.Clone(held[i].Lines)
		if held[i].Open && held[i].Kind == kindNone { // of an earlier release
			held[i].Kind = kindAt
		}
	}
	return State{Held: held}
}
