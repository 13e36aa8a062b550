// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
)

// The key is in none of the snippets for clients of Loki: they read it from a file or from
// the environment.
func TestOnboard_LokiSnippets(t *testing.T) {
	c := newCLI(t)
	id := "it's(a)*!tenant"
	c.ok("tenant", "create", id)
	var o operate.OnboardingView
	c.json(&o, "onboard", id, "--endpoint", "https://gw.example:4318", "--new-key")
	for name, text := range map[string]string{"alloy-logs": o.AlloyLogsConfig, "winston-loki": o.WinstonLoki, "pino-loki": o.PinoLoki} {
		assert.NotContains(t, text, "obs_k", name)
		assert.Contains(t, text, "https://gw.example:3100", name)
		assert.Equal(t, text, c.ok("onboard", id, "--endpoint", "https://gw.example:4318", "-o", "shell", "--snippet", name), name)
		assert.Equal(t, strings.Count(text, "{"), strings.Count(text, "}"), name)
		if name == "alloy-logs" {
			continue
		}
		head, _, _ := strings.Cut(text, "\n\n")
		assert.Contains(t, head, "// OTELCOL_TENANT_KEY=$(cat "+operate.KeyFile+") node app.js\n")
		assert.Contains(t, head, "require('./"+name+".cjs')")
	}
	assert.Contains(t, o.AlloyLogsConfig, `credentials_file = "`+operate.KeyFile+`"`)
	assert.NotContains(t, strings.Join(operate.SnippetNames(), " "), "promtail", "it is at its end of life")
}

// Without --loki-url the URL follows from --endpoint.
func TestOnboard_LokiURL(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	for _, test := range []struct{ endpoint, url, want string }{
		{"https://gw.example:4318/", "", "https://gw.example:3100"},
		{"http://127.0.0.1:4318", "", "http://127.0.0.1:3100"},
		{"https://[2001:db8::1]:4318", "", "https://[2001:db8::1]:3100"},
		{"https://gw.example", "", "https://gw.example"},
		{"https://gw.example:8443", "", "https://gw.example:8443"},
		{"https://gw.example:4318", "https://logs.example", "https://logs.example"},
		{"https://gw.example:4318", "https://logs.example:3100/", "https://logs.example:3100"},
		{"https://gw.example:4318", "https://logs.example/loki/api/v1/push", "https://logs.example"},
	} {
		var o operate.OnboardingView
		c.json(&o, "onboard", "a", "--endpoint", test.endpoint, "--loki-url", test.url)
		assert.Contains(t, o.AlloyLogsConfig, `"`+test.want+`/loki/api/v1/push"`)
		for _, text := range []string{o.WinstonLoki, o.PinoLoki} {
			assert.Contains(t, text, `host: '`+test.want+`',`)
		}
	}
	for u, text := range map[string]string{
		"gateway:3100": "--loki-url must be a URL such as https://gateway.example:3100", "https://g/a?b": "--loki-url", "https://g/other": "--loki-url must have no path, not /other: clients of Loki append /loki/api/v1/push",
		"https://g:4317": "--loki-url has port 4317, where the gateway receives gRPC: give the port for HTTP, by default 3100",
		"https://g/'":    "--loki-url", "http://gateway.example:3100": "--loki-url: http sends the key in clear text",
	} {
		c.fails(exitUsage, text, "onboard", "a", "--endpoint", "https://g", "--new-key", "--loki-url", u)
	}
}
