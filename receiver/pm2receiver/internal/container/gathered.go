// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package container

import (
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
)

// gathered are consecutive lines for one decoder.
type gathered struct {
	inner  Inner
	src    decode.Source
	block  []byte
	places []lines.Place
}
