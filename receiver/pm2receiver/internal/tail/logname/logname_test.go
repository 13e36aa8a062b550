// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package logname

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
)

func TestParse_StreamsAndNames(t *testing.T) {
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
		"App-Error.log":        {App: "App", Stderr: true, ProcessID: none},
		"API_ERR-3.LOG":        {App: "API", Stderr: true, ProcessID: 3},
		"errors.log":           {App: "errors", Stderr: true, ProcessID: none},
		"shop-errors.log":      {App: "shop", Stderr: true, ProcessID: none},
		"shop-stderr.txt":      {App: "shop", Stderr: true, ProcessID: none},
		"error.txt":            {App: "error", Stderr: true, ProcessID: none},
		"out.txt":              {App: "out", ProcessID: none},
		"app.err":              {App: "app", Stderr: true, ProcessID: none},
		"app.out":              {App: "app", ProcessID: none},
		"shop-output.log":      {App: "shop", ProcessID: none},
		"terror-out.log":       {App: "terror", ProcessID: none},
		"mirror.log":           {App: "mirror", Combined: true, ProcessID: none},
		"errands.log":          {App: "errands", Combined: true, ProcessID: none},
		"layout.log":           {App: "layout", Combined: true, ProcessID: none},
		"error-handler.log":    {App: "error-handler", Combined: true, ProcessID: none},
		"shop-error-page.log":  {App: "shop-error-page", Combined: true, ProcessID: none},
		"stderr-3.log":         {App: "stderr", Stderr: true, ProcessID: 3},
	} {
		assert.Equal(t, want, Parse(base), base)
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

func TestSuffixed(t *testing.T) {
	for base, want := range map[string]string{
		"a-out.log.1": "a-out.log", "a-out.log.2.gz": "a-out.log", "a-out.log-20261121": "a-out.log",
		"a-out.log": "", "a-out-1.log": "", "a-out.log.": "", ".log.1": "", "a.txt.1": "",
	} {
		got, ok := Suffixed(base)
		assert.Equal(t, want, got, base)
		assert.Equal(t, want != "", ok, base)
	}
}

func TestOriginal_UndoesOneRotation(t *testing.T) {
	for base, want := range map[string]string{
		"a-out__2026-11-21_03-00-00.log": "a-out.log", "a-out.log.1": "a-out.log", "a-out.log-20261121": "a-out.log",
		"custom.txt.gz": "custom.txt", "custom.txt.12": "custom.txt", "custom.txt-2026-11-21": "custom.txt",
		"a-out.log": "a-out.log", "custom.txt": "custom.txt",
	} {
		assert.Equal(t, want, Original(base), base)
	}
}

func TestOriginals_AreBounded(t *testing.T) {
	assert.Equal(t, []string{"a-out.log.1", "a-out.log", "a-out", "a"}, Originals("a-out.log.1"))
	assert.Len(t, Originals(strings.Repeat("a.", 100)), maxOriginals)
}

func TestStreamFiles(t *testing.T) {
	assert.Equal(t, []string{"a-out-1.log", "a-1-out.log", "a-error-1.log", "a-1-error.log", "a-err-1.log", "a-1-err.log"}, StreamFiles("a-1.log"))
	assert.Empty(t, StreamFiles("a.txt"))
}

func TestRotated_KnowsLogrotateThatKeepsTheExtension(t *testing.T) {
	for name, want := range map[string]string{
		"api-out__2026-11-21_00-00-00.log":    "api-out.log",
		"api-out-3__2026-11-21_00-00-00.log":  "api-out-3.log",
		"api-out__2026-11-21_00-00-00.log.gz": "api-out.log",
		"pm2__2026-11-21_00-00-00.log":        "pm2.log",
		// pm2-logrotate with another dateFormat
		"api-out__26.11.2026.log":              "api-out.log",
		"api-out-3__Nov-26-2026 3am.log.gz":    "api-out-3.log",
		"api-error__2026-11-26T03:00:00.log":   "api-error.log",
		"a__b-out__2026-11-26T03:00:00+01.log": "a__b-out.log",
		"custom__2026-11-26T03:00:00.log":      "custom.log",
		"pm2__26.11.2026.log":                  "pm2.log",
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
		"api-out__eu.log", "api-out__v2.log", "pm2__worker.log",
		"api-out__b-out.log", "api-out__b-error-3.log", "pm2__b-out.log", "shop__v1.2.log", "shop__10.20.30.40.log",
	} {
		_, ok := Rotated(name)
		assert.False(t, ok, name)
	}
}
