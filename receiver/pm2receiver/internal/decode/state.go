// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import (
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/applog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/stacks"
)

// State is what is left over between two blocks: it is part of the checkpoint.
type State struct {
	Lines  lines.State   `json:"lines"`
	Stacks stacks.State  `json:"stacks,omitzero"`
	Log    applog.Memory `json:"log,omitzero"`
	// Daemon is kept by the decoder of the log of PM2 itself.
	Daemon DaemonState `json:"daemon,omitzero"`
	// Container is kept by the decoder of logs of containers.
	Container ContainerState `json:"container,omitzero"`
}

// MapTexts returns a copy of the state in which f has replaced the partial lines, which may be
// long. No two texts of a state have the same id. A text keeps its id while it grows.
func (s State) MapTexts(f func(id string, text []byte) []byte) State {
	s.Lines, s.Container = s.Lines.MapTexts(f), s.Container.mapTexts(f)
	return s
}

// WithoutHeld returns a copy of the state without the lines that are held back, and how many
// these are.
func (s State) WithoutHeld() (State, int) {
	held := 0
	for i := range s.Stacks.Held {
		held += len(s.Stacks.Held[i].Lines)
	}
	s.Stacks = stacks.State{}
	var partial, parts int
	s.Lines, partial = s.Lines.WithoutHeld()
	s.Container, parts = s.Container.withoutHeld()
	return s, held + partial + parts
}
