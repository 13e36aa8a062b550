// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rejection

import (
	"context"
	"net"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Rejected is a rejected request.
type Rejected struct {
	Tenant tenant.ID // empty: its key is not known
	KeyID  string
	Reason string         // the name of a [Reason]
	Signal tenant.Signals // empty: not known
	Client net.Addr

	Records int    // 0: not known
	Bytes   int64  // of the decompressed request; 0: not known
	Text    string // the answer to the caller; empty: the text of the reason
}

// Board counts rejected requests by tenant and key, so that an operator sees whose
// data is rejected, and why. The bearer_key_auth and tenant_health extensions implement it;
// other components find it with [FindBoards]. An implementation must expect floods.
type Board interface {
	PostRejection(r Rejected)
}

// Boards are the boards of a collector. The zero value has none.
type Boards []Board

// FindBoards returns the extensions of host that are boards.
func FindBoards(host component.Host) (boards Boards) {
	for _, ext := range host.GetExtensions() {
		if b, ok := ext.(Board); ok {
			boards = append(boards, b)
		}
	}
	return boards
}

// Post counts the rejected request r of the caller in ctx, whose tenant, key and address it
// adds. It does nothing if the caller is not authenticated. A request is posted once, by the
// component that rejects it.
func (boards Boards) Post(ctx context.Context, r Rejected) {
	if len(boards) == 0 {
		return
	}
	caller, ok := tenant.FromContext(ctx)
	if !ok || !caller.Decided() {
		return
	}
	r.Tenant, r.KeyID, r.Client = caller.Tenant(), caller.KeyID(), client.FromContext(ctx).Addr
	for _, b := range boards {
		b.PostRejection(r)
	}
}
