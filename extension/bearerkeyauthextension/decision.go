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

// String returns the value of the metric attribute "decision".
func (d decision) String() string {
	return [numDecisions]string{
		"accepted", "undecided", "no_key", "several_keys", "not_bearer",
		"percent_encoded", "quoted_key", "no_scheme", "other_scheme", "doubled_scheme", "malformed_key", "unknown_key",
		"revoked_key", "not_yet_valid", "expired_key", "source_address", "origin", "tenant_header",
		"suspended", "scope",
	}[d]
}

// refused tells whether the key of the caller is refused, by a 401 over HTTP.
func (d decision) refused() bool { return d > undecided && d < suspended }

// rule is what a refused caller reads. It names the rule and nothing of the
// request, because the text also ends up in callers' logs.
func (d decision) rule() string {
	return [numDecisions]string{
		noKey:          `no API key: send the header "Authorization: Bearer <key>"`,
		severalKeys:    "several Authorization headers: send one",
		notBearer:      `the Authorization header is not of the form "Bearer <key>"`,
		percentEncoded: `the Authorization header is percent-encoded, such as "Bearer%20<key>": send "Bearer <key>"; not every program decodes OTEL_EXPORTER_OTLP_HEADERS`,
		quotedKey:      `the Authorization header has quotes around it or around the key: send "Bearer <key>" without them`,
		noScheme:       `the Authorization header has a key and no scheme: send "Bearer <key>"`,
		otherScheme:    `the Authorization header has another scheme than Bearer: send "Bearer <key>"`,
		doubledScheme:  `the Authorization header has "Bearer" twice: send "Bearer <key>"`,
		malformedKey:   "malformed API key",
		unknownKey:     "unknown API key",
		revokedKey:     "the API key is revoked",
		notYetValid:    "the API key is not valid yet",
		expiredKey:     "the API key has expired",
		sourceAddress:  "the API key must not be used from this address",
		pageOrigin:     "the API key must not be used from this web origin",
		tenantHeader:   "the header x-business-id or X-Scope-OrgID names another tenant than the API key",
	}[d]
}

// newRefusals makes the errors once; a flood of bad requests allocates none. Over HTTP
// their text becomes the body.
func newRefusals() (all [numDecisions]*rejection.Error) {
	for d := range numDecisions {
		if d.refused() {
			all[d] = rejection.New(rejection.Unauthenticated, d.rule())
		}
	}
	return all
}

// tally counts decisions. It is safe for concurrent use.
type tally [numDecisions]atomic.Int64

func (t *tally) add(d decision) { t[d].Add(1) }
