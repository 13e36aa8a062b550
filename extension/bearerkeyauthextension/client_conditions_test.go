// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
)

func TestKeyWatch(t *testing.T) {
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	var w clientConditions
	assert.Empty(t, w.findings(noon))

	w.read("/etc/key", errors.New("permission denied"))
	got := w.findings(noon)
	require.Len(t, got, 1)
	assert.Equal(t, condition.KeyFileFailed, got[0].Name)
	assert.Contains(t, got[0].Message, "/etc/key")
	assert.Contains(t, got[0].Message, "permission denied")
	assert.Equal(t, "unreadable", got[0].Cause)
	for cause, fault := range map[string]error{"missing": fs.ErrNotExist, "permission": fs.ErrPermission, "no_key": errNotAKeyFile} {
		w.read("/etc/key", fault)
		assert.Equal(t, cause, w.findings(noon)[0].Cause)
	}
	w.read("/etc/key", nil)
	assert.Empty(t, w.findings(noon))

	w.withheld("192.0.2.1:4318", noon)
	got = w.findings(noon.Add(9 * time.Minute))
	require.Len(t, got, 1)
	assert.Equal(t, condition.KeyNotSent, got[0].Name)
	assert.Contains(t, got[0].Message, "192.0.2.1:4318")
	assert.Empty(t, w.findings(noon.Add(10*time.Minute)), "no client retries")
	w.withheld("192.0.2.1:4318", noon)
	w.sent()
	assert.Empty(t, w.findings(noon))
}
