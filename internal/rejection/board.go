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

// Rejected is a rejected request whose key is known.
type Rejected struct {
	Tenant tenant.ID
	KeyID  string
	Reason string         // the name of a [Reason]
	Signal tenant.Signals // empty: not known
	Client net.Addr
}

// Board counts rejected requests by tenant and key, so that an operator sees whose
// data is rejected, and why. The bearer_key_auth extension implements it; other
// components find it with [FindBoards]. An implementation must expect floods.
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

// Post counts a rejected request of the caller in ctx. It does nothing if the caller is
// not authenticated. A request is posted once, by the component that rejects it.
func (boards Boards) Post(ctx context.Context, signals tenant.Signals, reason string) {
	if len(boards) == 0 {
		return
	}
	caller, ok := tenant.FromContext(ctx)
	if !ok || !caller.Decided() {
		return
	}
	r := Rejected{
		Tenant: caller.Tenant(), KeyID: caller.KeyID(), Reason: reason, Signal: signals,
		Client: client.FromContext(ctx).Addr,
	}
	for _, b := range boards {
		b.PostRejection(r)
	}
}
