// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package logname

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDerived(t *testing.T) {
	for _, c := range []struct{ original, base string }{
		{"app.log", "app-20261201.log"},
		{"app.log", "app.1.log"},
		{"app.log", "app-2026-12-01.log"},
		{"app.log", "app.2026-12-01.log"},
		{"app.log", "app-1796086800.log"},
		{"app.log", "app-20261201-1796086800.log"},
		{"app.log", "app-2026120102.log"},
		{"app.log", "app.log.1"},
		{"api-out.log", "api-out-1796086800.log"},
		{"api-out.log", "api-out-01122026.log"},
		{"api-out.log", "api-out-01-12-2026.log"},
		{"api-out.log", "api-out-2026-12.log"},
		{"api-out.log", "api-out-202612.log"},
		{"api-out.log", "api-out-2026-W49.log"},
		{"api-out.log", "api-out-20261201T020000.log"},
		{"api-out-3.log", "api-out-3-1796086800.log"},
	} {
		assert.True(t, Derived(c.base, c.original), "%s of %s", c.base, c.original)
	}
	for _, c := range []struct{ original, base string }{
		{"app.log", "app.log"},
		{"app.log", "app-1.log"},
		{"api-out.log", "api-out-0.log"},
		{"api-out.log", "api-out-12345.log"},
		{"api-out-1.log", "api-out-12.log"},
		{"api-out-1.log", "api-out-2.log"},
		{"app.log", "app-old.log"},
		{"app.log", "app2.log"},
		{"app.log", "backup.log"},
		{".log", "1.log"},
	} {
		assert.False(t, Derived(c.base, c.original), "%s of %s", c.base, c.original)
	}
}
