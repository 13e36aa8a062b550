// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenant

import (
	"strings"
	"unicode"
)

// identityNames are the names of attributes that identify a tenant, reduced to letters.
var identityNames = [...]string{"businessid", "tenantid", "xbusinessid", "xtenantid", "xscopeorgid"}

// LooksLikeIdentity reports whether an attribute of this name could be mistaken for the
// one that carries the tenant's identity, such as business.id or Business-ID. A backend or
// a person that reads the wrong one sees another tenant.
func LooksLikeIdentity(attribute string) bool {
	letters := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1 // separators and invisible characters
		}
		return similar(unicode.ToLower(r))
	}, attribute))
	for _, name := range identityNames {
		if resembles(letters, []rune(strings.Map(similar, name))) {
			return attribute != AttributeKey
		}
	}
	return false
}

// similar returns the same character for characters that look alike.
func similar(r rune) rune {
	switch r {
	case '1', 'l':
		return 'i'
	case '0':
		return 'o'
	case '5':
		return 's'
	}
	return r
}

// resembles reports whether letters look like name. A letter of another alphabet may be
// any letter.
func resembles(letters, name []rune) bool {
	if len(letters) != len(name) {
		return false
	}
	same := 0
	for i, r := range letters {
		switch {
		case r == name[i]:
			same++
		case r <= unicode.MaxASCII:
			return false
		}
	}
	return 2*same >= len(name)
}

// Fold returns the ID in lower case. File systems that ignore case do not distinguish IDs
// with the same fold.
func (id ID) Fold() string { return strings.ToLower(string(id)) }

// Twins returns pairs of tenants whose IDs differ only in case.
func (s *Snapshot) Twins() (pairs [][2]ID) {
	first := make(map[string]ID, len(s.order))
	for _, id := range s.order {
		other, twin := first[id.Fold()]
		if twin {
			pairs = append(pairs, [2]ID{other, id})
			continue
		}
		first[id.Fold()] = id
	}
	return pairs
}
