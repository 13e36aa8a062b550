// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// maxText bounds every value: it may become a header or an attribute of
	// each resource.
	maxText = 4096

	// maxName bounds the name of an attribute, variable, destination or key.
	maxName = 128
)

// checkText rejects control characters and invalid UTF-8, which could end a
// header, a path or a line of a log.
func checkText(s string) error {
	if len(s) > maxText {
		return fmt.Errorf("has %d bytes, at most %d are allowed", len(s), maxText)
	}
	if !utf8.ValidString(s) {
		return errors.New("must be valid UTF-8")
	}
	for _, r := range s {
		if r < ' ' || (r >= 0x7f && r < 0xa0) || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("must not have the control character %U", r)
		}
	}
	return nil
}

// checkAttribute checks the name of a resource attribute. The registry cannot set
// the attribute of the tenant's identity.
func checkAttribute(name string) error {
	switch {
	case name == "":
		return errors.New("an attribute must have a name")
	case len(name) > maxName:
		return fmt.Errorf("the name has %d bytes, at most %d are allowed", len(name), maxName)
	case name == tenant.AttributeKey:
		return errors.New("is the attribute of the tenant's identity and cannot be set")
	}
	return checkText(name)
}

// checkVar checks the name of a variable: [a-z][a-z0-9_]*, the names that a
// template can hold.
func checkVar(name string) error {
	if name == "" || len(name) > maxName || name[0] < 'a' || name[0] > 'z' {
		return errVarName
	}
	for i := 1; i < len(name); i++ {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return errVarName
		}
	}
	return nil
}

var errVarName = fmt.Errorf("the name of a variable must begin with a-z and hold only a-z, 0-9 and _, at most %d in all", maxName)

// checkDestination checks the name of a destination of the routing exporter.
func checkDestination(name string) error {
	return checkWord(name, "a destination")
}

// checkKeyID checks the public ID of a key. Keys that were created elsewhere may
// have IDs in another form.
func checkKeyID(id string) error {
	return checkWord(id, "the ID of a key")
}

// checkWord rejects text that is not made of [A-Za-z0-9_.-]. The decoder reports
// empty text before.
func checkWord(s, what string) error {
	if len(s) > maxName {
		return fmt.Errorf("%s must have at most %d characters", what, maxName)
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.', c == '-':
		default:
			return fmt.Errorf("%s must be made of letters, digits, '_', '.' and '-'", what)
		}
	}
	return nil
}
