package bearerkeyauthextension

import (
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	headerAuthorization = "Authorization"
	headerOrigin        = "Origin"
)

// readKey returns the bearer key of headers, or why there is none. Names are
// compared in any case: HTTP servers hand over canonical names, gRPC lower-case
// ones, and query parameters appear as they are configured. It does not allocate.
func readKey(headers map[string][]string) (key string, why decision) {
	value, found := "", false
	for name, values := range headers {
		if !isHeader(name, headerAuthorization) {
			continue
		}
		for _, v := range values {
			if found {
				return "", severalKeys
			}
			value, found = strings.Trim(v, blanks), true
		}
	}
	if value == "" {
		return "", noKey
	}
	scheme, key := value, ""
	if i := strings.IndexAny(value, blanks); i >= 0 {
		scheme, key = value[:i], strings.Trim(value[i:], blanks)
	}
	if !strings.EqualFold(scheme, bearer) {
		return "", wrongHeader(value, key != "")
	}
	if key == "" {
		return "", notBearer
	}
	return key, accepted
}

const (
	bearer = "bearer"
	blanks = " \t"
	quotes = "\"'`"
)

// wrongHeader returns what is wrong with an Authorization header whose first word is not
// Bearer. pair tells that there is another word.
func wrongHeader(value string, pair bool) decision {
	switch {
	case encodedOrQuoted(value) != accepted:
		return encodedOrQuoted(value)
	case strings.HasPrefix(value, apikey.Prefix):
		return noScheme
	case pair && !startsWithBearer(value):
		return otherScheme
	}
	return notBearer
}

// wrongKey returns what is wrong with a key of another form.
func wrongKey(key string) decision {
	switch {
	case encodedOrQuoted(key) != accepted:
		return encodedOrQuoted(key)
	case startsWithBearer(key):
		return doubledScheme
	}
	return malformedKey
}

// encodedOrQuoted tells whether text has a character that is in no key: one that was
// meant for the program that reads a configuration.
func encodedOrQuoted(text string) decision {
	switch {
	case strings.Contains(text, "%"):
		return percentEncoded
	case strings.ContainsAny(text, quotes):
		return quotedKey
	}
	return accepted
}

func startsWithBearer(text string) bool {
	return len(text) >= len(bearer) && strings.EqualFold(text[:len(bearer)], bearer)
}

// namesOnly tells whether every tenant header that was sent names id. Empty
// values count as not sent.
func namesOnly(headers map[string][]string, id tenant.ID) bool {
	for name, values := range headers {
		if !isHeader(name, tenant.HeaderBusinessID) && !isHeader(name, tenant.HeaderScopeOrgID) {
			continue
		}
		for _, v := range values {
			if v != "" && v != string(id) {
				return false
			}
		}
	}
	return true
}

// originAllowed tells whether a key of the web pages origins may be used with
// headers. A page's key is public, so it is worth something only from that page;
// a key without pages is a secret, which no page can keep.
func originAllowed(headers map[string][]string, origins []string) bool {
	sent := false
	for name, values := range headers {
		if !isHeader(name, headerOrigin) {
			continue
		}
		for _, v := range values {
			if !slices.Contains(origins, v) {
				return false
			}
			sent = true
		}
	}
	return sent == (len(origins) > 0)
}

func isHeader(name, want string) bool {
	return len(name) == len(want) && strings.EqualFold(name, want)
}
