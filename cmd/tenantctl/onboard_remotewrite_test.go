// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
)

// prometheusConfigs returns the snippet for Prometheus as it is and with each of the
// variants that it has in comments.
func prometheusConfigs(t *testing.T, snippet string) map[string]string {
	t.Helper()
	basic := regexp.MustCompile(`    authorization:\n.*\n`).ReplaceAllString(snippet, "")
	basic = regexp.MustCompile(`(?m)^    # (basic_auth:|  username|  password_file)`).ReplaceAllString(basic, "    $1")
	v2 := strings.Replace(snippet, "# protobuf_message", "protobuf_message", 1)
	require.NotEqual(t, snippet, v2)
	require.NotContains(t, basic, "credentials_file")
	return map[string]string{"1.0": snippet, "basic": basic, "2.0": v2}
}

func TestOnboard_RemoteWriteSnippets(t *testing.T) {
	c := newCLI(t)
	id := "it's(a)*!tenant"
	c.ok("tenant", "create", id)
	var o operate.OnboardingView
	c.json(&o, "onboard", id, "--endpoint", "https://gw.example:4318", "--new-key")
	assert.NotNil(t, c.snapshot().Key(apikey.Digest(strings.TrimSuffix(o.GatewayKey, "\n"))), "the key and nothing else")
	for name, text := range map[string]string{"key": o.GatewayKey, "prometheus": o.PrometheusConfig, "vmagent": o.VMAgentScript, "alloy": o.AlloyConfig} {
		assert.Equal(t, name == "key", strings.Contains(text, "obs_k"), "%s: the key is in its own file only", name)
		if name != "key" {
			assert.Contains(t, text, "https://gw.example:19291/api/v1/write", name)
			assert.Equal(t, text, c.ok("onboard", id, "--endpoint", "https://gw.example:4318", "-o", "shell", "--snippet", name), name)
		}
	}
	assert.Contains(t, o.AlloyConfig, `credentials_file = "`+operate.KeyFile+`"`)
	assert.Equal(t, strings.Count(o.AlloyConfig, "{"), strings.Count(o.AlloyConfig, "}"))

	type auth struct {
		Username        string `yaml:"username"`
		PasswordFile    string `yaml:"password_file"`
		CredentialsFile string `yaml:"credentials_file"`
	}
	type write struct {
		URL           string            `yaml:"url"`
		Authorization *auth             `yaml:"authorization"`
		BasicAuth     *auth             `yaml:"basic_auth"`
		Headers       map[string]string `yaml:"headers"`
		Message       string            `yaml:"protobuf_message"`
		Queue         struct {
			RetryOn429 bool `yaml:"retry_on_http_429"`
		} `yaml:"queue_config"`
	}
	for name, text := range prometheusConfigs(t, o.PrometheusConfig) {
		var config struct {
			RemoteWrite []write `yaml:"remote_write"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(text), &config), text)
		require.Len(t, config.RemoteWrite, 1, name)
		w := config.RemoteWrite[0]
		assert.Equal(t, "https://gw.example:19291/api/v1/write", w.URL)
		assert.True(t, w.Queue.RetryOn429, name)
		assert.Empty(t, w.Headers, "Prometheus 2.42 drops them")
		assert.Equal(t, map[string]string{"2.0": "io.prometheus.write.v2.Request"}[name], w.Message)
		if name == "basic" {
			assert.Equal(t, &auth{Username: id, PasswordFile: operate.KeyFile}, w.BasicAuth)
			assert.Nil(t, w.Authorization)
		} else {
			assert.Equal(t, &auth{CredentialsFile: operate.KeyFile}, w.Authorization, name)
			assert.Nil(t, w.BasicAuth, name)
		}
	}
}

// Without --remote-write-url the URL follows from --endpoint.
func TestOnboard_RemoteWriteURL(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	for _, test := range []struct{ endpoint, url, want string }{
		{"https://gw.example:4318/", "", "https://gw.example:19291/api/v1/write"},
		{"http://127.0.0.1:4318", "", "http://127.0.0.1:19291/api/v1/write"},
		{"https://[2001:db8::1]:4318", "", "https://[2001:db8::1]:19291/api/v1/write"},
		{"https://gw.example", "", "https://gw.example/api/v1/write"},
		{"https://gw.example:8443", "", "https://gw.example:8443/api/v1/write"},
		{"https://gw.example:4318", "https://metrics.example", "https://metrics.example/api/v1/write"},
		{"https://gw.example:4318", "https://metrics.example:9009/", "https://metrics.example:9009/api/v1/write"},
		{"https://gw.example:4318", "https://metrics.example/push/write", "https://metrics.example/push/write"},
	} {
		var o operate.OnboardingView
		c.json(&o, "onboard", "a", "--endpoint", test.endpoint, "--remote-write-url", test.url)
		for _, text := range []string{o.PrometheusConfig, o.AlloyConfig} {
			assert.Contains(t, text, `"`+test.want+`"`)
		}
		assert.Contains(t, o.VMAgentScript, "-remoteWrite.url="+test.want+" ")
	}
}

// The script starts vmagent with the URL, the file of the key and its own arguments.
func TestOnboard_VMAgentScriptRuns(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "a")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "vmagent"), []byte("#!/bin/sh\nprintf '%s\\n' \"$@\"\n"), 0o700)) //nolint:gosec // a script that the test runs
	script := filepath.Join(dir, "vmagent.sh")
	require.NoError(t, os.WriteFile(script, []byte(c.ok("onboard", "a", "--endpoint", "https://gw.example:4318", "-o", "shell", "--snippet", "vmagent")), 0o600))
	cmd := exec.Command("sh", script, "-promscrape.config=/etc/my scrape.yaml")
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, "-remoteWrite.url=https://gw.example:19291/api/v1/write\n-remoteWrite.bearerTokenFile="+operate.KeyFile+"\n-promscrape.config=/etc/my scrape.yaml\n", string(out))
}

// promtool, which checks that files of keys exist, accepts the snippet.
func TestOnboard_PromtoolAcceptsTheSnippet(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("REQUIRE_REAL") == "1" {
			t.Fatal("REQUIRE_REAL=1 and there is no promtool (package prometheus)")
		}
		t.Skip("there is no promtool (package prometheus)")
	}
	version, err := exec.Command(promtool, "--version").CombinedOutput()
	require.NoError(t, err, string(version))
	c := newCLI(t)
	c.ok("tenant", "create", "acme")
	dir := t.TempDir()
	var o operate.OnboardingView
	c.json(&o, "onboard", "acme", "--endpoint", "https://gw.example:4318", "--new-key")
	key := filepath.Join(dir, "gateway.key")
	require.NoError(t, os.WriteFile(key, []byte(o.GatewayKey), 0o600))
	for name, text := range prometheusConfigs(t, o.PrometheusConfig) {
		if name == "2.0" && strings.Contains(string(version), "version 2.") {
			continue // it does not know remote write 2.0
		}
		file := filepath.Join(dir, name+".yaml")
		require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(text, operate.KeyFile, key)), 0o600))
		out, err := exec.Command(promtool, "check", "config", file).CombinedOutput()
		require.NoError(t, err, "%s: %s", name, out)
	}
}
