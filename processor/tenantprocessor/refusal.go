package tenantprocessor

import (
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// overLimit names the limit to its own tenant.
func overLimit(over excess) error {
	why := rejection.Rate
	if over.reason == quotaExceeded {
		why = rejection.Quota
	}
	return rejection.Retry(why, over.text, over.wait)
}

// refusals are the errors of one signal's reasons.
type refusals struct {
	final [numReasons]*rejection.Error
}

// newRefusals makes the final errors once; a flood of refused requests makes none.
func newRefusals(signal tenant.Signal) *refusals {
	name := signal.String()
	return &refusals{final: [numReasons]*rejection.Error{
		noIdentity:    rejection.NoIdentity(),
		unknownTenant: rejection.ForIdentity(rejection.Unauthenticated, name),
		suspended:     rejection.ForIdentity(rejection.Suspended, name),
		outOfScope:    rejection.ForIdentity(rejection.Scope, name),
	}}
}

// of returns the error of r, which must not be passed.
func (f *refusals) of(r reason) error {
	if r == registryNotLoaded {
		return rejection.ForIdentity(rejection.NotLoaded, "")
	}
	return f.final[r]
}
