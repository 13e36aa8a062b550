// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHealth(t *testing.T) {
	answers := map[string]struct {
		code int
		body string
	}{
		"/health":      {200, `{"status":"degraded","reasons":["registry_stale"]}`},
		"/health/live": {200, `{"status":"ok"}`},
		"/unavailable": {503, `{"status":"unavailable","reasons":["starting"]}`},
		"/ready":       {200, "ready\n"},
		"/moved":       {302, ""},
		"/hostile":     {503, "{\"status\":\"\x1b[31mred\"}"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := answers[r.URL.Path]
		if a.code == 302 {
			w.Header().Set("Location", "/health")
		}
		w.WriteHeader(a.code)
		_, _ = w.Write([]byte(a.body))
	}))
	t.Cleanup(server.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	t.Setenv(healthEndpointEnv, "0.0.0.0:"+port)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")

	c := newCLI(t)
	assert.Equal(t, "degraded: registry_stale\n", c.ok("health"))
	assert.Equal(t, "ok\n", c.ok("health", "--live"))
	assert.Equal(t, "answers 200\n", c.ok("health", server.URL+"/ready"))
	assert.Contains(t, c.ok("health", "-o", "json"), `"status": "degraded"`)

	for args, want := range map[string]string{
		"health " + server.URL + "/unavailable": "/unavailable answers 503",
		"health " + server.URL + "/moved":       "/moved answers 302",
		"health http://127.0.0.1:1/":            "is the collector running",
	} {
		code, out, stderr := runHealth(t, args)
		assert.Equal(t, exitFailure, code, args)
		assert.Contains(t, stderr, want, args)
		assert.NotContains(t, out, "\x1b", args)
	}
	_, out, _ := runHealth(t, "health "+server.URL+"/hostile")
	assert.NotContains(t, out, "\x1b")
	for _, args := range []string{"health ftp://x", "health a b", "health --live http://x/"} {
		code, _, _ := runHealth(t, args)
		assert.Equal(t, exitUsage, code, args)
	}
	t.Setenv(healthEndpointEnv, "13133")
	code, _, stderr := runHealth(t, "health")
	assert.Equal(t, exitUsage, code)
	require.Contains(t, stderr, healthEndpointEnv)
}

// runHealth runs one command line in this process.
func runHealth(t *testing.T, line string) (code int, out, stderr string) {
	t.Helper()
	var o, e strings.Builder
	code = run(t.Context(), strings.Fields(line), streams{in: strings.NewReader(""), out: &o, err: &e})
	return code, o.String(), e.String()
}
