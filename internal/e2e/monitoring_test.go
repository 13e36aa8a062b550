// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/dashboards"
)

var monitoring = filepath.Join(root, "distributions", "monitoring")

// alertRule is a rule of distributions/monitoring/alerts.
type alertRule struct {
	file string

	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alertRules(t *testing.T) (rules []alertRule) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(monitoring, "alerts", "*.yaml"))
	require.NoError(t, err)
	for _, file := range files {
		var content struct{ Groups []struct{ Rules []alertRule } }
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, &content))
		for _, g := range content.Groups {
			for _, r := range g.Rules {
				r.file = strings.TrimSuffix(filepath.Base(file), ".yaml")
				rules = append(rules, r)
			}
		}
	}
	require.NotEmpty(t, rules)
	return rules
}

// tool returns the path of a program of Debian, or skips.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name)
	}
	return path
}

// Each alert has tests that it fires and that it does not, and a section in the runbook.
func TestMonitoring_EachAlertHasTestsAndARunbook(t *testing.T) {
	t.Parallel()
	runbook, err := os.ReadFile(filepath.Join(root, "docs", "runbook.md"))
	require.NoError(t, err)
	sections := map[string]string{}
	for _, part := range regexp.MustCompile(`(?m)^## `).Split(string(runbook), -1)[1:] {
		title, text, _ := strings.Cut(part, "\n")
		sections[title] = text
	}
	tested := map[string]int{}
	files, err := filepath.Glob(filepath.Join(monitoring, "alerts", "tests", "*.yaml"))
	require.NoError(t, err)
	for _, file := range files {
		var content struct {
			Tests []struct {
				Name           string
				AlertRuleTests []struct {
					Alert    string         `yaml:"alertname"`
					Expected []alertRuleGot `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, &content))
		for _, test := range content.Tests {
			for _, one := range test.AlertRuleTests {
				if len(one.Expected) > 0 {
					tested[one.Alert+" fires"]++
				} else {
					tested[one.Alert+" does not fire"]++
				}
			}
		}
	}
	names := map[string]bool{}
	for _, r := range alertRules(t) {
		require.NotEmpty(t, r.Alert)
		assert.False(t, names[r.Alert], "two rules are named %s", r.Alert)
		names[r.Alert] = true
		assert.Contains(t, []string{"critical", "warning"}, r.Labels["severity"], r.Alert)
		assert.NotEmpty(t, r.Annotations["summary"], r.Alert)
		assert.NotEmpty(t, r.Annotations["description"], r.Alert)
		assert.Equal(t, "https://github.com/otelcol-tenant/otelcol-tenant/blob/main/docs/runbook.md#"+strings.ToLower(r.Alert), r.Annotations["runbook_url"])
		assert.Positive(t, tested[r.Alert+" fires"], r.Alert)
		assert.Positive(t, tested[r.Alert+" does not fire"], r.Alert)
		section, ok := sections[r.Alert]
		assert.True(t, ok, "docs/runbook.md has no section %s", r.Alert)
		for _, part := range []string{"Means", "Impact", "ook at", "ix", "Escalate"} {
			assert.Regexp(t, `(?i)- \*\*[^*]*`+part, section, r.Alert)
		}
	}
	for title := range sections {
		assert.True(t, names[title], "docs/runbook.md: there is no alert %s", title)
	}
}

type alertRuleGot struct {
	Labels map[string]string `yaml:"exp_labels"`
}

// promtool runs the tests of the rules and checks all configuration files.
func TestMonitoring_RulesAndConfigurationsAreValid(t *testing.T) {
	t.Parallel()
	promtool := tool(t, "promtool")
	run := func(dir string, command ...string) {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Dir = filepath.Join(monitoring, dir)
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, "%v: %s", command, out)
	}
	tests, err := filepath.Glob(filepath.Join(monitoring, "alerts", "tests", "*.yaml"))
	require.NoError(t, err)
	for _, test := range tests {
		run(filepath.Join("alerts", "tests"), promtool, "test", "rules", filepath.Base(test))
	}
	run("", promtool, "check", "config", "prometheus.yaml")
	run("", tool(t, "amtool"), "check-config", "alertmanager.yaml")
}

// dashboardQueries returns the queries of the operators' dashboards in PromQL, by dashboard.
func dashboardQueries(t *testing.T, all []dashboards.Dashboard) map[string][]string {
	t.Helper()
	queries := map[string][]string{}
	for _, d := range all {
		var model struct {
			Panels []struct {
				Targets []struct {
					Expr       string
					Datasource struct{ Type string }
				}
			}
			Templating struct {
				List []struct{ Definition string }
			}
		}
		require.NoError(t, json.Unmarshal(d.JSON, &model))
		for _, p := range model.Panels {
			for _, q := range p.Targets {
				if q.Datasource.Type == "prometheus" {
					queries[d.Name] = append(queries[d.Name], promQL.Replace(q.Expr))
				}
			}
		}
	}
	return queries
}

// promQL replaces the variables of dashboards.
var promQL = strings.NewReplacer("$__rate_interval", "5m", `"$job"`, `".*"`, `"$instance"`, `".*"`, `"$tenant"`, `".*"`, `"$app"`, `".*"`, "$metric", "up", `tenant="$tenant"`, `tenant=~".*"`)

// Every query of a dashboard is valid PromQL.
func TestMonitoring_DashboardsHaveValidQueries(t *testing.T) {
	t.Parallel()
	promtool := tool(t, "promtool")
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	type group struct {
		Name  string `yaml:"name"`
		Rules []rule `yaml:"rules"`
	}
	var groups struct {
		Groups []group `yaml:"groups"`
	}
	n := 0
	for name, queries := range dashboardQueries(t, slices.Concat(dashboards.Operator(), dashboards.Tenant())) {
		g := group{Name: name}
		for _, q := range queries {
			n++
			g.Rules = append(g.Rules, rule{fmt.Sprintf("query_%d", n), q})
		}
		groups.Groups = append(groups.Groups, g)
	}
	require.Greater(t, n, 80)
	text, err := yaml.Marshal(groups)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	out, err := exec.Command(promtool, "check", "rules", file).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// notBefore lists the metrics without series before their first event, or unless
// configured, by regular expression.
var notBefore = map[string]string{
	`otelcol_receiver_(accepted|refused|failed)_\w+_total`:                            "upstream: appears with the first request",
	`otelcol_processor_memory_limiter_refused_\w+_total`:                              "upstream: appears with the first rejected request",
	`otelcol_processor_tenant_(quota_use_ratio|rate_use_ratio|limited_records_total)`: "of tenants with limits, with metrics::tenant",
	`otelcol_processor_tenant_shared_limits`:                                          "with limits::scope shared",
	`otelcol_processor_tenant_over_limit_records_total`:                               "with limits::mode warn",
	`otelcol_extension_bearer_key_auth_key_last_use_timestamp_seconds`:                "with key_use::metric, with the first use of a key",
	`otelcol_extension_tenant_health_last_accepted_timestamp_seconds`:                 "with metrics::tenant, with the first data of a tenant",
	`otelcol_receiver_pm2_lag_bytes`:                                                  "with the first log file",
}

var metricName = regexp.MustCompile(`otelcol_[a-z0-9_]+[a-z0-9]`)

// selector is a name with matchers.
var selector = regexp.MustCompile(`(otelcol_[a-z0-9_]+[a-z0-9])(?:\{([^}]*)\})?`)

var matcher = regexp.MustCompile(`(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"`)

// metricsPage is what a process serves at /metrics.
type metricsPage string

// has reports whether there is a series for a selector. Matchers of labels that Prometheus
// adds, and of tenants, are not compared.
func (e metricsPage) has(name, matchers string) bool {
	for _, line := range regexp.MustCompile(`(?m)^`+name+`(?:\{(.*)\})? \S+$`).FindAllStringSubmatch(string(e), -1) {
		labels := map[string]string{}
		for _, m := range matcher.FindAllStringSubmatch(line[1], -1) {
			labels[m[1]] = m[3]
		}
		matches := true
		for _, m := range matcher.FindAllStringSubmatch(matchers, -1) {
			if slices.Contains([]string{"job", "instance", "tenant"}, m[1]) {
				continue
			}
			equal := labels[m[1]] == m[3]
			if strings.HasSuffix(m[2], "~") {
				equal = regexp.MustCompile(`^(?:` + m[3] + `)$`).MatchString(labels[m[1]])
			}
			matches = matches && equal == !strings.HasPrefix(m[2], "!")
		}
		if matches {
			return true
		}
	}
	return false
}

// requireShort requires that each entry of notBefore is needed: none of its metrics is served.
func requireShort(t *testing.T, served ...metricsPage) {
	t.Helper()
	for pattern, why := range notBefore {
		for _, page := range served {
			assert.NotRegexp(t, `(?m)^`+pattern+`[{ ]`, string(page), "a series exists: remove the entry %q from notBefore", why)
		}
	}
}

func isNotBefore(name string) bool {
	for pattern := range maps.Keys(notBefore) {
		if regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(name) {
			return true
		}
	}
	return false
}

// requireSeries requires that each series of a query exists in one of the expositions.
func requireSeries(t *testing.T, where, query string, served ...metricsPage) {
	t.Helper()
	for _, m := range selector.FindAllStringSubmatch(query, -1) {
		if isNotBefore(m[1]) {
			continue
		}
		found := slices.ContainsFunc(served, func(e metricsPage) bool { return e.has(m[1], m[2]) })
		assert.True(t, found, "%s: %s{%s} has no series before the first event", where, m[1], m[2])
	}
}

// TestMetrics_AreConventionalAndExistBeforeTheFirstEvent scrapes a gateway and an agent
// that have not received anything.
func TestMetrics_AreConventionalAndExistBeforeTheFirstEvent(t *testing.T) {
	t.Parallel()
	promtool := tool(t, "promtool")
	r := newRig(t, "", "acme")
	g := r.run()
	gateway := metricsPage(get(t, "http://"+r.metrics+"/metrics"))
	g.stop()
	e := newEdge(t)
	a := e.start("127.0.0.1:1")
	agent := metricsPage(get(t, "http://127.0.0.1:"+e.metrics+"/metrics"))
	a.stop()

	for name, text := range map[string]metricsPage{"gateway": gateway, "agent": agent} {
		cmd := exec.Command(promtool, "check", "metrics")
		cmd.Stdin = bytes.NewReader([]byte(text))
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, "%s: %s", name, out)
		assert.Empty(t, string(out), name)
		assert.NotContains(t, string(text), `tenant="`, "%s: no series has a tenant by default", name)
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "# TYPE otelcol_") && strings.HasSuffix(line, " counter\n") {
				assert.Regexp(t, `_total counter\n$`, line, name)
			}
		}
	}
	requireShort(t, gateway, agent)
	for _, rule := range alertRules(t) {
		where := rule.file + ".yaml: " + rule.Alert
		switch rule.file {
		case "gateway":
			requireSeries(t, where, rule.Expr, gateway)
		case "agent":
			requireSeries(t, where, rule.Expr, agent)
		default: // some series of delivery are of gateways only
			requireSeries(t, where, rule.Expr, gateway, agent)
		}
	}
	for name, queries := range dashboardQueries(t, dashboards.Operator()) {
		for _, query := range queries {
			served := []metricsPage{gateway}
			if name == "agent" {
				served = []metricsPage{agent}
			}
			query = strings.ReplaceAll(query, `reason!="ok"`, "") // failures are the backend's reasons
			requireSeries(t, name, query, served...)
		}
	}
	// Documents use the names that are served.
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	for _, pattern := range []string{"*/*/README.md", "docs/adr/05*.md"} {
		more, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		documents = append(documents, more...)
	}
	for _, document := range documents {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		for _, at := range metricName.FindAllIndex(text, -1) {
			name := string(text[at[0]:at[1]])
			rest := string(text[at[1]:])
			partial := strings.HasPrefix(rest, "_") || strings.HasPrefix(rest, "…") || strings.HasPrefix(rest, "*")
			if partial || name == "otelcol_gateway" || strings.HasPrefix(name, "otelcol_tenant") || isNotBefore(name) {
				continue
			}
			assert.True(t, gateway.has(name, "") || agent.has(name, ""), "%s: %s is not served", document, name)
		}
	}
}
