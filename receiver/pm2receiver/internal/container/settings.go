// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package container

import "github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"

// Settings are those of a [Decoder].
type Settings struct {
	Format Format
	// Place is the container according to the path of the file, if Known is set.
	Place Place
	Known bool
	// Plain returns the decoder for a file that is not the log of a container, and Text that
	// for one stream of a container.
	Plain func(state decode.State) Inner
	Text  func(stderr bool, state decode.State) Inner
	// Daemon returns the decoder for lines of PM2 itself.
	Daemon func(state decode.State) Inner
}
