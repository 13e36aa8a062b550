// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/dashboards"
	"github.com/otelcol-tenant/otelcol-tenant/internal/grafana/grafanatest"
)

// inGrafana sets the environment as a stack does and returns Grafana.
func inGrafana(t *testing.T) *grafanatest.Server {
	t.Helper()
	s := grafanatest.New(t)
	file := filepath.Join(t.TempDir(), "grafana-admin")
	require.NoError(t, os.WriteFile(file, []byte(s.User+":"+s.Password+"\n"), 0o600))
	t.Setenv(grafanaURLEnv, s.URL)
	t.Setenv(grafanaCredentialsEnv, file)
	t.Setenv(grafanaSourcesEnv, "loki=http://loki:3100 mimir=http://mimir:9009 tempo=http://tempo:3200")
	return s
}

func TestTenantCreate_AlsoInGrafana(t *testing.T) {
	s := inGrafana(t)
	c := newCLI(t)
	out := c.ok("tenant", "create", "acme", "--grafana-viewer", "ann@acme.example")
	assert.Contains(t, out, "tenant acme created\nOBJECT")
	assert.Regexp(t, `password of ann@acme.example, shown only once: [A-Z2-7]{26}\n`, out)
	o := s.Org("acme")
	require.NotNil(t, o)
	assert.Len(t, o.Sources, 3)
	assert.Len(t, o.Dashboards, len(dashboards.Tenant()))
	uids := map[string]bool{}
	for _, d := range o.Sources {
		uids[d["uid"].(string)] = true
	}
	for _, d := range dashboards.Tenant() {
		for _, m := range regexp.MustCompile(`"uid": ?"(tenant-[a-z]+)"`).FindAllStringSubmatch(string(d.JSON), -1) {
			assert.True(t, uids[m[1]], "dashboard %s has the data source %s, which does not exist", d.UID, m[1])
		}
	}
	assert.Equal(t, "Viewer", o.Roles["ann@acme.example"])
	for stored := range c.snapshot().Tenants() {
		assert.Equal(t, strconv.FormatInt(o.ID, 10), stored.Vars[grafanaOrgVar])
	}
	assert.NotContains(t, c.file(), s.Password)

	s.Change(o.ID, func(o *grafanatest.Org) { o.Name = "Acme Corp." })
	r := c.run("grafana", "provision", "acme")
	assert.Zero(t, r.code, r.err)
	assert.Contains(t, r.err, `has the name "Acme Corp."`)
	assert.NotContains(t, r.out, "created")
	assert.Nil(t, s.Org("acme"))

	c.fails(2, "give --yes", "grafana", "deprovision", "acme")
	c.in = "other\n"
	c.fails(1, "nothing was changed", "grafana", "deprovision", "acme")
	c.in = "acme\n"
	r = c.run("grafana", "deprovision", "acme")
	assert.Zero(t, r.code, r.err)
	assert.Contains(t, r.err, `Deleting organization 2 ("Acme Corp.")`)
	assert.Nil(t, s.Org("Acme Corp."))
	assert.NotContains(t, c.file(), grafanaOrgVar)
	c.fails(1, "no organization in Grafana", "grafana", "deprovision", "acme", "--yes")
}

// A failure in Grafana leaves a tenant that the named command completes.
func TestTenantCreate_GrafanaFails(t *testing.T) {
	s := inGrafana(t)
	c := newCLI(t)
	s.Fault = func(r *http.Request) *grafanatest.Fault {
		if strings.HasPrefix(r.URL.Path, "/api/datasources") && r.Method == http.MethodPost {
			return &grafanatest.Fault{Status: http.StatusBadRequest, Message: "Validation error, invalid URL"}
		}
		return nil
	}
	r := c.run("tenant", "create", "acme")
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.err, "Validation error, invalid URL")
	assert.Contains(t, r.err, "then run tenantctl grafana provision acme")
	assert.NotContains(t, r.out+r.err, s.Password)
	s.Fault = nil
	c.ok("grafana", "provision", "acme")
	assert.Len(t, s.Org("acme").Sources, 3)
	c.yamlAndJSONAgree("grafana", "provision", "acme")
}

