package tenant

import (
	"strings"
	"unicode"
)

// identityNames are what attributes that say whose data it is are called, without
// anything but letters.
var identityNames = [...]string{"businessid", "tenantid", "xbusinessid", "xtenantid", "xscopeorgid"}

// LooksLikeIdentity tells whether an attribute of this name would be taken for the
// one that carries the tenant's identity, such as business.id or Business-ID. A
// backend or a person that reads the wrong one sees another tenant.
func LooksLikeIdentity(attribute string) bool {
	letters := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1 // separators, and what nobody sees
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

// similar returns one of several characters that are read as the same.
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

// resembles compares with letters of other alphabets as any letter.
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

// Fold returns what IDs that differ in case only have in common. File systems that
// ignore case take them for the same.
func (id ID) Fold() string { return strings.ToLower(string(id)) }

// Twins returns pairs of tenants whose IDs differ in case only.
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
