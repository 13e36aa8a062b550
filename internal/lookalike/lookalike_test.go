// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lookalike_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/internal/lookalike"
)

// separators are what Prometheus and Loki write as one underscore.
var separators = regexp.MustCompile(`[^A-Za-z0-9]+`)

// label returns the label of a key in Prometheus and Mimir.
func label(key string) string {
	switch l := separators.ReplaceAllString(key, "_"); {
	case l != "" && '0' <= l[0] && l[0] <= '9':
		return "key_" + l
	case strings.HasPrefix(l, "_"):
		return "key" + l
	default:
		return l
	}
}

func TestCheck(t *testing.T) {
	const form, prefix = "must begin with a letter, end with a letter or digit,", `must not begin with "key"`
	for _, tt := range []struct{ want, reason string }{
		{"business_id", ""},
		{"business.id", ""},
		{"Tenant", ""},
		{"t", ""},
		{"a-b.c_d e", ""},
		{"tenant2", ""},
		{"a_2", ""},
		{"key", ""},
		{"keys_x", ""},
		{"", form},
		{"_", form},
		{"_tenant", form},
		{".tenant", form},
		{"tenant_", form},
		{"tenant-", form},
		{"a__b", form},
		{"a._b", form},
		{"a\u00e9b", form},
		{"\u00e9", form},
		{"a\xffb", form},
		{"a\x7fb", form},
		{"2tenants", form},
		{"1", form},
		{"key_tenant", prefix},
		{"key.1", prefix},
	} {
		err := lookalike.Check(tt.want)
		if tt.reason == "" {
			assert.NoError(t, err, tt.want)
		} else {
			assert.ErrorContains(t, err, tt.reason, tt.want)
		}
	}
}

// FuzzCheck: Is finds every key that becomes the same label as one that Check accepts.
func FuzzCheck(f *testing.F) {
	for _, want := range []string{"business_id", "a.b", "a__b", "_tenant", "tenant_", "1a", "key_1a", "key_x", "a\u00e9b", "x", ""} {
		for _, key := range []string{"business_id", "business..id", "business_\u00e9_id", "a.b", "a_b", "tenant", ".tenant", "tenant.", "1a", "key_1a", "_x", ".x", "x", ""} {
			f.Add(key, want)
		}
	}
	f.Fuzz(func(t *testing.T, key, want string) {
		if lookalike.Check(want) == nil {
			assert.Equal(t, label(key) == label(want), lookalike.Is(key, want), "%q %q", key, want)
		}
	})
}

// FuzzIs compares Is with the labels of both keys.
func FuzzIs(f *testing.F) {
	for _, key := range []string{
		"business_id", "business.id", "business__id", "business-_-id", "business\u00e9id", "business_id_", "_business_id", "business_i", "business_idd",
		"Business_id", "businessid", "business_id.", "b", "", "business.i.d", "business_ id",
	} {
		for _, want := range []string{"business_id", "team", "a.b", "_x_"} {
			f.Add(key, want)
		}
	}
	f.Fuzz(func(t *testing.T, key, want string) {
		same := separators.ReplaceAllString(key, "_") == separators.ReplaceAllString(want, "_")
		// A key that begins or ends otherwise, or is shorter, is not removed although its label is the same.
		if same && key != want && (len(key) < len(want) || len(want) == 0 || key[0] != want[0] || key[len(key)-1] != want[len(want)-1]) {
			same = false
		}
		assert.Equal(t, same, lookalike.Is(key, want), "%q %q", key, want)
		assert.Equal(t, same, lookalike.Is([]byte(key), want), "%q %q", key, want)
	})
}
