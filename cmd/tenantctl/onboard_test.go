// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestOnboard_FillsInTheKey(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "tenant-a")
	c.ok("tenant", "create", "other")
	c.ok("key", "create", "other")
	var o operate.OnboardingView
	c.json(&o, "onboard", "tenant-a", "--endpoint", "https://gw.example:4318/", "--new-key", "--description", "vm-1", "--scopes", "logs", "--deploy-env", "staging", "--pm2-home", "/srv/pm2")

	env := parseEnv(t, o.AgentEnv)
	key := env["TENANT_KEY"]
	k := c.snapshot().Key(apikey.Digest(key))
	require.NotNil(t, k)
	assert.Equal(t, o.KeyID, k.ID)
	assert.Equal(t, "vm-1", k.Description)
	assert.Equal(t, tenant.NewSignals(tenant.Logs), k.Scopes)
	assert.Equal(t, map[string]string{"BUSINESS_ID": "tenant-a", "TENANT_KEY": key, "DEPLOY_ENV": "staging", "GATEWAY_ENDPOINT": "https://gw.example:4318", "PM2_HOME": "/srv/pm2"}, env)

	assert.NotContains(t, o.OTLPEnv, `"`, "Docker takes quotes as part of the value")
	otlp := parseEnv(t, o.OTLPEnv)
	assert.Equal(t, "https://gw.example:4318", otlp["OTEL_EXPORTER_OTLP_ENDPOINT"])
	name, value, _ := strings.Cut(otlp["OTEL_EXPORTER_OTLP_HEADERS"], "=")
	value, err := url.QueryUnescape(value)
	require.NoError(t, err)
	assert.Equal(t, "Authorization: Bearer "+key, name+": "+value)

	app := parseEnv(t, o.AppEnv)
	assert.Equal(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, app, "the agent adds the key")
	assert.Contains(t, o.TestScript, "https://gw.example:4318/v1/logs")

	table := c.ok("onboard", "tenant-a", "--endpoint", "https://gw.example")
	assert.NotContains(t, table, "other")
	assert.NotContains(t, table, key, "a key is shown once")
	assert.Contains(t, table, "TENANT_KEY="+operate.KeyPlaceholder)
	assert.NotContains(t, strings.ToLower(table), "promtail", "it is at its end of life")
	assert.Len(t, c.snapshot().Tenant("tenant-a").Keys, 1, "without --new-key no key is made")
}

// A shell reads the agent's environment as it is meant, whatever characters
// the tenant's ID has.
func TestOnboard_IsSafeForAShell(t *testing.T) {
	c := newCLI(t)
	id := "it's(a)*!tenant"
	c.ok("tenant", "create", id)
	var o operate.OnboardingView
	c.json(&o, "onboard", id, "--endpoint", "https://gw.example", "--pm2-home", "/srv/my apps")
	out, err := exec.Command("sh", "-c", "set -a\n"+o.AgentEnv+`printf '%s|%s' "$BUSINESS_ID" "$PM2_HOME"`).Output()
	require.NoError(t, err)
	assert.Equal(t, id+"|/srv/my apps", string(out))
}

// Each snippet alone reads back as what it holds, in each format that has it.
func TestOnboard_PrintsOneSnippet(t *testing.T) {
	c := newCLI(t)
	id := "it's(a)*!tenant"
	c.ok("tenant", "create", id)
	var o operate.OnboardingView
	c.json(&o, "onboard", id, "--endpoint", "https://gw.example:4318", "--pm2-home", "/srv/my apps")
	for name, all := range map[string]string{"agent": o.AgentEnv, "app": o.AppEnv, "otlp": o.OTLPEnv} {
		want := parseEnv(t, all)
		args := []string{"onboard", id, "--endpoint", "https://gw.example:4318", "--pm2-home", "/srv/my apps", "--snippet", name, "-o"}
		assert.Equal(t, want, parseEnv(t, c.ok(append(args, "env")...)), name)
		for variable, value := range want {
			out, err := exec.Command("sh", "-c", c.ok(append(args, "shell")...)+`printf %s "$`+variable+`"`).Output()
			require.NoError(t, err)
			assert.Equal(t, value, string(out), "%s %s", name, variable)
		}
	}
	assert.Equal(t, o.AgentEnv, c.ok("onboard", id, "--endpoint", "https://gw.example:4318", "--pm2-home", "/srv/my apps", "-o", "env"), "the agent's is the default")
	assert.Equal(t, o.TestScript, c.ok("onboard", id, "--endpoint", "https://gw.example:4318", "--snippet", "test", "-o", "shell"))
}

