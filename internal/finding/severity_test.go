// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package finding_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

// The words are part of the JSON of three commands, and note, warning and error are levels of SARIF.
func TestSeverity_WordsAndOrder(t *testing.T) {
	for i, c := range []struct {
		severity finding.Severity
		word     string
		bad      bool
	}{
		{finding.OK, "ok", false},
		{finding.Note, "note", false},
		{finding.Warning, "warning", true},
		{finding.Error, "error", true},
	} {
		require.Equal(t, c.severity, finding.Severities()[i], "the best first")
		assert.Equal(t, c.word, c.severity.String())
		assert.Equal(t, c.bad, c.severity.Bad(), c.word)
		text, err := json.Marshal(c.severity)
		require.NoError(t, err)
		assert.Equal(t, `"`+c.word+`"`, string(text))
		var got finding.Severity
		require.NoError(t, json.Unmarshal(text, &got))
		assert.Equal(t, c.severity, got)
		if i > 0 {
			assert.Greater(t, c.severity, finding.Severities()[i-1])
		}
	}
	assert.Len(t, finding.Severities(), 4)
}

func TestSeverity_OtherWordsAreErrors(t *testing.T) {
	for _, word := range []string{"", "info", "warn", "fail", "Error", "none"} {
		var s finding.Severity
		assert.ErrorContains(t, s.UnmarshalText([]byte(word)), `must be ok, note, warning or error, got "`+word+`"`)
	}
	for _, s := range []finding.Severity{0, finding.Error + 1} {
		_, err := json.Marshal(s)
		assert.Error(t, err, "a severity that was not set is not written")
	}
}

func TestWorst(t *testing.T) {
	assert.Equal(t, finding.OK, finding.Worst())
	assert.Equal(t, finding.Warning, finding.Worst(finding.OK, finding.Warning, finding.Note))
}
