// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/wire"
)

// Cut returns the records of a payload from first until end, counted from 0, as an encoded request. data
// is the payload as it is queued.
func (p *Pool) Cut(payload *lane.Payload, data []byte, first, end int) (part []byte, err error) {
	defer p.recovery.Catch("taking queued data apart", &err)
	plain, err := compress.Expand(data)
	if err != nil {
		return nil, err
	}
	return wire.Window(FormOf(payload.Signal), plain, first, end)
}