// What is wrong in the flags prevents the tenant from being created.
func TestTenantCreate_ChecksGrafanaFirst(t *testing.T) {
	s := inGrafana(t)
	c := newCLI(t)
	c.fails(2, "there is no kind \"lokki\"", "tenant", "create", "acme", "--grafana-source", "lokki=http://loki")
	c.fails(1, "no such file", "tenant", "create", "acme", "--grafana-credentials-file", "/nowhere/at/all")
	c.fails(1, "use https://grafana:3000; http is for loopback addresses only, or a network of only trusted machines with --grafana-insecure", "tenant", "create", "acme", "--grafana-url", "http://grafana:3000")
	t.Setenv(grafanaInsecureEnv, "perhaps")
	c.fails(2, grafanaInsecureEnv+" must be true or false", "tenant", "create", "acme")
	t.Setenv(grafanaInsecureEnv, "false")
	c.fails(1, "sends the credentials of Grafana in clear text", "tenant", "create", "acme", "--grafana-url", "http://grafana:3000")
	c.fails(1, "must begin with", "tenant", "create", "acme", "--grafana-url", "grafana://x")
	t.Setenv(grafanaSourcesEnv, "")
	c.fails(2, grafanaSourcesEnv, "tenant", "create", "acme")
	t.Setenv(grafanaCredentialsEnv, "")
	c.fails(2, grafanaCredentialsEnv, "tenant", "create", "acme", "--grafana-source", "loki=http://loki")
	t.Setenv(grafanaURLEnv, "")
	assert.Empty(t, s.Requests())
	_, err := os.Stat(c.path)
	require.ErrorIs(t, err, os.ErrNotExist)

	c.ok("tenant", "create", "acme")
	c.fails(2, grafanaURLEnv, "grafana", "provision", "acme")
	c.fails(2, grafanaURLEnv, "grafana", "deprovision", "acme")
}

func TestGrafanaProvision_DoesNotUseTheOrganizationOfOthers(t *testing.T) {
	s := inGrafana(t)
	c := newCLI(t)
	id := s.AddOrg("acme", map[string]string{"admin": "Admin", "eve": "Viewer"})
	r := c.run("tenant", "create", "acme")
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.err, "give --adopt")
	assert.Empty(t, s.Writes())
	assert.NotContains(t, c.file(), grafanaOrgVar)
	c.ok("grafana", "provision", "acme", "--adopt")
	assert.Contains(t, c.file(), grafanaOrgVar)
	assert.Len(t, s.Org("acme").Sources, 3)
	assert.Equal(t, id, s.Org("acme").ID)

	c.ok("tenant", "update", "acme", "--var", grafanaOrgVar+"=seven")
	c.fails(1, "must be a positive number", "grafana", "provision", "acme")
}

func TestGrafanaProvision_DryRunAndDashboards(t *testing.T) {
	s := inGrafana(t)
	c := newCLI(t)
	t.Setenv(grafanaURLEnv, "")
	c.ok("tenant", "create", "acme")
	before := c.file()
	t.Setenv(grafanaURLEnv, s.URL)
	dir := t.TempDir()
	c.fails(2, "there is no file *.json", "grafana", "provision", "acme", "--grafana-dashboards", dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine.json"), []byte(`{"title":"Mine"}`), 0o600))
	r := c.run("grafana", "provision", "acme", "--dry-run", "--grafana-dashboards", dir)
	assert.Zero(t, r.code, r.err)
	assert.Contains(t, r.out, "dashboard")
	assert.Contains(t, r.err, "Dry run")
	assert.Empty(t, s.Writes())
	assert.Equal(t, before, c.file())

	c.ok("grafana", "provision", "acme", "--grafana-dashboards", dir)
	assert.Contains(t, s.Org("acme").Dashboards, "mine")
	r = c.run("grafana", "deprovision", "acme", "--dry-run")
	assert.Zero(t, r.code, r.err)
	assert.NotNil(t, s.Org("acme"))
	c.ok("tenant", "delete", "acme", "--yes")
	c.fails(1, "is deleted", "grafana", "provision", "acme")
	c.ok("grafana", "deprovision", "acme", "--yes")
	assert.Nil(t, s.Org("acme"))
}

// What members made survives that their organization is deleted and created again.
func TestGrafana_ExportAndImport(t *testing.T) {
	s := inGrafana(t)
	c := newCLI(t)
	c.ok("tenant", "create", "acme")
	id := s.Org("acme").ID
	s.Change(id, func(o *grafanatest.Org) {
		o.Folders["f1"] = "Own"
		o.Dashboards["own"] = grafanatest.Dashboard{Folder: "f1", Model: map[string]any{"uid": "own", "title": "Own <b>\u200b"}}
		o.Dashboards["top"] = grafanatest.Dashboard{Model: map[string]any{"uid": "top", "title": "Top"}}
	})
	file := filepath.Join(t.TempDir(), "dashboards.json")
	require.NoError(t, os.WriteFile(file, []byte(c.ok("grafana", "export", "acme")), 0o600))
	c.ok("grafana", "deprovision", "acme", "--yes")
	c.fails(1, "no organization in Grafana", "grafana", "import", "acme", file)
	c.ok("grafana", "provision", "acme")
	out := c.ok("grafana", "import", "acme", file)
	assert.Equal(t, 3, strings.Count(out, "created"), "a folder and two dashboards")
	o := s.Org("acme")
	assert.Equal(t, "Own", o.Folders["f1"])
	assert.Equal(t, "Own <b>\u200b", o.Dashboards["own"].Model["title"])
	assert.Contains(t, o.Dashboards, "top")
	assert.NotContains(t, c.ok("grafana", "import", "acme", file), "created")
	c.in = "{"
	c.fails(1, "not what grafana export printed", "grafana", "import", "acme", "-")
}