// The test of a key sends what the key may send, in a form that a gateway reads.
func TestOnboard_TestsASignalOfTheKey(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "acme")
	for scopes, path := range map[string]string{"logs,traces": "logs", "metrics": "metrics", "traces,metrics": "metrics", "traces": "traces"} {
		var o operate.OnboardingView
		c.json(&o, "onboard", "acme", "--endpoint", "https://gw.example:4318", "--new-key", "--scopes", scopes)
		assert.Contains(t, o.TestScript, "https://gw.example:4318/v1/"+path+" ")
		_, data, _ := strings.Cut(o.TestScript, `data = "`)
		data, _, _ = strings.Cut(data, "\"\nEND")
		body := []byte(strings.ReplaceAll(data, `\"`, `"`))
		n := 0
		switch path {
		case "logs":
			req := plogotlp.NewExportRequest()
			require.NoError(t, req.UnmarshalJSON(body))
			n = req.Logs().LogRecordCount()
		case "metrics":
			req := pmetricotlp.NewExportRequest()
			require.NoError(t, req.UnmarshalJSON(body))
			n = req.Metrics().DataPointCount()
		case "traces":
			req := ptraceotlp.NewExportRequest()
			require.NoError(t, req.UnmarshalJSON(body))
			n = req.Traces().SpanCount()
		}
		assert.Equal(t, 1, n, path)
	}
}

// curl sends what the test prints, and the key is not on its command line.
func TestOnboard_TestScriptRuns(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("REQUIRE_REAL") == "1" {
			t.Fatal("REQUIRE_REAL=1 and there is no curl")
		}
		t.Skip("no curl on this machine")
	}
	c := newCLI(t)
	c.ok("tenant", "create", "acme")
	// The answer of curl, another process, orders nothing for the race detector: the
	// requests come over a channel.
	type request struct {
		path, contentType, authorization string
		body                             map[string]any
		err                              error
	}
	requests := make(chan request, 2)
	statuses := make(chan int, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := request{path: r.URL.Path, contentType: r.Header.Get("Content-Type"), authorization: r.Header.Get("Authorization")}
		got.err = json.NewDecoder(r.Body).Decode(&got.body)
		requests <- got
		w.WriteHeader(<-statuses)
	}))
	defer server.Close()
	script := c.ok("onboard", "acme", "--endpoint", server.URL, "--new-key", "--snippet", "test", "-o", "shell")
	head, _, _ := strings.Cut(script, "<<")
	assert.NotContains(t, head, "obs_k")
	statuses <- http.StatusOK
	out, err := exec.Command("sh", "-c", strings.Replace(script, "curl", curl, 1)).Output()
	require.NoError(t, err)
	assert.Equal(t, "\n200\n", string(out))
	got := <-requests
	require.NoError(t, got.err)
	assert.Equal(t, "/v1/logs", got.path)
	assert.Equal(t, "application/json", got.contentType)
	key, found := strings.CutPrefix(got.authorization, "Bearer ")
	require.True(t, found)
	assert.NotNil(t, c.snapshot().Key(apikey.Digest(key)))
	assert.Len(t, got.body["resourceLogs"], 1)

	statuses <- http.StatusUnauthorized
	out, err = exec.Command("sh", "-c", strings.Replace(script, "curl", curl, 1)).Output()
	require.ErrorContains(t, err, "exit status 1")
	assert.Equal(t, "\n401\n", string(out))
}

