// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package validtext_test

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/internal/validtext"
)

func FuzzString(f *testing.F) {
	for _, s := range []string{
		"", "a", "ab", "abc", "abcd", "abcdefg", "abcdefgh", "abcdefghijklm", "\u00e9", "abcdefg\u00e9", "\xffabcdefgh", "abcdefgh\xff", "ab\xff", "abcd\xffef",
		"abcdefghijklmnopqrstuvwxyz0123456789\xffabcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz012345\u00e9",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for i := range len(s) + 1 {
			part := s[i:]
			assert.Equal(t, utf8.ValidString(part), validtext.String(part), "%q", part)
			assert.Equal(t, utf8.ValidString(part), validtext.Bytes([]byte(part)), "%q", part)
			ascii := true
			for _, c := range []byte(part) {
				ascii = ascii && c < utf8.RuneSelf
			}
			assert.Equal(t, ascii, validtext.ASCII([]byte(part)), "%q", part)
		}
	})
}
