// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenant

import (
	"context"
	"net"

	"go.opentelemetry.io/collector/client"
)

// Identity is the caller of a request, as its key identifies it. It is immutable and shared
// between requests. It is the client.AuthData of an authenticated request.
type Identity struct {
	tenant   ID
	keyID    string
	scopes   Signals
	metadata client.Metadata
}

var _ client.AuthData = (*Identity)(nil)

// NewIdentity returns the identity of a key of tenant id that may send scopes.
func NewIdentity(id ID, keyID string, scopes Signals) *Identity {
	return &Identity{
		tenant: id, keyID: keyID, scopes: scopes,
		metadata: client.NewMetadata(map[string][]string{MetadataKey: {string(id)}}),
	}
}

// Undecided returns the identity of a caller that could not be checked, because no
// registry has been loaded yet. It has no tenant. The receiver of the identity must reject
// the data with a retryable error: an authenticator cannot, because over HTTP each of its
// rejections is a 401, on which clients drop data.
func Undecided() *Identity { return &Identity{} }

// Tenant returns the tenant ID, empty if the identity is undecided.
func (i *Identity) Tenant() ID { return i.tenant }

// KeyID returns the public ID of the key that was presented.
func (i *Identity) KeyID() string { return i.keyID }

// Scopes returns the signals that the key may send.
func (i *Identity) Scopes() Signals { return i.scopes }

// Decided reports whether the caller was checked against a registry.
func (i *Identity) Decided() bool { return i.tenant != "" }

// GetAttribute implements client.AuthData with "tenant_id" and "key_id".
func (i *Identity) GetAttribute(name string) any {
	switch name {
	case "tenant_id":
		return string(i.tenant)
	case "key_id":
		return i.keyID
	}
	return nil
}

// GetAttributeNames implements client.AuthData.
func (*Identity) GetAttributeNames() []string { return []string{"tenant_id", "key_id"} }

// NewContext returns a copy of ctx that belongs to the caller i. It keeps the
// peer address and replaces all client metadata, so that neither the bearer
// secret nor a forged tenant ID of the caller is passed on.
func NewContext(ctx context.Context, i *Identity) context.Context {
	return NewContextFrom(ctx, i, client.FromContext(ctx).Addr)
}

// NewContextFrom is like [NewContext] for a caller whose address is addr and not that
// of the connection, such as one behind a proxy.
func NewContextFrom(ctx context.Context, i *Identity, addr net.Addr) context.Context {
	return client.NewContext(ctx, client.Info{Addr: addr, Auth: i, Metadata: i.metadata})
}

// FromContext returns the authenticated identity of ctx. It reads only what an
// authenticator stored, never client metadata, so it cannot be forged. For the same reason
// a batch or a queue loses it.
func FromContext(ctx context.Context) (*Identity, bool) {
	i, ok := client.FromContext(ctx).Auth.(*Identity)
	return i, ok && i != nil
}