func TestOnboard_WritesFiles(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "acme")
	dir := filepath.Join(t.TempDir(), "acme")
	out := c.ok("onboard", "acme", "--endpoint", "https://gw.example", "--new-key", "--directory", dir)
	assert.NotContains(t, out, "obs_k", "the key is in the files only")
	var key string
	for name, holds := range map[string]string{
		"agent.env": "BUSINESS_ID=acme\n", "app.env": "http://127.0.0.1:4318\n", "otlp.env": "Authorization=Bearer%20obs_k", "test.sh": "https://gw.example/v1/logs",
		"gateway.key": "obs_k", "prometheus.yaml": "https://gw.example/api/v1/write", "vmagent.sh": "https://gw.example/api/v1/write", "alloy.alloy": "https://gw.example/api/v1/write",
		"alloy-logs.alloy": "https://gw.example/loki/api/v1/push", "winston-loki.cjs": "host: 'https://gw.example',", "pino-loki.cjs": "host: 'https://gw.example',",
	} {
		path := filepath.Join(dir, name)
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Contains(t, string(raw), holds)
		assert.Contains(t, out, path)
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		if name == "agent.env" {
			key = parseEnv(t, string(raw))["TENANT_KEY"]
		}
	}
	require.NotNil(t, c.snapshot().Key(apikey.Digest(key)))

	c.fails(exitFailure, "file exists: it may hold a key that is in use", "onboard", "acme", "--endpoint", "https://gw.example", "--new-key", "--directory", dir)
	assert.Len(t, c.snapshot().Tenant("acme").Keys, 1, "no key is made for files that cannot be written")
	other := filepath.Join(t.TempDir(), "other")
	c.ok("onboard", "acme", "--endpoint", "https://gw.example", "--new-key", "--dry-run", "--directory", other)
	left, err := os.ReadDir(other)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// What sends only signals that the key may not send is left out, in each format.
func TestOnboard_FollowsTheScopes(t *testing.T) {
	always := []string{"agent.env", "app.env", "gateway.key", "otlp.env", "test.sh"}
	metrics, logs := []string{"alloy.alloy", "prometheus.yaml", "vmagent.sh"}, []string{"alloy-logs.alloy", "pino-loki.cjs", "winston-loki.cjs"}
	for scopes, tt := range map[string]struct {
		files []string
		note  string
	}{
		"metrics":      {slices.Concat(always, metrics), "Note: the key may send only metrics, so there is nothing for alloy-logs, winston-loki, pino-loki.\n"},
		"logs,traces":  {slices.Concat(always, logs), "Note: the key may send only logs and traces, so there is nothing for prometheus, vmagent, alloy.\n"},
		"traces":       {always, "Note: the key may send only traces, so there is nothing for prometheus, vmagent, alloy, alloy-logs, winston-loki, pino-loki.\n"},
		"metrics,logs": {slices.Concat(always, metrics, logs), ""},
		"no key":       {slices.Concat(always, metrics, logs), ""},
	} {
		t.Run(scopes, func(t *testing.T) {
			c := newCLI(t)
			c.ok("tenant", "create", "acme")
			dir := filepath.Join(t.TempDir(), "acme")
			args := []string{"onboard", "acme", "--endpoint", "https://gw.example"}
			if scopes != "no key" {
				args = append(args, "--new-key", "--scopes", scopes)
			}
			assert.Equal(t, tt.note, c.run(append(args, "--directory", dir)...).err)
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			var names []string
			for _, e := range entries {
				names = append(names, e.Name())
			}
			assert.ElementsMatch(t, tt.files, names)

			var o operate.OnboardingView
			c.json(&o, args...)
			table := c.ok(args...)
			for name, text := range map[string]string{
				"prometheus.yaml": o.PrometheusConfig, "vmagent.sh": o.VMAgentScript, "alloy.alloy": o.AlloyConfig,
				"alloy-logs.alloy": o.AlloyLogsConfig, "winston-loki.cjs": o.WinstonLoki, "pino-loki.cjs": o.PinoLoki,
			} {
				assert.Equal(t, slices.Contains(tt.files, name), text != "", name)
			}
			assert.Equal(t, slices.Contains(tt.files, "prometheus.yaml"), strings.Contains(table, "remote_write:"))
			assert.Equal(t, slices.Contains(tt.files, "pino-loki.cjs"), strings.Contains(table, "require('pino')"))
		})
	}
}

