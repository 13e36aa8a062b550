// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/dashboards"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// pager receives what Alertmanager sends to the operators.
type pager struct {
	url string

	mu     sync.Mutex
	status map[string]string            // the last status by name of the alert
	labels map[string]map[string]string // the last labels by name of the alert
	text   map[string]string            // the last summary
}

func newPager(t *testing.T) *pager {
	t.Helper()
	p := &pager{status: map[string]string{}, labels: map[string]map[string]string{}, text: map[string]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var message struct {
			Alerts []struct {
				Status              string
				Labels, Annotations map[string]string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, a := range message.Alerts {
			name := a.Labels["alertname"]
			p.status[name], p.labels[name], p.text[name] = a.Status, a.Labels, a.Annotations["summary"]
		}
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// summary returns the last summary of an alert.
func (p *pager) summary(alert string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text[alert]
}

// await waits until the last message about an alert has the status.
func (p *pager) await(t *testing.T, alert, status string) map[string]string {
	t.Helper()
	require.Eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.status[alert] == status
	}, time.Minute, 50*time.Millisecond, "%s is not %s", alert, status)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.labels[alert]
}

// edited returns a shipped file with replacements, each of which must apply.
func edited(t *testing.T, file string, replacements ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(monitoring, file))
	require.NoError(t, err)
	text := string(raw)
	for i := 0; i < len(replacements); i += 2 {
		pattern := regexp.MustCompile(replacements[i])
		require.Regexp(t, pattern, text, file)
		text = pattern.ReplaceAllString(text, replacements[i+1])
	}
	return text
}

// newOperator starts Alertmanager and Prometheus with the shipped configurations and rules.
// Intervals are shorter: alerts fire at once.
func newOperator(t *testing.T, p *pager, gateway string) *store {
	t.Helper()
	prometheus := realBackend(t, "prometheus")
	free, dir := addresses(t, 2), t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("alertmanager.yaml", edited(t, "alertmanager.yaml", `http://127\.0\.0\.1:9095/alerts`, p.url,
		`group_wait: \S+`, "group_wait: 10ms", `group_interval: \S+`, "group_interval: 200ms"))
	newStore(t, free[1], "/-/ready", process.Settings{Path: tool(t, "prometheus-alertmanager"), Args: []string{
		"--config.file=" + filepath.Join(dir, "alertmanager.yaml"), "--storage.path=" + filepath.Join(dir, "alertmanager"),
		"--web.listen-address=" + free[1], "--cluster.listen-address=",
	}})
	require.NoError(t, os.Mkdir(filepath.Join(dir, "alerts"), 0o700))
	for _, name := range []string{"gateway", "agent", "delivery"} {
		write("alerts/"+name+".yaml", edited(t, "alerts/"+name+".yaml", `(?m)^( +for:) \S+$`, "$1 1s"))
	}
	write("prometheus.yaml", edited(t, "prometheus.yaml", `_interval: 15s`, "_interval: 500ms",
		`127\.0\.0\.1:9093`, free[1], `127\.0\.0\.1:8888`, gateway))
	return newStore(t, free[0], "/-/ready", process.Settings{Path: prometheus, Args: []string{
		"--config.file=" + filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + free[0], "--alertmanager.notification-queue-capacity=100", "--rules.alert.resend-delay=500ms",
	}})
}

// firing returns the names of the alerts that fire in Prometheus.
func (s *store) firing() (names []string) {
	s.t.Helper()
	var answer struct {
		Data struct {
			Alerts []struct {
				State  string
				Labels map[string]string
			}
		}
	}
	require.NoError(s.t, json.Unmarshal(get(s.t, "http://"+s.addr+"/api/v1/alerts"), &answer))
	for _, a := range answer.Data.Alerts {
		if a.State == "firing" {
			names = append(names, a.Labels["alertname"])
		}
	}
	return names
}

// TestMonitoring_AlertsArriveAndResolve scrapes a gateway with Prometheus. No alert fires
// while all is well. A store is killed, then the gateway: the alerts arrive at a receiver of
// Alertmanager, and resolve. Meanwhile every query of the operators' dashboards succeeds.
func TestMonitoring_AlertsArriveAndResolve(t *testing.T) {
	t.Parallel()
	logs := newVictoria(t, "victoria-logs")
	r := newRig(t, `
    destinations:
      vlogs: {profile: victorialogs, otlp_http: {endpoint: "http://`+logs.addr+`"}}
    routes: {logs: [vlogs]}
    retry: {initial_interval: 50ms, max_interval: 200ms}
    circuit_breaker: {open: 200ms}`, "acme", "bolt")
	r.reg.ctl("tenant", "update", "acme", "--var", "account_id=1")
	r.reg.ctl("tenant", "update", "bolt", "--var", "account_id=2")
	r.env["TENANT_METRICS"] = "true"
	g := r.run()
	p := newPager(t)
	prometheus := newOperator(t, p, r.metrics)
	c := newClock()
	n := 0
	busy := func() {
		n++
		for _, owner := range []string{"acme", "bolt"} {
			for _, signal := range []tenant.Signal{tenant.Logs, tenant.Metrics, tenant.Traces} {
				c.tick(r, owner, signal, n)
			}
		}
		status, _ := postProto(t, r.http, "logs", nil, bearer("obs_k00000000_wrong"))
		require.Equal(t, http.StatusUnauthorized, status)
	}
	scraped := func(query string) bool {
		return strings.Contains(prometheus.query("/api/v1/query", nil, url.Values{"query": {query}}), `"value":`)
	}
	require.Eventually(t, func() bool {
		busy()
		return scraped(`sum(rate(otelcol_exporter_tenant_routing_delivered_records_total{tenant="acme"}[30s])) > 0`)
	}, 30*time.Second, 100*time.Millisecond, "Prometheus does not see the traffic")
	assert.Empty(t, prometheus.firing(), "all is well")

	require.NoError(t, logs.p.Kill())
	require.Eventually(t, func() bool {
		busy()
		return scraped(`otelcol_exporter_tenant_routing_lanes{state="open"} > 0`)
	}, 30*time.Second, 100*time.Millisecond, "no lane opens")
	labels := p.await(t, "OtelcolTenantLaneOpen", "firing")
	assert.Equal(t, "vlogs", labels["destination"])
	assert.Equal(t, "logs", labels["signal"])
	assert.Equal(t, "warning", labels["severity"])
	assert.Contains(t, []string{"acme", "bolt"}, labels["tenant"])
	assert.Contains(t, prometheus.firing(), "OtelcolTenantLaneOpen")
	reportQueries(t, prometheus)

	logs.start()
	p.await(t, "OtelcolTenantLaneOpen", "resolved")
	g.stop()
	labels = p.await(t, "OtelcolTenantGatewayDown", "firing")
	assert.Equal(t, "critical", labels["severity"])
	g = r.run()
	p.await(t, "OtelcolTenantGatewayDown", "resolved")
	assert.NotContains(t, prometheus.firing(), "OtelcolTenantGatewayAbsent")
	g.stop()
}

// TestMonitoring_SilentTenants lets a key and then a tenant of a running gateway stop sending. The
// alerts are those about the gateway's own metrics, and resolve when both send again.
func TestMonitoring_SilentTenants(t *testing.T) {
	t.Parallel()
	r := newRig(t, "\nextensions: {tenant_health: {status: {silent_after: 4s, inactive_after: 1h}}}\n", "acme", "bolt")
	_, second := r.reg.key("acme")
	g := r.run()
	p := newPager(t)
	prometheus := newOperator(t, p, r.metrics)
	acme, bolt, reserve := bearer(r.keys["acme"]), bearer(r.keys["bolt"]), bearer(second)
	_, body := encoded(t, logOf("busy"))
	send := func(keys ...map[string]string) {
		t.Helper()
		for _, key := range keys {
			status, text := postProto(t, r.http, "logs", body, key)
			require.Equal(t, http.StatusOK, status, text)
		}
	}
	// until sends with these keys until Prometheus has a series for a query.
	until := func(query string, keys ...map[string]string) {
		t.Helper()
		require.Eventually(t, func() bool {
			send(keys...)
			return strings.Contains(prometheus.query("/api/v1/query", nil, url.Values{"query": {query}}), `"value":`)
		}, 30*time.Second, 200*time.Millisecond, query)
	}
	const tenants, keys = `otelcol_extension_tenant_health_tenants`, `otelcol_extension_tenant_health_keys`
	// A key that its tenant has just got is in use within a second.
	require.Eventually(t, func() bool {
		status, _ := postProto(t, r.http, "logs", body, reserve)
		return status == http.StatusOK
	}, 10*time.Second, 50*time.Millisecond)
	until(tenants+`{sending="sending"} == 2 and on (instance) `+keys+`{sending="sending"} == 3`, acme, bolt, reserve)
	assert.NotContains(t, strings.Join(prometheus.firing(), " "), "Silent", "all send")

	until(`ALERTS{alertname="OtelcolTenantKeySilent",alertstate="firing"}`, acme, bolt)
	p.await(t, "OtelcolTenantKeySilent", "firing")
	assert.Equal(t, "1 keys are no longer used", p.summary("OtelcolTenantKeySilent"))
	assert.NotContains(t, prometheus.firing(), "OtelcolTenantSilent", "both tenants send")

	until(`ALERTS{alertname="OtelcolTenantSilent",alertstate="firing"}`, acme)
	labels := p.await(t, "OtelcolTenantSilent", "firing")
	assert.Equal(t, "warning", labels["severity"])
	assert.Equal(t, "1 tenants have stopped sending", p.summary("OtelcolTenantSilent"))

	until(tenants+`{sending="silent"} == 0 and on (instance) `+keys+`{sending="silent"} == 0`, acme, bolt, reserve)
	until(`absent(ALERTS{alertname=~"OtelcolTenant(Key)?Silent",alertstate="firing"})`, acme, bolt, reserve)
	p.await(t, "OtelcolTenantSilent", "resolved")
	p.await(t, "OtelcolTenantKeySilent", "resolved")
	g.stop()
}

// reportQueries runs every query of the operators' dashboards about gateways and logs how many
// series each returns.
func reportQueries(t *testing.T, prometheus *store) {
	t.Helper()
	// These have data only after an event that does not happen here. Each entry is needed.
	quiet := map[string]bool{"> 0$": false, "limited_records": false, "quota_use": false, "rate_use": false, "key_last_use": false, "dead_lettered": false, "dropped_records": false}
	isQuiet := func(query string) bool {
		for pattern := range quiet {
			if regexp.MustCompile(pattern).MatchString(query) {
				quiet[pattern] = true
				return true
			}
		}
		return false
	}
	for name, queries := range dashboardQueries(t, dashboards.Operator()) {
		if name == "agent" {
			continue
		}
		for _, query := range queries {
			query = strings.ReplaceAll(query, "[5m]", "[30s]")
			var answer struct {
				Data struct{ Result []json.RawMessage }
			}
			text := prometheus.query("/api/v1/query", nil, url.Values{"query": {query}})
			require.NoError(t, json.Unmarshal([]byte(text), &answer), query)
			t.Logf("%-15s %3d series  %s", name, len(answer.Data.Result), query)
			if len(answer.Data.Result) == 0 {
				assert.True(t, isQuiet(query), "%s: no data: %s", name, query)
			}
		}
	}
	for pattern, used := range quiet {
		assert.True(t, used, "all queries with %q have data: remove it", pattern)
	}
}
