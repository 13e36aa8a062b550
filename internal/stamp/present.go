// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
)

// present is an attribute of an encoded resource, or the zero value for one that it does not
// have.
type present struct {
	present bool
	owned   bool           // it is the owner's; its value is text
	value   otlpwire.Value // of the request
	text    string
}

// has reports whether the attribute has a value that is not the empty string.
func (p present) has() bool {
	if p.owned {
		return p.text != ""
	}
	text, isText := p.value.Text()
	return len(p.value) > 0 && (!isText || len(text) > 0)
}

// is reports whether the attribute is this text.
func (p present) is(text string) bool {
	if p.owned {
		return p.text == text
	}
	value, isText := p.value.Text()
	return isText && string(value) == text
}

// startsWith reports whether the attribute is a text with this prefix.
func (p present) startsWith(prefix string) bool {
	if p.owned {
		return strings.HasPrefix(p.text, prefix)
	}
	value, _ := p.value.Text()
	return len(value) >= len(prefix) && string(value[:len(prefix)]) == prefix
}