// A URL with the port of an endpoint that is not the usual one is right only behind a proxy.
func TestOnboard_NotesGuessedURLs(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	write := func(host string) string {
		return "Note: remote write goes to https://" + host + "/api/v1/write: give --remote-write-url if no proxy distributes requests by path.\n"
	}
	push := func(host string) string {
		return "Note: clients of Loki push to https://" + host + "/loki/api/v1/push: give --loki-url if no proxy distributes requests by path.\n"
	}
	for args, want := range map[string]string{
		"--endpoint https://g:24318":                                                       write("g:24318") + push("g:24318"),
		"--endpoint https://[2001:db8::1]:8443/":                                           write("[2001:db8::1]:8443") + push("[2001:db8::1]:8443"),
		"--endpoint https://g:24318 -o json":                                               write("g:24318") + push("g:24318"),
		"--endpoint https://g:24318 --remote-write-url https://g:2":                        push("g:24318"),
		"--endpoint https://g:24318 --loki-url https://g:3":                                write("g:24318"),
		"--endpoint https://g:24318 -o shell --snippet vmagent":                            write("g:24318"),
		"--endpoint https://g:24318 -o shell --snippet alloy-logs":                         push("g:24318"),
		"--endpoint https://g:24318 -o env":                                                "",
		"--endpoint https://g:24318 --remote-write-url https://g:2 --loki-url https://g:3": "",
		"--endpoint https://g:4318":                                                        "",
		"--endpoint https://g":                                                             "",
		"--endpoint https://g:443":                                                         "",
	} {
		r := c.run(append([]string{"onboard", "a"}, strings.Fields(args)...)...)
		require.Zero(t, r.code, r.err)
		assert.Equal(t, want, r.err, args)
	}
	r := c.run("onboard", "a", "--endpoint", "https://g:24318", "--new-key", "--scopes", "metrics")
	require.Zero(t, r.code, r.err)
	assert.Contains(t, r.err, write("g:24318"))
	assert.NotContains(t, r.err, "loki-url")
}

