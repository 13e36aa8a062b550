// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import "github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"

// Source is a file, or what was in it between two truncations.
type Source struct {
	// ID identifies the file. It is part of the uid of every record.
	ID uint64
	// Name is the file's name without its folder.
	Name string
	// Lines are the places of the lines of the block, if these are not where the block is.
	Lines []lines.Place
}
