// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package activity

import (
	"strings"
	"unicode/utf8"

	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

const (
	maxAgent = 120 // that of a collector has 85 bytes
	maxText  = 300
)

// cut returns at most limit bytes of text, and no part of a character.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// clean returns a copy of text that is safe to show, at most limit bytes long.
func clean(text string, limit int) string {
	return strings.Clone(cut(safetext.Clean(cut(text, limit)), limit))
}
