// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// ErrNotEmpty keeps an import from removing tenants that are in use.
var ErrNotEmpty = errors.New("the registry has tenants already")

// Import is a registry file that is checked and can be imported.
type Import struct {
	data     []byte
	snapshot *tenant.Snapshot
}

// NewImport checks data. It returns [registryfile.Faults] if data is not a valid
// registry file, and another error if it has names that can be mistaken for
// others.
func NewImport(data []byte) (*Import, error) {
	snapshot, err := registryfile.Parse(data)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, pair := range snapshot.Twins() {
		errs = append(errs, twinError(pair))
	}
	for t := range snapshot.Tenants() {
		for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
			if tenant.LooksLikeIdentity(name) {
				errs = append(errs, fmt.Errorf("tenant %s: %w", t.ID, identityError(name)))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Import{data, snapshot}, nil
}

// Losses is what an import that replaces a registry would undo.
type Losses struct {
	// Removed are the tenants that are not in the imported registry. Unlike those
	// of deleted tenants, their IDs can be given to others.
	Removed []tenant.ID

	// Restored are the suspended tenants and expiring keys that the import would
	// make valid again, or for longer.
	Restored history.Reactivations
}

// ImportLosses returns what [Registry.Import] with replace would undo. It is
// empty if there is no registry.
func (r *Registry) ImportLosses(ctx context.Context, imp *Import) (*Losses, error) {
	out := &Losses{}
	doc, err := r.Read(ctx)
	switch {
	case isMissing(err):
		return out, nil
	case err != nil:
		return nil, err
	}
	for _, t := range doc.Tenants() {
		if imp.snapshot.Tenant(t.ID) == nil {
			out.Removed = append(out.Removed, t.ID)
		}
	}
	for _, e := range history.Reactivated(history.NewIndex(doc.Tenants()), history.IndexOf(imp.snapshot)) {
		if !e.Final { // an import keeps revoked keys and deleted tenants as they are
			out.Restored = append(out.Restored, e)
		}
	}
	return out, nil
}

// Imported is the result of an import.
type Imported struct {
	Validation

	// Kept are the revoked keys and deleted tenants that the import would have
	// made valid again. They stay revoked and deleted.
	Kept history.Reactivations `json:"-"`
}

// Import puts all tenants and keys of imp into the registry, which it creates if
// there is none. If the registry has tenants, the error is [ErrNotEmpty] unless
// replace is set.
func (r *Registry) Import(ctx context.Context, req Request, imp *Import, replace bool) (*Imported, error) {
	var kept history.Reactivations
	err := r.editOrCreate(ctx, req, ActionImport, func(d *registryedit.Document) error {
		if len(d.Tenants()) > 0 && !replace {
			return ErrNotEmpty
		}
		before := history.NewIndex(d.Tenants())
		err := d.Replace(imp.data)
		if err != nil {
			return err
		}
		kept, err = history.EndAgain(d, before, func(e history.Reactivation) bool { return e.Final })
		return err
	})
	if err != nil {
		return nil, err
	}
	return &Imported{*validate(imp.snapshot, r.now()), kept}, nil
}
