package tenant

import (
	"context"
	"net"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
)

// Rejected is a request that was refused though its key is known.
type Rejected struct {
	Tenant ID
	KeyID  string
	Reason string  // one of a small set of words
	Signal Signals // empty: not known
	Client net.Addr
}

// RejectionBoard counts refused requests by tenant and key, so that an operator sees
// whose data is refused, and why. The bearer_key_auth extension implements it; others
// find it with [FindRejectionBoards]. What is posted may come in a flood.
type RejectionBoard interface {
	PostRejection(r Rejected)
}

// RejectionBoards are those of a collector. The zero value has none.
type RejectionBoards []RejectionBoard

// FindRejectionBoards returns the extensions of host that count refused requests.
func FindRejectionBoards(host component.Host) (boards RejectionBoards) {
	for _, ext := range host.GetExtensions() {
		if b, ok := ext.(RejectionBoard); ok {
			boards = append(boards, b)
		}
	}
	return boards
}

// Post counts a refused request of the caller of ctx. It does nothing if the caller is
// not authenticated. Each request must be posted once, where it is refused.
func (boards RejectionBoards) Post(ctx context.Context, signal Signals, reason string) {
	if len(boards) == 0 {
		return
	}
	caller, ok := FromContext(ctx)
	if !ok || !caller.Decided() {
		return
	}
	r := Rejected{
		Tenant: caller.Tenant(), KeyID: caller.KeyID(), Reason: reason, Signal: signal,
		Client: client.FromContext(ctx).Addr,
	}
	for _, b := range boards {
		b.PostRejection(r)
	}
}
