// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"sync/atomic"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// decision is the result of authenticating one request.
type decision uint8

const (
	accepted decision = iota
	undecided
	noKey
	severalKeys
	notBearer
	percentEncoded
	quotedKey
	noScheme
	otherScheme
	doubledScheme
	malformedBasic
	malformedKey
	unknownKey
	wrongUsername // of Basic credentials
	revokedKey
	notYetValid
	expiredKey
	sourceAddress
	pageOrigin
	tenantHeader
	suspended // this and the next one: only in tap
	scope
	numDecisions
)

// reason returns why a request is rejected. It is [rejection.None] for a request that
// is not rejected.
func (d decision) reason() rejection.Reason {
	switch d {
	case noKey:
		return rejection.NoKey
	case severalKeys:
		return rejection.SeveralKeys
	case notBearer:
		return rejection.NotBearer
	case percentEncoded:
		return rejection.PercentEncoded
	case quotedKey:
		return rejection.QuotedKey
	case noScheme:
		return rejection.NoScheme
	case otherScheme:
		return rejection.OtherScheme
	case doubledScheme:
		return rejection.DoubledScheme
	case malformedKey:
		return rejection.MalformedKey
	case malformedBasic:
		return rejection.MalformedBasic
	case unknownKey:
		return rejection.UnknownKey
	case wrongUsername:
		return rejection.WrongUsername
	case revokedKey:
		return rejection.RevokedKey
	case notYetValid:
		return rejection.NotYetValid
	case expiredKey:
		return rejection.ExpiredKey
	case sourceAddress:
		return rejection.SourceAddress
	case pageOrigin:
		return rejection.Origin
	case tenantHeader:
		return rejection.TenantHeader
	case suspended:
		return rejection.Suspended
	case scope:
		return rejection.Scope
	}
	return rejection.None
}

// String returns the value of the metric attribute "decision".
func (d decision) String() string {
	switch d {
	case accepted:
		return "accepted"
	case undecided:
		return "undecided"
	}
	return d.reason().String()
}

// unauthenticated reports whether the caller has no valid key. Over HTTP the answer
// is 401.
func (d decision) unauthenticated() bool { return d > undecided && d < suspended }

// newAnswers creates the errors for unauthenticated callers, so that a flood of
// requests allocates none. Over HTTP the text of an error becomes the body.
func newAnswers() (all [numDecisions]*rejection.Error) {
	for d := range numDecisions {
		if d.unauthenticated() {
			all[d] = rejection.Of(d.reason())
		}
	}
	return all
}

// tally counts decisions. It is safe for concurrent use.
type tally [numDecisions]atomic.Int64

func (t *tally) add(d decision) { t[d].Add(1) }
