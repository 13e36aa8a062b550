// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lookalike_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/internal/lookalike"
)

// separators are what Prometheus and Loki write as one underscore.
var separators = regexp.MustCompile(`[^A-Za-z0-9]+`)

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
