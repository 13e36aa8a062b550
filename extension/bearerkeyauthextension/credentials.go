// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	headerAuthorization = "Authorization"
	headerOrigin        = "Origin"
)

const (
	bearer = "bearer"
	basic  = "basic"
	blanks = " \t"
	quotes = "\"'`"

	// maxBasic is the length in bytes of the longest user ID and password that Basic
	// credentials can have: a tenant ID, a colon and a key.
	maxBasic = tenant.MaxIDLength + 1 + apikey.Length
)

// basicEncoding rejects encodings with non-zero trailing bits, so that each pair of
// user ID and password has exactly one encoding.
var basicEncoding = base64.StdEncoding.Strict()

// callerCredentials are the content of an Authorization header.
type callerCredentials struct {
	key      string
	username string // of Basic credentials; may be empty
}

// readCredentials returns the credentials in headers, or why there are none. It
// compares header names without regard to case: HTTP servers pass canonical names,
// gRPC passes lower-case names, and query parameters keep their configured names.
// It does not allocate for Bearer credentials.
func readCredentials(headers map[string][]string) (callerCredentials, decision) {
	value, found := "", false
	for name, values := range headers {
		if !isHeader(name, headerAuthorization) {
			continue
		}
		for _, v := range values {
			if found {
				return callerCredentials{}, severalKeys
			}
			value, found = strings.Trim(v, blanks), true
		}
	}
	if value == "" {
		return callerCredentials{}, noKey
	}
	scheme, text := value, ""
	if i := strings.IndexAny(value, blanks); i >= 0 {
		scheme, text = value[:i], strings.Trim(value[i:], blanks)
	}
	switch {
	case strings.EqualFold(scheme, bearer):
		return parseBearer(text)
	case strings.EqualFold(scheme, basic):
		return parseBasic(text)
	}
	return callerCredentials{}, wrongHeader(value, text != "")
}

// parseBearer parses what follows the scheme Bearer.
func parseBearer(text string) (callerCredentials, decision) {
	if text == "" {
		return callerCredentials{}, notBearer
	}
	if _, err := apikey.ID(text); err != nil {
		return callerCredentials{}, wrongKey(text)
	}
	return callerCredentials{key: text}, accepted
}

// parseBasic parses what follows the scheme Basic (RFC 7617). The password is the
// key. It rejects longer credentials than a tenant ID and a key before decoding
// them.
func parseBasic(text string) (callerCredentials, decision) {
	// The decoder skips line breaks.
	if text == "" || len(text) > basicEncoding.EncodedLen(maxBasic) || strings.ContainsAny(text, "\r\n") {
		return callerCredentials{}, malformedBasic
	}
	decoded, err := basicEncoding.DecodeString(text)
	if err != nil {
		return callerCredentials{}, malformedBasic
	}
	username, key, ok := strings.Cut(string(decoded), ":")
	if !ok {
		return callerCredentials{}, malformedBasic
	}
	if _, err := apikey.ID(key); err != nil {
		return callerCredentials{}, malformedKey
	}
	return callerCredentials{key: key, username: username}, accepted
}

// matches reports whether the username is empty or the ID of the key's tenant.
func (c *callerCredentials) matches(id tenant.ID) bool {
	return c.username == "" || c.username == string(id)
}

// wrongHeader returns why an Authorization header with another scheme than Bearer and
// Basic is rejected. pair reports whether the scheme is followed by other text.
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

// wrongKey returns why text is not a key.
func wrongKey(text string) decision {
	switch {
	case encodedOrQuoted(text) != accepted:
		return encodedOrQuoted(text)
	case startsWithBearer(text):
		return doubledScheme
	}
	return malformedKey
}

// encodedOrQuoted detects percent-encoding and quotes, which no key contains. They
// are syntax that a program did not remove when it read its configuration.
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

// namesOnly reports whether every tenant header contains id. Empty values are
// ignored.
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

// originAllowed reports whether a key that is bound to origins may be used with
// headers. A key in a web page is public and therefore only valid from that page.
// A key without origins is a secret and therefore not valid from any page.
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
