// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb/pgtest"
)

// TestStack_Database prepares a real PostgreSQL with the scripts of the stack with Grafana, and
// starts the gateway with the stack's configuration: a tenant that is created then can send.
// Each role can do what it needs and nothing else.
func TestStack_Database(t *testing.T) {
	built(t, "otelcol-tenant")
	if _, err := exec.LookPath("psql"); err != nil {
		missing(t, "psql")
	}
	db := pgtest.Start(t)
	secrets := t.TempDir()
	secret := func(name, text string) string {
		file := filepath.Join(secrets, name)
		require.NoError(t, os.WriteFile(file, []byte(text+"\n"), 0o600))
		return file
	}
	gatewayPass := secret("gateway_pgpass", fmt.Sprintf("127.0.0.1:%d:tenants:gateway:Gateway7", db.Port()))
	operatorPass := secret("tenantctl_pgpass", fmt.Sprintf("127.0.0.1:%d:tenants:tenantctl:Operator7", db.Port()))
	secret("grafana_db_password", "Grafana7")
	dsn := func(user, password, database string) string {
		if password != "" {
			user += ":" + password
		}
		return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", user, db.Port(), database)
	}
	script := func(name string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), filepath.Join(stacks, "grafana", "config", "postgres", name))
		cmd.Env = append(os.Environ(), "SECRETS_DIR="+secrets, "REGISTRY_DSN="+dsn("tenantctl", "", "tenants"),
			"POSTGRES_USER=admin", "PGHOST=127.0.0.1", fmt.Sprint("PGPORT=", db.Port()), "PGPASSWORD="+pgtest.Password)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	t.Setenv("TENANTCTL_AUDIT_KEY", filepath.Join(t.TempDir(), "audit.key"))
	t.Setenv("PGPASSFILE", operatorPass)
	reg := &registry{t: t, path: dsn("tenantctl", "", "tenants")}
	script("init.sh")
	reg.ctl("registry", "migrate")
	script("grant.sh")
	script("grant.sh") // at each start of the stack
	reg.ctl("registry", "migrate")

	free := addresses(t, 6)
	g := start(t, map[string]string{
		"TENANTS_DSN": dsn("gateway", "", "tenants"), "PGPASSFILE": gatewayPass, "CADDY_ADDRESS": "127.0.0.1",
		"DATA_DIR": filepath.Join(t.TempDir(), "data"), "STATE_DIR": filepath.Join(t.TempDir(), "state"),
		"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": port(free[3]),
		"REMOTE_WRITE_ENDPOINT": free[4], "LOKI_PUSH_ENDPOINT": free[5],
	}, "--config", filepath.Join(root, "distributions", "gateway", "config.yaml"), "--config", filepath.Join(stacks, "grafana", "config", "gateway.yaml"),
		"--config", "yaml:exporters::tenant_routing::dead_letter::directory: "+filepath.Join(t.TempDir(), "dead-letters"))
	// The stack's health check, before there is a tenant.
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + free[2] + "/health/live")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	}, 30*time.Second, 50*time.Millisecond)
	reg.ctl("tenant", "create", "acme", "--gateway-config", filepath.Join(root, "distributions", "gateway", "config.yaml"),
		"--gateway-config", filepath.Join(stacks, "grafana", "config", "gateway.yaml"), "--route", "logs=loki,local")
	_, key := reg.key("acme")
	_, body := encoded(t, logOf("first"))
	require.Eventually(t, func() bool {
		code, _ := postProto(t, free[1], "logs", body, bearer(key))
		return code == http.StatusOK
	}, 30*time.Second, 50*time.Millisecond, g.Tail(2000))

	for name, c := range map[string]struct{ dsn, sql, want string }{
		"gateway reads the registry":        {dsn("gateway", "Gateway7", "tenants"), "select count(*) from tenant_registry_tenants", ""},
		"gateway reads no audit log":        {dsn("gateway", "Gateway7", "tenants"), "select count(*) from tenant_registry_audit", "permission denied"},
		"gateway changes nothing":           {dsn("gateway", "Gateway7", "tenants"), "set transaction read write; delete from tenant_registry_tenants", "permission denied"},
		"gateway is not in Grafana's data":  {dsn("gateway", "Gateway7", "grafana"), "select 1", "permission denied for database"},
		"Grafana uses its database":         {dsn("grafana", "Grafana7", "grafana"), "create table x (y int)", ""},
		"Grafana is not in the registry":    {dsn("grafana", "Grafana7", "tenants"), "select 1", "permission denied for database"},
		"tenantctl is not in Grafana's":     {dsn("tenantctl", "Operator7", "grafana"), "select 1", "permission denied for database"},
		"the database postgres is not used": {dsn("gateway", "Gateway7", "postgres"), "select 1", "permission denied for database"},
	} {
		conn, err := pgx.Connect(t.Context(), c.dsn)
		if err == nil {
			_, err = conn.Exec(t.Context(), c.sql, pgx.QueryExecModeSimpleProtocol)
			_ = conn.Close(t.Context())
		}
		if c.want == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, c.want, name)
		}
	}
	g.stop()
}
