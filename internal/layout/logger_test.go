// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package layout

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLoggers requires that every component cleans what it logs: paths, names,
// headers and answers in it are chosen by others.
func TestLoggers(t *testing.T) {
	factories, err := filepath.Glob("../../*/*/factory.go")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(factories), 7)
	for _, path := range factories {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		creates := strings.Count(string(raw), " set ") + strings.Count(string(raw), ", set ")
		assert.True(t, creates == 0 || strings.Contains(string(raw), "safetext.Logger(set.Logger)") ||
			strings.Contains(string(raw), "safetext.Logger(sharedlog.Logger(set.Logger))"),
			"%s: a component must wrap its logger when it is created: set.Logger = safetext.Logger(set.Logger)", path)
	}
}
