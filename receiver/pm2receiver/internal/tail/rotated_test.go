package tail

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRotated_KnowsLogrotateThatKeepsTheExtension(t *testing.T) {
	for name, want := range map[string]string{
		"api-out__2026-11-21_00-00-00.log":    "api-out.log",
		"api-out-3__2026-11-21_00-00-00.log":  "api-out-3.log",
		"api-out__2026-11-21_00-00-00.log.gz": "api-out.log",
		"pm2__2026-11-21_00-00-00.log":        "pm2.log",
		// logrotate with "extension .log"
		"api-out.1.log":                 "api-out.log",
		"api-error-3.12.log.gz":         "api-error-3.log",
		"api-out-20261121.log":          "api-out.log",
		"api-out-3-2026-11-21_0100.log": "api-out-3.log",
		"v1.2-out.1.log":                "v1.2-out.log",
	} {
		got, ok := Rotated(name)
		assert.True(t, ok, name)
		assert.Equal(t, want, got, name)
	}
	for _, name := range []string{
		"api-out.log", "api-out-3.log", "api-out-20.log", "v1.2-out.log", "v1.2.log", "api.log", "api-20261121.log", "a__b-out.log", "api-out-old.log", "api-out-1234-out.log",
	} {
		_, ok := Rotated(name)
		assert.False(t, ok, name)
	}
}
