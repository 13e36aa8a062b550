package tail

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
)

func TestParseName(t *testing.T) {
	const none = envelope.NoProcess
	for base, want := range map[string]Name{
		"shop-out.log":         {App: "shop", ProcessID: none},
		"shop-error-12.log":    {App: "shop", Stderr: true, ProcessID: 12},
		"api-out-v2-error.log": {App: "api-out-v2", Stderr: true, ProcessID: none},
		"shop-err.log":         {App: "shop", Stderr: true, ProcessID: none},
		"shop-err-4.log":       {App: "shop", Stderr: true, ProcessID: 4},
		"shop.stderr.log":      {App: "shop", Stderr: true, ProcessID: none},
		"shop_stdout.log":      {App: "shop", ProcessID: none},
		"err.log":              {App: "err", Stderr: true, ProcessID: none},
		"err-0.log":            {App: "err", Stderr: true, ProcessID: 0},
		"error.log":            {App: "error", Stderr: true, ProcessID: none},
		"out-2.log":            {App: "out", ProcessID: 2},
		"terror.log":           {App: "terror", Combined: true, ProcessID: none},
		"checkout.log":         {App: "checkout", Combined: true, ProcessID: none},
		"shop.log":             {App: "shop", Combined: true, ProcessID: none},
		"shop-3.log":           {App: "shop", Combined: true, ProcessID: 3},
		"custom.txt":           {App: "custom", Combined: true, ProcessID: none},
	} {
		assert.Equal(t, want, ParseName(base), base)
	}
}

func TestRotated(t *testing.T) {
	for base, want := range map[string]string{
		"shop-out__2026-11-21_03-00-00.log":    "shop-out.log",
		"shop-out__2026-11-21_03-00-00.log.gz": "shop-out.log",
		"shop__api-out.log":                    "",
		"shop-out.log":                         "",
		"__2026-11-21_03-00-00.log":            "",
		"a__b-out__2026-11-21_03-00-00.log":    "a__b-out.log",
	} {
		got, ok := Rotated(base)
		assert.Equal(t, want, got, base)
		assert.Equal(t, want != "", ok, base)
	}
}

func TestRelative(t *testing.T) {
	for base, want := range map[string]bool{
		"a-out__2026-11-21_03-00-00.log": true, "a-out.log.1": true, "a-out.log.2.gz": true, "a-out.log-20261121": true,
		"a-out.log": false, "a-out-1.log": false, "ba-out.log.1": false, "a-out.log.": false, "a-error.log.1": false,
	} {
		assert.Equal(t, want, relative(base, "a-out.log"), base)
	}
}
