package tenantprocessor

import (
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// rejectionOf returns the error for a request that is over a limit. It names the
// limit to the tenant whose limit it is.
func rejectionOf(over excess) error {
	return rejection.Retry(over.reason, over.text, over.wait)
}

// rejections are the errors of one signal that are final. They are made once, so
// that a flood of rejected requests allocates none.
type rejections [rejection.NumReasons]*rejection.Error

func newRejections(signal tenant.Signal) (all rejections) {
	for _, why := range []rejection.Reason{rejection.NoIdentity, rejection.UnknownTenant, rejection.Suspended} {
		all[why] = rejection.Of(why)
	}
	all[rejection.Scope] = rejection.Of(rejection.Scope, signal)
	return all
}

// of returns the error for why, which must not be [rejection.None].
func (r *rejections) of(why rejection.Reason) error {
	if final := r[why]; final != nil {
		return final
	}
	return rejection.Of(why) // its retry delay differs from call to call
}
