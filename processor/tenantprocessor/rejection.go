// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"github.com/otelcol-tenant/otelcol-tenant/internal/ratelimit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// reasonOf returns the reason for a request that is over a limit of this kind.
func reasonOf(limit ratelimit.Limit) rejection.Reason {
	if limit == ratelimit.QuotaLimit {
		return rejection.Quota
	}
	return rejection.Rate
}

// rejectionOf returns the rejection of a request that is over a limit. It names the limit
// to the tenant whose limit it is.
func rejectionOf(over ratelimit.Excess) *rejection.Error {
	return rejection.Retry(reasonOf(over.Limit), over.Text, over.Wait)
}

// rejections are the rejections of one signal that are final. They are made once, so that
// a flood of rejected requests allocates none.
type rejections [rejection.NumReasons]*rejection.Error

func newRejections(signal tenant.Signal) (all rejections) {
	for _, why := range []rejection.Reason{rejection.NoIdentity, rejection.UnknownTenant, rejection.Suspended} {
		all[why] = rejection.Of(why)
	}
	all[rejection.Scope] = rejection.Of(rejection.Scope, signal)
	return all
}

// of returns the rejection for why, which must not be [rejection.None].
func (r *rejections) of(why rejection.Reason) *rejection.Error {
	if final := r[why]; final != nil {
		return final
	}
	return rejection.Of(why) // its retry delay differs from call to call
}
