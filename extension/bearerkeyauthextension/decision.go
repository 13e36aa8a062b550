package bearerkeyauthextension

import (
	"sync/atomic"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// decision is what became of one request.
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
	malformedKey
	unknownKey
	revokedKey
	notYetValid
	expiredKey
	sourceAddress
	pageOrigin
	tenantHeader
	suspended // these by tap alone
	scope
	numDecisions
)

// reason returns why a request is refused, or [rejection.None] for one that is not.
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
	case unknownKey:
		return rejection.UnknownKey
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

// refused reports whether the key of the caller is refused, by a 401 over HTTP.
func (d decision) refused() bool { return d > undecided && d < suspended }

// newRefusals makes the errors once, so that a flood of bad requests allocates none.
// Over HTTP their text becomes the body.
func newRefusals() (all [numDecisions]*rejection.Error) {
	for d := range numDecisions {
		if d.refused() {
			all[d] = rejection.Of(d.reason())
		}
	}
	return all
}

// tally counts decisions. It is safe for concurrent use.
type tally [numDecisions]atomic.Int64

func (t *tally) add(d decision) { t[d].Add(1) }
