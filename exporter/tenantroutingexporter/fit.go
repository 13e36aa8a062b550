// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"errors"
	"math"
	"slices"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/backend"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/wire"
)

// maxSplitGrowth bounds the size of all pieces of a request, relative to the request. Each piece repeats
// resources, scopes and metrics. If these are smaller than half of a destination's limit, the bound is not reached.
const maxSplitGrowth = 4

// fit splits payloads that are larger than one of their destinations accepts. Its error is a rejection.
func (r *router) fit(parts []lane.Part) ([]lane.Part, error) {
	var out []lane.Part // nil while everything fits
	for i, part := range parts {
		p := part.Payload
		limit := batchLimit(part.Routes)
		if p.Size <= limit {
			if out != nil {
				out = append(out, part)
			}
			continue
		}
		pieces, err := wire.Cut(backend.FormOf(p.Signal), p.Data, wire.Limits{
			Piece: limit, Total: min(maxSplitGrowth*p.Size, int(r.cfg.Lane.MaxBytes), int(r.cfg.MaxTotalBytes)),
		})
		var large *wire.TooLargeError
		switch {
		case errors.As(err, &large):
			return nil, tooLarge(err)
		case err != nil:
			return nil, malformed(err)
		}
		if out == nil {
			out = slices.Clone(parts[:i])
		}
		for _, piece := range pieces {
			out = append(out, lane.Part{Routes: part.Routes, Payload: &lane.Payload{
				Tenant: p.Tenant, Signal: p.Signal, Records: piece.Records, Data: piece.Data, Size: len(piece.Data), Rejection: p.Rejection,
			}})
		}
	}
	if out == nil {
		return parts, nil
	}
	return out, nil
}

// batchLimit returns the largest request that all destinations of a part accept.
func batchLimit(routes []lane.Route) int {
	limit := math.MaxInt
	for _, route := range routes {
		if n := route.Target.Bounds().BatchBytes; n > 0 {
			limit = min(limit, n)
		}
	}
	return limit
}
