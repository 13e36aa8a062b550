// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// yamlTree is a YAML document.
type yamlTree map[string]any

func readYAML(t *testing.T, parts ...string) yamlTree {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	require.NoError(t, err)
	var tree map[string]any
	require.NoError(t, yaml.Unmarshal(text, &tree))
	return tree
}

// at returns the value at a path such as "a/b", which must exist.
func (y yamlTree) at(t *testing.T, path string) any {
	t.Helper()
	var v any = map[string]any(y)
	for key := range strings.SplitSeq(path, "/") {
		m := v.(map[string]any)
		require.Contains(t, m, key, path)
		v = m[key]
	}
	return v
}

func (y yamlTree) duration(t *testing.T, path string) time.Duration {
	t.Helper()
	text := y.at(t, path).(string)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		require.NoError(t, err, path)
		return 24 * d
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err, path)
	return d
}

// TestStack_Stores compares the configurations of the stores with each other and with the
// gateway's. Loki, Mimir and Tempo themselves cannot check them here.
func TestStack_Stores(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(stacks, "grafana", "config")
	loki, mimir, tempo := readYAML(t, dir, "loki.yaml"), readYAML(t, dir, "mimir.yaml"), readYAML(t, dir, "tempo.yaml")
	gateway, compose := readYAML(t, dir, "gateway.yaml"), readYAML(t, stacks, "grafana", "compose.yaml")

	assert.Equal(t, true, loki.at(t, "auth_enabled"), "without it all data is one tenant's")
	assert.Equal(t, true, mimir.at(t, "multitenancy_enabled"))
	assert.Equal(t, true, tempo.at(t, "multitenancy_enabled"))
	assert.Equal(t, false, loki.at(t, "analytics/reporting_enabled"))
	assert.Equal(t, false, mimir.at(t, "usage_stats/enabled"))
	assert.Equal(t, false, tempo.at(t, "usage_report/reporting_enabled"))
	assert.Equal(t, true, loki.at(t, "limits_config/shard_streams/time_sharding_enabled"), "queues of an outage are older than new lines")

	// A request above the burst of a store never passes. The sizes are those of the profiles.
	assert.GreaterOrEqual(t, loki.at(t, "limits_config/ingestion_burst_size_mb").(int)<<20, 4<<20)
	assert.GreaterOrEqual(t, tempo.at(t, "overrides/defaults/ingestion/burst_size_bytes").(int), 15<<20)

	// What the gateway delivers late is not too old for the store: the queue of an agent that
	// was offline, and then that of the gateway.
	agent := 168 * time.Hour
	lane := gateway.duration(t, "exporters/tenant_routing/lane/max_age")
	assert.Greater(t, loki.duration(t, "limits_config/reject_old_samples_max_age"), agent+lane)
	for path, y := range map[string]yamlTree{"limits_config/retention_period": loki, "limits/compactor_blocks_retention_period": mimir, "backend_worker/compaction/block_retention": tempo} {
		assert.Greater(t, y.duration(t, path), agent+lane, path)
	}
	assert.Equal(t, tempo.at(t, "backend_worker/compaction/block_retention"), tempo.at(t, "backend_scheduler/provider/compaction/compaction/block_retention"))

	// Names and ports: destinations of the gateway, data sources, and what the stores listen on.
	ports := map[string]int{
		"loki": loki.at(t, "server/http_listen_port").(int), "mimir": mimir.at(t, "server/http_listen_port").(int), "tempo": tempo.at(t, "server/http_listen_port").(int),
	}
	services := compose.at(t, "services").(map[string]any)
	receiver := tempo.at(t, "distributor/receivers/otlp/protocols/http/endpoint").(string)
	for name := range ports {
		require.Contains(t, services, name)
		endpoint, err := url.Parse(gateway.at(t, "exporters/tenant_routing/destinations/"+name+"/otlp_http/endpoint").(string))
		require.NoError(t, err)
		assert.Equal(t, name, endpoint.Hostname())
		want := ports[name]
		if name == "tempo" {
			assert.True(t, strings.HasSuffix(receiver, ":"+endpoint.Port()), receiver)
			continue
		}
		assert.Equal(t, want, mustInt(t, endpoint.Port()))
	}
	environment := services["registry-migrate"].(map[string]any)["environment"].(map[string]any)
	for source := range strings.FieldsSeq(environment["TENANTCTL_GRAFANA_SOURCES"].(string)) {
		name, address, _ := strings.Cut(source, "=")
		u, err := url.Parse(address)
		require.NoError(t, err)
		assert.Equal(t, name, u.Hostname())
		assert.Equal(t, ports[name], mustInt(t, u.Port()))
	}

	// Everything that a store writes is in its volume: the root is read-only.
	for volume, y := range map[string]yamlTree{"/loki": loki, "/data": mimir, "/var/tempo": tempo} {
		for path, value := range texts("", map[string]any(y)) {
			if strings.HasPrefix(value, "/") {
				assert.True(t, strings.HasPrefix(value, volume+"/") || value == volume, "%s: %s", path, value)
			}
		}
	}
}

func mustInt(t *testing.T, text string) (n int) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal([]byte(text), &n))
	return n
}

// texts returns all texts of a tree by their path.
func texts(path string, v any) map[string]string {
	all := map[string]string{}
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			for p, text := range texts(path+"/"+key, value) {
				all[p] = text
			}
		}
	case []any:
		for _, value := range v {
			for p, text := range texts(path, value) {
				all[p] = text
			}
		}
	case string:
		all[path] = v
	}
	return all
}

// TestStack_OwnChecks lets programs check their configuration themselves.
func TestStack_OwnChecks(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(stacks, "grafana", "config")
	run := func(env []string, path string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), path, args...)
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, string(out))
	}
	run([]string{"TENANTS_DSN=postgres://gateway@postgres/tenants", "CADDY_ADDRESS=172.31.250.2"}, built(t, "otelcol-tenant"), "validate",
		"--config", filepath.Join(root, "distributions", "gateway", "config.yaml"), "--config", filepath.Join(dir, "gateway.yaml"))
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		missing(t, "promtool")
	}
	run(nil, promtool, "check", "config", filepath.Join(dir, "prometheus.yaml"))
	for name, find := range caddies() {
		t.Run(name, func(t *testing.T) {
			caddy := find(t)
			for _, mode := range []string{"internal", "ops@example.com"} {
				run([]string{"OTLP_HOST=otlp.example.com", "GRAFANA_HOST=grafana.example.com", "INGRESS_TLS=" + mode, "OPERATOR_CIDRS=10.0.0.0/8 192.0.2.1", "XDG_DATA_HOME=" + t.TempDir()},
					caddy, "validate", "--adapter", "caddyfile", "--config", filepath.Join(dir, "Caddyfile"))
			}
		})
	}
}
