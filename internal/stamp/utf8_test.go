// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func TestUTF8_KeysKeepTheirOrderAndValues(t *testing.T) {
	m := pcommon.NewMap()
	for i, key := range []string{"a", "b\xff", "c", "b\xfe", "\xff", ""} {
		m.PutInt(key, int64(i))
	}
	var r utf8Repair
	r.attributes(m)
	var got []string
	for key, v := range m.All() {
		got = append(got, fmt.Sprintf("%s=%d", key, v.Int()))
	}
	assert.Equal(t, []string{"a=0", "b\uFFFD=1", "c=2", "b\uFFFD=3", "\uFFFD=4", "=5"}, got)
	assert.Equal(t, 3, r.strings)
}

func FuzzValidText(f *testing.F) {
	for _, s := range []string{"", "a", "ab", "abc", "abcd", "abcdefg", "abcdefgh", "abcdefghijklm", "\u00e9", "abcdefg\u00e9", "\xffabcdefgh", "abcdefgh\xff", "ab\xff", "abcd\xffef"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		assert.Equal(t, utf8.ValidString(s), validText(s), "%q", s)
		for i := range len(s) {
			assert.Equal(t, utf8.ValidString(s[i:]), validText(s[i:]), "%q", s[i:])
		}
	})
}