func TestOnboard_Rejections(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	for endpoint, text := range map[string]string{
		"":                            "--endpoint is required",
		"gateway:4318":                "--endpoint must be a URL",
		"ftp://gateway":               "--endpoint must be a URL",
		"https://":                    "--endpoint must be a URL",
		"https://:4318":               "--endpoint must be a URL",
		"https://user:pw@gateway":     "--endpoint must be a URL",
		"https://g/?a=b":              "--endpoint must be a URL",
		"https://g?":                  "--endpoint must be a URL",
		"https://g#":                  "--endpoint must be a URL",
		"https://g:":                  "--endpoint must be a URL",
		"https://g:0":                 "--endpoint must be a URL",
		"https://g:70000":             "--endpoint must be a URL",
		"https://g,h":                 "--endpoint must be a URL",
		"https://g/$(x)":              "--endpoint must be a URL",
		"https://g/\nx: y":            "--endpoint must be a URL",
		"https://g/v1/logs":           "--endpoint must have no path, not /v1/logs",
		"https://g:4318/otlp/":        "--endpoint must have no path, not /otlp/",
		"https://g:4317":              "--endpoint has port 4317, where the gateway receives gRPC: give the port for HTTP, by default 4318",
		"http://127.0.0.1:4317/":      "--endpoint has port 4317",
		"http://gateway.example:4318": "use https://gateway.example:4318",
		"http://10.0.0.1":             "use https://10.0.0.1",
		"http://localhost.example":    "use https://localhost.example",
	} {
		c.fails(exitUsage, text, "onboard", "a", "--new-key", "--endpoint", endpoint)
	}
	for _, endpoint := range []string{"http://127.0.0.1:4318", "http://localhost", "http://[::1]:4318/", "https://[2001:db8::1]:4318", "HTTPS://gw.example"} {
		c.ok("onboard", "a", "--endpoint", endpoint)
	}
	c.fails(exitUsage, "--endpoint is required", "onboard", "a")
	c.fails(exitUsage, "--snippet must be agent, app, otlp, test, key, prometheus, vmagent, alloy, alloy-logs, winston-loki or pino-loki", "onboard", "a", "--endpoint", "https://g", "-o", "env", "--snippet", "x")
	c.fails(exitUsage, "use -o shell", "onboard", "a", "--endpoint", "https://g", "-o", "env", "--snippet", "test")
	c.fails(exitUsage, "use -o shell", "onboard", "a", "--endpoint", "https://g", "-o", "env", "--snippet", "prometheus")
	for _, name := range []string{"app", "prometheus", "vmagent", "alloy", "alloy-logs", "winston-loki", "pino-loki"} {
		c.fails(exitUsage, "the "+name+" snippet has no key", "onboard", "a", "--endpoint", "https://g", "--new-key", "-o", "shell", "--snippet", name)
	}
	for u, text := range map[string]string{
		"gateway:19291": "--remote-write-url must be a URL such as https://gateway.example:19291/api/v1/write",
		"https://g/a?b": "--remote-write-url must be a URL", "https://u:p@g/a": "--remote-write-url must be a URL",
		"https://g/a,b": "--remote-write-url must have a path of letters", "https://g/a%2cb": "--remote-write-url must have a path of letters",
		"https://g/a'b": "--remote-write-url must", "https://g/a b": "--remote-write-url must", "https://g/$x": "--remote-write-url must",
		"https://g:4317/api/v1/write":  "--remote-write-url has port 4317, where the gateway receives gRPC: give the port for HTTP, by default 19291",
		"http://gateway.example:19291": "--remote-write-url: http sends the key in clear text",
	} {
		c.fails(exitUsage, text, "onboard", "a", "--endpoint", "https://g", "--new-key", "--remote-write-url", u)
	}
	c.fails(exitUsage, "--snippet is for -o env and -o shell", "onboard", "a", "--endpoint", "https://g", "-o", "json", "--snippet", "app")
	c.fails(exitUsage, "give no -o json with it", "onboard", "a", "--endpoint", "https://g", "-o", "json", "--directory", t.TempDir())
	c.fails(exitUsage, "--output must be table, json, yaml, env or shell", "onboard", "a", "--endpoint", "https://g", "-o", "xml")
	c.fails(exitUsage, "--output must be table, json or yaml", "tenant", "list", "-o", "env")
	c.fails(exitUsage, "--pm2-home must not have", "onboard", "a", "--endpoint", "https://g", "--pm2-home", "/x\"\nTENANT_KEY=y")
	for _, name := range keyFlagNames() {
		c.fails(exitUsage, "--"+name+" describes a new key: give --new-key too", "onboard", "a", "--endpoint", "https://g", "--"+name, "1h")
	}
	c.fails(exitUsage, "unknown signal", "onboard", "a", "--endpoint", "https://g", "--new-key", "--scopes", "x")
	assert.Empty(t, c.snapshot().Tenant("a").Keys)
	c.ok("tenant", "suspend", "a")
	assert.Contains(t, c.run("onboard", "a", "--endpoint", "https://g").err, "suspended")
}

// parseEnv reads an environment file as systemd does.
func parseEnv(t *testing.T, text string) map[string]string {
	t.Helper()
	env := make(map[string]string)
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), "=")
		require.True(t, ok, lines.Text())
		env[name] = strings.Trim(value, `"`)
	}
	return env
}
