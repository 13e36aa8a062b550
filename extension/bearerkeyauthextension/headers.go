package bearerkeyauthextension

import (
	"slices"
	"strings"

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
			value, found = v, true
		}
	}
	if value == "" {
		return "", noKey
	}
	scheme, key, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "bearer") {
		return "", notBearer
	}
	if key = strings.Trim(key, " "); key == "" {
		return "", notBearer
	}
	return key, accepted
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
