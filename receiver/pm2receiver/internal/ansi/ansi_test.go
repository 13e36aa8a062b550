// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ansi

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func strip(text string) string {
	return string(Strip([]byte(text), func(n int) []byte { return make([]byte, 0, n) }))
}

func TestStrip(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "plain", "\x1b[31mred\x1b[0m": "red", "\x1b[1;38;5;3mx\x1b[m": "x", "\x1b]0;title\ax": "x", "\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\": "link",
		"\x1b[2K\x1b[1Gx": "x", "\x1b(Bx": "x", "\x1b7x\x1b8": "x", "\x1b": "", "\x1b[": "", "a\x1b[31": "a", "\x1b[31\x1b[32mx": "x", "Zo\u00eb\x1b[1m李": "Zoë李", "\x1b]never ends": "never ends",
	} {
		assert.Equal(t, want, strip(text), "%q", text)
	}
}

func FuzzStrip_LeavesNoEscapeAndInventsNothing(f *testing.F) {
	f.Add("\x1b[31mred\x1b[0m")
	f.Add("\x1b]0;x\ay\x1b")
	f.Fuzz(func(t *testing.T, text string) {
		got := strip(text)
		if strings.ContainsRune(got, Escape) || len(got) > len(text) || !strings.ContainsRune(text, Escape) && got != text {
			t.Fatalf("%q becomes %q", text, got)
		}
	})
}
