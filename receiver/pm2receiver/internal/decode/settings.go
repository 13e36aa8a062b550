// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import (
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/applog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
)

// Settings of a [Decoder].
type Settings struct {
	Lines lines.Settings
	Log   applog.Settings
	// Join is whether the lines of a stack trace become one record.
	Join bool
	// Original is whether records carry the line as the application wrote it.
	Original bool
	// StderrIsError is whether lines of stderr without a level are errors.
	StderrIsError bool
	// Host is what service.instance.id begins with.
	Host string
	// Scope and Version name the instrumentation scope.
	Scope   string
	Version string
	// Arenas keeps the memory that decoding needs. Decoders of many files may share it. Without
	// it, each block allocates its own.
	Arenas *arena.Pool
}
