// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewayconfig"
	"github.com/otelcol-tenant/otelcol-tenant/internal/reference"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// expiryWarning is how long before the expiry of a key [Registry.Validate] warns.
const expiryWarning = 14 * 24 * time.Hour

// Validation is the result of checking a registry.
type Validation struct {
	Valid    bool        `json:"valid"`
	Tenants  int         `json:"tenants"`
	Keys     int         `json:"keys"`
	Hash     string      `json:"hash,omitempty"`
	Faults   []FaultView `json:"faults"`
	Warnings []string    `json:"warnings"`
}

// FaultView is a [registryfile.Fault] as operators see it.
type FaultView struct {
	Line   int    `json:"line"`
	Tenant string `json:"tenant,omitempty"`
	Path   string `json:"path,omitempty"`
	Reason string `json:"reason"`
}

// Validate checks the registry as a gateway does. It warns about settings that are valid but
// rarely intended, and about routes to destinations that are not in destinations, unless that is
// nil. An invalid registry is a result, not an error.
func (r *Registry) Validate(ctx context.Context, destinations gatewayconfig.Destinations) (*Validation, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	data, err := r.store.read(ctx)
	if err != nil {
		return nil, err
	}
	snapshot, err := registryfile.Parse(data)
	var faults registryfile.Faults
	switch {
	case errors.As(err, &faults):
		v := newValidation()
		for _, f := range faults {
			v.Faults = append(v.Faults, FaultView(f))
		}
		return v, nil
	case err != nil:
		return nil, err
	}
	v := validate(snapshot, r.now())
	if destinations != nil {
		v.checkRoutes(snapshot, destinations)
	}
	return v, nil
}

func newValidation() *Validation { return &Validation{Faults: []FaultView{}, Warnings: []string{}} }

// validate describes a registry that is valid.
func validate(s *tenant.Snapshot, now time.Time) *Validation {
	v := newValidation()
	v.Valid, v.Tenants, v.Hash = true, s.Len(), s.Hash()
	for _, pair := range s.Twins() {
		v.warn("tenants %s and %s differ in case only: file systems that ignore case confuse them", pair[0], pair[1])
	}
	for t := range s.Tenants() {
		v.Keys += len(t.Keys)
		if t.Status == tenant.StatusDeleted {
			continue
		}
		v.checkKeys(t, now)
		v.checkNames(t)
	}
	return v
}

func (v *Validation) warn(format string, args ...any) {
	v.Warnings = append(v.Warnings, fmt.Sprintf(format, args...))
}

func (v *Validation) checkKeys(t *tenant.Tenant, now time.Time) {
	usable := false
	for _, k := range t.Keys {
		if k.State(now) != tenant.KeyActive {
			continue
		}
		usable = true
		if !k.ExpiresAt.IsZero() && k.ExpiresAt.Sub(now) < expiryWarning {
			v.warn("tenant %s: key %s expires at %s", t.ID, k.ID, formatTime(k.ExpiresAt))
		}
	}
	if !usable && t.Status == tenant.StatusActive {
		v.warn("tenant %s has no usable key", t.ID)
	}
}

func (v *Validation) checkNames(t *tenant.Tenant) {
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		if tenant.LooksLikeIdentity(name) {
			v.warn("tenant %s: %v", t.ID, identityError(name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Vars)) {
		if err := checkVariable(name, t.Vars[name]); err != nil {
			v.warn("tenant %s: var %s: %v", t.ID, name, err)
		}
		if err := reference.Check(t.Vars[name]); err != nil {
			v.warn("tenant %s: var %s: %v", t.ID, name, err)
		}
		if audit.SecretInClear(name, t.Vars[name]) {
			v.warn("tenant %s: var %s seems to be a secret in clear text, write ${file:PATH} instead", t.ID, name)
		}
	}
}

func (v *Validation) checkRoutes(s *tenant.Snapshot, destinations gatewayconfig.Destinations) {
	for t := range s.Tenants() {
		if t.Status == tenant.StatusDeleted {
			continue
		}
		for _, signal := range tenant.AllSignals() {
			for _, name := range t.Routes[signal] {
				if err := destinations.Check(signal, []string{name}); err != nil {
					v.warn("tenant %s: route of %s: %v", t.ID, signal, err)
				}
			}
			for _, what := range destinations.Missing(t.Routes[signal], t.Vars) {
				v.warn("tenant %s: route of %s: %s, which the tenant does not have", t.ID, signal, what)
			}
		}
	}
}
