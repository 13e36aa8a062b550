// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import (
	"fmt"
	"slices"
	"time"
)

// ContainerMode says whether a file is the log of a container.
type ContainerMode string

// Modes.
const (
	UnknownContainer ContainerMode = ""
	IsContainer      ContainerMode = "container"
	NoContainer      ContainerMode = "none"
)

// ContainerState is kept by the decoder of logs of containers.
type ContainerState struct {
	Mode ContainerMode `json:"mode,omitempty"`
	// File is the file of the last block, and Entries counts the entries of a container in a
	// row in a file that is not taken for its log.
	File    uint64 `json:"file,omitempty"`
	Entries int    `json:"entries,omitempty"`
	// Newlines is set once a record of PM2's had a newline.
	Newlines bool `json:"newlines,omitempty"`
	// Parts are lines that have begun, of stdout and stderr.
	Parts [2]Part `json:"parts,omitzero"`
	// Inner are the states of the decoders of what the container wrote.
	Inner []InnerState `json:"inner,omitempty"`
}

// InnerState is the state of a decoder of one stream and source.
type InnerState struct {
	Stderr bool  `json:"stderr,omitempty"`
	Source int   `json:"source,omitempty"`
	State  State `json:"state"`
}

// Part is a line of which not all parts are there.
type Part struct {
	Text   []byte    `json:"text,omitempty"`
	File   uint64    `json:"file,omitempty"`
	Offset int64     `json:"offset,omitempty"`
	Time   int64     `json:"time,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

// Clone returns a copy that shares no memory that is written again: the text only grows.
func (p Part) Clone() Part {
	p.Text = p.Text[:len(p.Text):len(p.Text)]
	return p
}

// mapTexts is [State.MapTexts] for the container.
func (s ContainerState) mapTexts(f func(id string, text []byte) []byte) ContainerState {
	for i := range s.Parts {
		if p := &s.Parts[i]; len(p.Text) > 0 {
			p.Text = f(fmt.Sprintf("c%d-%x-%x", i, p.File, p.Offset), p.Text)
		}
	}
	s.Inner = slices.Clone(s.Inner)
	for i := range s.Inner {
		x := &s.Inner[i]
		prefix := fmt.Sprintf("%t-%d-", x.Stderr, x.Source)
		x.State = x.State.MapTexts(func(id string, text []byte) []byte { return f(prefix+id, text) })
	}
	return s
}

// withoutHeld is [State.WithoutHeld] for the container.
func (s ContainerState) withoutHeld() (ContainerState, int) {
	held := 0
	for i := range s.Parts {
		if len(s.Parts[i].Text) > 0 {
			held++
		}
		s.Parts[i] = Part{}
	}
	s.Inner = slices.Clone(s.Inner)
	for i := range s.Inner {
		state, n := s.Inner[i].State.WithoutHeld()
		s.Inner[i].State = state
		held += n
	}
	return s, held
}
