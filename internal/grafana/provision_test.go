// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafana_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/grafana"
	"github.com/otelcol-tenant/otelcol-tenant/internal/grafana/grafanatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func client(t *testing.T, s *grafanatest.Server) *grafana.Client {
	t.Helper()
	c, err := grafana.New(grafana.Settings{URL: s.URL, Credentials: grafana.Credentials{User: s.User, Password: s.Password}, Pause: time.Millisecond})
	require.NoError(t, err)
	return c
}

// plan is what the stack with Grafana gives a tenant.
func plan(id string) grafana.Plan {
	return grafana.Plan{
		Tenant: &tenant.Tenant{ID: tenant.ID(id), Status: tenant.StatusActive},
		Sources: []grafana.Source{
			{Kind: "loki", URL: "http://loki:3100"}, {Kind: "mimir", URL: "http://mimir:9009/"}, {Kind: "tempo", URL: "http://tempo:3200"},
		},
		Dashboards: []grafana.Dashboard{
			{UID: "tenant-overview", JSON: []byte(`{"id":4,"uid":"x","version":3,"title":"Overview","panels":[]}`)},
			{UID: "tenant-errors", JSON: []byte(`{"title":"Errors","panels":[{"id":1}]}`)},
		},
	}
}

func outcomes(r *grafana.Result) map[grafana.Outcome]int {
	n := map[grafana.Outcome]int{}
	for _, s := range r.Steps {
		n[s.Outcome]++
	}
	return n
}

// headers returns the tenant that each data source of an organization sends, by its UID.
func headers(t *testing.T, o *grafanatest.Org) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, d := range o.Sources {
		name, _ := d["jsonData"].(map[string]any)["httpHeaderName1"].(string)
		secure, _ := d["secureJsonData"].(map[string]any)
		value, _ := secure["httpHeaderValue1"].(string)
		all[d["uid"].(string)] = name + ": " + value
	}
	return all
}

func TestProvision_GivesEachTenantItsOwnOrganization(t *testing.T) {
	s := grafanatest.New(t)
	c := client(t, s)
	for _, id := range []string{"acme", "shop.(eu)"} {
		r, err := c.Provision(t.Context(), plan(id))
		require.NoError(t, err)
		assert.Equal(t, map[grafana.Outcome]int{grafana.Created: 7}, outcomes(r), "organization, three data sources, folder, two dashboards")
		assert.Empty(t, r.Warnings)
		o := s.Org(id)
		require.NotNil(t, o)
		assert.Equal(t, o.ID, r.Organization)
		assert.Equal(t, map[string]string{
			"tenant-logs": "X-Scope-OrgID: " + id, "tenant-metrics": "X-Scope-OrgID: " + id, "tenant-traces": "X-Scope-OrgID: " + id,
		}, headers(t, o))
		assert.Equal(t, "http://mimir:9009/prometheus", o.Sources[1]["url"])
		assert.Equal(t, "proxy", o.Sources[0]["access"], "the browser must not send the header")
		require.Len(t, o.Dashboards, 2)
		assert.Equal(t, "tenant-overview", o.Dashboards["tenant-overview"].Model["uid"])
		assert.Equal(t, "otelcol-tenant", o.Dashboards["tenant-errors"].Folder)
	}
	assert.Empty(t, s.Org("Main Org.").Sources)

	before := len(s.Writes())
	r, err := c.Provision(t.Context(), plan("acme"))
	require.NoError(t, err)
	assert.Equal(t, map[grafana.Outcome]int{grafana.Unchanged: 7}, outcomes(r))
	assert.False(t, r.Changed())
	assert.Len(t, s.Writes()[before:], 3, "only the data sources, because the values of headers cannot be read")
	assert.Equal(t, 1, s.Org("acme").Dashboards["tenant-errors"].Version)
}

func TestProvision_CorrectsWhatDiffers(t *testing.T) {
	s := grafanatest.New(t)
	c := client(t, s)
	first, err := c.Provision(t.Context(), plan("acme"))
	require.NoError(t, err)
	s.Change(first.Organization, func(o *grafanatest.Org) {
		o.Sources[0]["secureJsonData"] = map[string]any{"httpHeaderValue1": "other"} // invisible in the API
		o.Sources[1]["url"] = "http://elsewhere"
		o.Sources = o.Sources[:2]
		o.Dashboards["tenant-errors"].Model["title"] = "Mine"
	})
	r, err := c.Provision(t.Context(), plan("acme"))
	require.NoError(t, err)
	assert.Equal(t, map[grafana.Outcome]int{grafana.Unchanged: 4, grafana.Updated: 2, grafana.Created: 1}, outcomes(r))
	o := s.Org("acme")
	assert.Equal(t, "X-Scope-OrgID: acme", headers(t, o)["tenant-logs"])
	assert.Equal(t, "http://mimir:9009/prometheus", o.Sources[1]["url"])
	assert.Equal(t, "Errors", o.Dashboards["tenant-errors"].Model["title"])
}

// A run can end after each of its requests. The next one continues it.
func TestProvision_ContinuesAfterAFailureAtEachRequest(t *testing.T) {
	for _, done := range []bool{false, true} {
		for failing := 1; ; failing++ {
			s := grafanatest.New(t)
			var n atomic.Int64
			s.Fault = func(*http.Request) *grafanatest.Fault {
				if int(n.Add(1)) == failing {
					return &grafanatest.Fault{Status: http.StatusBadRequest, Message: "not now", Done: done}
				}
				return nil
			}
			c := client(t, s)
			p := plan("acme")
			r, err := c.Provision(t.Context(), p)
			if err == nil {
				require.Greater(t, failing, 15)
				break
			}
			assert.ErrorContains(t, err, "not now")
			p.Organization = r.Organization
			r, err = c.Provision(t.Context(), p)
			require.NoError(t, err, "after request %d", failing)
			o := s.Org("acme")
			assert.Len(t, o.Sources, 3)
			assert.Len(t, o.Dashboards, 2)
			assert.Equal(t, o.ID, r.Organization)
		}
	}
}

// Answers of 5xx and 429 and broken connections are retried, also after the request took
// effect.
func TestProvision_RetriesEachRequest(t *testing.T) {
	for name, fault := range map[string]grafanatest.Fault{
		"500":              {Status: http.StatusInternalServerError, Message: "database is locked"},
		"503 done":         {Status: http.StatusServiceUnavailable, Done: true},
		"429":              {Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"0"}}},
		"connection":       {Drop: true},
		"connection, done": {Drop: true, Done: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := grafanatest.New(t)
			var n atomic.Int64
			s.Fault = func(*http.Request) *grafanatest.Fault {
				if n.Add(1)%2 == 1 {
					return &fault
				}
				return nil
			}
			r, err := client(t, s).Provision(t.Context(), plan("acme"))
			require.NoError(t, err)
			assert.Len(t, s.Org("acme").Sources, 3)
			assert.Len(t, s.Org("acme").Dashboards, 2)
			assert.NotZero(t, r.Organization)
		})
	}
}

func TestProvision_StopsAfterItsAttempts(t *testing.T) {
	s := grafanatest.New(t)
	s.Fault = func(*http.Request) *grafanatest.Fault {
		return &grafanatest.Fault{Status: http.StatusBadGateway, Message: "the password is " + s.Password}
	}
	_, err := client(t, s).Provision(t.Context(), plan("acme"))
	require.ErrorContains(t, err, "502 Bad Gateway")
	assert.NotContains(t, err.Error(), s.Password)
	assert.Len(t, s.Requests(), 5)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	slow, err := grafana.New(grafana.Settings{URL: s.URL, Credentials: grafana.Credentials{User: s.User, Password: s.Password}, Pause: time.Minute})
	require.NoError(t, err)
	_, err = slow.Provision(ctx, plan("acme"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestProvision_ExplainsAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(s *grafanatest.Server)
		set     func(set *grafana.Settings)
		want    []string
	}{
		"wrong password":             {set: func(set *grafana.Settings) { set.Credentials.Password = "another-password" }, want: []string{"401", "credentials file"}},
		"not a server administrator": {prepare: func(s *grafanatest.Server) { s.NotAdmin = true }, want: []string{"403", "server administrator"}},
		"wrong path":                 {set: func(set *grafana.Settings) { set.URL += "/grafana" }, want: []string{"404", "path that it is served under"}},
		"redirect": {prepare: func(s *grafanatest.Server) {
			s.Fault = func(*http.Request) *grafanatest.Fault {
				return &grafanatest.Fault{Status: http.StatusMovedPermanently, Header: http.Header{"Location": {"https://x.example"}}}
			}
		}, want: []string{"301", "redirects"}},
		"header removed": {prepare: func(s *grafanatest.Server) { s.IgnoreHeader = true }, want: []string{"organization 1 instead of 2", "X-Grafana-Org-Id"}},
		"nothing there":  {set: func(set *grafana.Settings) { set.URL = "http://127.0.0.1:1" }, want: []string{"cannot reach Grafana"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := grafanatest.New(t)
			if c.prepare != nil {
				c.prepare(s)
			}
			set := grafana.Settings{URL: s.URL, Credentials: grafana.Credentials{User: s.User, Password: s.Password}, Pause: time.Millisecond}
			if c.set != nil {
				c.set(&set)
			}
			g, err := grafana.New(set)
			require.NoError(t, err)
			_, err = g.Provision(t.Context(), plan("acme"))
			require.Error(t, err)
			for _, text := range c.want {
				assert.ErrorContains(t, err, text)
			}
			assert.NotContains(t, err.Error(), set.Credentials.Password)
			assert.Empty(t, s.Org("Main Org.").Sources, "nothing is written into another organization")
		})
	}
}

// Data of a tenant must not appear in an organization of somebody else.
func TestProvision_DoesNotUseTheOrganizationOfOthers(t *testing.T) {
	mark := func(id string) map[string]any {
		return map[string]any{"uid": "tenant-logs", "name": "Logs", "jsonData": map[string]any{"otelcolTenant": id}}
	}
	for name, c := range map[string]struct {
		roles     map[string]string
		name      string
		source    map[string]any
		known     bool // the organization's ID is in the registry
		first     bool
		adoptable bool
		fine      bool
	}{
		"with members":                           {roles: map[string]string{"admin": "Admin", "eve": "Editor"}, adoptable: true},
		"with a data source":                     {roles: map[string]string{"admin": "Admin"}, source: map[string]any{"uid": "x", "name": "x"}, adoptable: true},
		"without the administrator":              {roles: map[string]string{"eve": "Admin"}, adoptable: true},
		"of another tenant":                      {roles: map[string]string{"admin": "Admin"}, source: mark("other")},
		"of another tenant, by ID":               {roles: map[string]string{"admin": "Admin"}, name: "other", source: mark("other"), known: true},
		"with another's data, by ID":             {roles: map[string]string{"admin": "Admin"}, name: "other", source: map[string]any{"uid": "x", "name": "x"}, known: true, adoptable: true},
		"empty, after a run that failed":         {roles: map[string]string{"admin": "Admin"}, fine: true},
		"of the tenant, with members":            {roles: map[string]string{"admin": "Admin", "ann": "Viewer"}, source: mark("acme"), fine: true},
		"of the tenant, renamed":                 {roles: map[string]string{"admin": "Admin", "ann": "Viewer"}, name: "Acme Corp.", source: mark("acme"), known: true, fine: true},
		"the first organization, by ID":          {first: true},
		"the first organization, without a mark": {first: true, fine: false},
	} {
		t.Run(name, func(t *testing.T) {
			s := grafanatest.New(t)
			p := plan("acme")
			if c.first {
				p.Organization = 1
			} else {
				if c.name == "" {
					c.name = "acme"
				}
				id := s.AddOrg(c.name, c.roles)
				if c.source != nil {
					s.Change(id, func(o *grafanatest.Org) { o.Sources = append(o.Sources, c.source) })
				}
				if c.known {
					p.Organization = id
				}
			}
			g := client(t, s)
			r, err := g.Provision(t.Context(), p)
			if c.fine {
				require.NoError(t, err)
				assert.Equal(t, c.name, r.Name)
				if c.name != "acme" {
					assert.Contains(t, strings.Join(r.Warnings, "\n"), c.name)
				}
				return
			}
			var foreign *grafana.ForeignError
			require.ErrorAs(t, err, &foreign)
			assert.Equal(t, c.adoptable, foreign.Adoptable, err)
			assert.Empty(t, s.Writes())
			p.Adopt = true
			_, err = g.Provision(t.Context(), p)
			assert.Equal(t, c.adoptable, err == nil, err)
		})
	}
}

func TestProvision_CreatesADeletedOrganizationAgain(t *testing.T) {
	s := grafanatest.New(t)
	c := client(t, s)
	p := plan("acme")
	r, err := c.Provision(t.Context(), p)
	require.NoError(t, err)
	p.Organization = r.Organization
	s.Remove(r.Organization)
	again, err := c.Provision(t.Context(), p)
	require.NoError(t, err)
	assert.NotEqual(t, r.Organization, again.Organization)
	assert.Len(t, s.Org("acme").Sources, 3)
}

func TestProvision_Viewers(t *testing.T) {
	s := grafanatest.New(t)
	c := client(t, s)
	s.AddUser("ann")
	p := plan("acme")
	p.Viewers = []string{"ann", "bob@acme.example"}
	r, err := c.Provision(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"admin": "Admin", "ann": "Viewer", "bob@acme.example": "Viewer"}, s.Org("acme").Roles)
	require.Len(t, r.NewUsers, 1)
	assert.Equal(t, "bob@acme.example", r.NewUsers[0].Login)
	assert.Greater(t, len(r.NewUsers[0].Password), 20)
	assert.NotContains(t, s.Org("Main Org.").Roles, "bob@acme.example")

	s.AddUser("eve")
	s.Change(r.Organization, func(o *grafanatest.Org) {
		o.Roles["ann"], o.Roles["eve"], o.Roles["bob@acme.example"] = "Admin", "Admin", "Editor"
	})
	r, err = c.Provision(t.Context(), p)
	require.NoError(t, err)
	assert.Empty(t, r.NewUsers)
	assert.Equal(t, map[string]string{"admin": "Admin", "ann": "Viewer", "eve": "Admin", "bob@acme.example": "Editor"}, s.Org("acme").Roles)
	require.Len(t, r.Warnings, 1)
	assert.Contains(t, r.Warnings[0], `"eve" is an Admin`)
}

// A run that ends after it created a user leaves an Admin, which the next run corrects.
func TestProvision_ANewUserDoesNotStayAdmin(t *testing.T) {
	s := grafanatest.New(t)
	s.Fault = func(r *http.Request) *grafanatest.Fault {
		if r.Method == http.MethodPatch {
			return &grafanatest.Fault{Status: http.StatusBadRequest}
		}
		return nil
	}
	p := plan("acme")
	p.Viewers = []string{"ann"}
	r, err := client(t, s).Provision(t.Context(), p)
	require.Error(t, err)
	require.Len(t, r.NewUsers, 1, "the password is not lost")
	require.Equal(t, "Admin", s.Org("acme").Roles["ann"])
	s.Fault = nil
	_, err = client(t, s).Provision(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, "Viewer", s.Org("acme").Roles["ann"])
}

func TestProvision_Conflicts(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *grafanatest.Org)
		want   string
	}{
		"name of a data source": {func(o *grafanatest.Org) {
			o.Sources[0] = map[string]any{"uid": "mine", "name": "Logs"}
		}, `the UID "mine" exists`},
		"read-only data source": {func(o *grafanatest.Org) { o.Sources[0]["readOnly"] = true }, "a file provisions it"},
		"title of the folder":   {func(o *grafanatest.Org) { o.Folders = map[string]string{"mine": "Telemetry"} }, "another UID exists"},
		"title of a dashboard": {func(o *grafanatest.Org) {
			o.Dashboards = map[string]grafanatest.Dashboard{"mine": {Folder: "otelcol-tenant", Model: map[string]any{"title": "Errors"}}}
		}, "has this title"},
	} {
		t.Run(name, func(t *testing.T) {
			s := grafanatest.New(t)
			g := client(t, s)
			r, err := g.Provision(t.Context(), plan("acme"))
			require.NoError(t, err)
			s.Change(r.Organization, c.change)
			_, err = g.Provision(t.Context(), plan("acme"))
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "organization 2")
		})
	}
}

func TestProvision_DryRunChangesNothing(t *testing.T) {
	s := grafanatest.New(t)
	c := client(t, s)
	p := plan("acme")
	p.Viewers = []string{"ann"}
	p.DryRun = true
	r, err := c.Provision(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, map[grafana.Outcome]int{grafana.Created: 8}, outcomes(r))
	assert.Empty(t, s.Writes())
	p.DryRun = false
	_, err = c.Provision(t.Context(), p)
	require.NoError(t, err)
	before := len(s.Writes())
	p.DryRun = true
	r, err = c.Provision(t.Context(), p)
	require.NoError(t, err)
	assert.False(t, r.Changed())
	assert.Len(t, s.Writes(), before)
}

func TestDeprovision(t *testing.T) {
	s := grafanatest.New(t)
	c := client(t, s)
	p := plan("acme")
	_, err := c.Provision(t.Context(), p)
	require.NoError(t, err)
	_, err = c.Provision(t.Context(), plan("shop"))
	require.NoError(t, err)
	r, err := c.Deprovision(t.Context(), p.Tenant, 0, false)
	require.NoError(t, err)
	assert.Equal(t, []grafana.Step{{Object: "organization", Name: "acme", Outcome: grafana.Removed}}, r.Steps)
	assert.Nil(t, s.Org("acme"))
	assert.NotNil(t, s.Org("shop"))
	_, err = c.Deprovision(t.Context(), p.Tenant, r.Organization, false)
	require.ErrorIs(t, err, grafana.ErrNoOrganization)

	s.AddOrg("acme", map[string]string{"admin": "Admin", "eve": "Viewer"})
	_, err = c.Deprovision(t.Context(), p.Tenant, 0, false)
	require.ErrorAs(t, err, new(*grafana.ForeignError))
	assert.NotNil(t, s.Org("acme"))
	_, err = c.Deprovision(t.Context(), p.Tenant, 1, true)
	require.ErrorAs(t, err, new(*grafana.ForeignError), "the first organization")
}

func TestProvision_ChecksThePlan(t *testing.T) {
	for name, c := range map[string]struct {
		change func(p *grafana.Plan)
		want   string
	}{
		"no tenant":       {func(p *grafana.Plan) { p.Tenant = nil }, "no tenant"},
		"deleted":         {func(p *grafana.Plan) { p.Tenant.Status = tenant.StatusDeleted }, "is deleted"},
		"no source":       {func(p *grafana.Plan) { p.Sources = nil }, "no data source"},
		"kind":            {func(p *grafana.Plan) { p.Sources[0].Kind = "lokki" }, "loki, mimir"},
		"two for one":     {func(p *grafana.Plan) { p.Sources[0].Kind = "cortex" }, "cortex and mimir are both for metrics"},
		"scheme":          {func(p *grafana.Plan) { p.Sources[0].URL = "loki:3100" }, "must begin with"},
		"user in the URL": {func(p *grafana.Plan) { p.Sources[0].URL = "http://a:b@loki" }, "must not contain a user"},
		"backend of all": {func(p *grafana.Plan) {
			p.Sources[1] = grafana.Source{Kind: "prometheus", URL: "http://prometheus:9090"}
		}, "would see the data of all"},
		"ID in a host": {func(p *grafana.Plan) {
			p.Tenant.ID = "a_(b)"
			p.Sources[1] = grafana.Source{Kind: "prometheus", URL: "http://{tenant}.prometheus"}
		}, "host name"},
		"no account":         {func(p *grafana.Plan) { p.Sources[0].Kind = "victorialogs" }, "--var account_id=NUMBER"},
		"Mimir's own tenant": {func(p *grafana.Plan) { p.Tenant.ID = "__mimir_cluster" }, "Mimir reserves"},
		"dashboard not JSON": {func(p *grafana.Plan) { p.Dashboards[0].JSON = []byte("{") }, "not JSON"},
		"no title":           {func(p *grafana.Plan) { p.Dashboards[0].JSON = []byte("{}") }, "no title"},
		"long UID":           {func(p *grafana.Plan) { p.Dashboards[0].UID = strings.Repeat("x", 41) }, "1 to 40"},
		"same UID":           {func(p *grafana.Plan) { p.Dashboards[0].UID = p.Dashboards[1].UID }, "two dashboards"},
		"empty viewer":       {func(p *grafana.Plan) { p.Viewers = []string{""} }, "must not be empty"},
		"viewer twice":       {func(p *grafana.Plan) { p.Viewers = []string{"a", "a"} }, "given twice"},
		"negative":           {func(p *grafana.Plan) { p.Organization = -1 }, "negative"},
	} {
		t.Run(name, func(t *testing.T) {
			s := grafanatest.New(t)
			p := plan("acme")
			c.change(&p)
			_, err := client(t, s).Provision(t.Context(), p)
			require.ErrorContains(t, err, c.want)
			assert.Empty(t, s.Requests())
		})
	}
}

// Each kind sends the tenant's header, or has the tenant in its URL.
func TestProvision_Kinds(t *testing.T) {
	for _, kind := range grafana.SourceKinds() {
		t.Run(kind, func(t *testing.T) {
			s := grafanatest.New(t)
			p := plan("acme")
			p.Tenant.Vars = map[string]string{"account_id": "17"}
			p.Sources = []grafana.Source{{Kind: kind, URL: "http://backend:1234/{tenant}"}}
			_, err := client(t, s).Provision(t.Context(), p)
			require.NoError(t, err)
			d := s.Org("acme").Sources[0]
			assert.True(t, strings.HasPrefix(d["url"].(string), "http://backend:1234/acme"), d["url"])
			header := headers(t, s.Org("acme"))[grafana.SourceUID(kind)]
			switch kind {
			case "prometheus", "victoriametrics":
				assert.Equal(t, ": ", header)
			case "victorialogs", "victoriatraces":
				assert.Equal(t, "AccountID: 17", header)
			default:
				assert.Equal(t, "X-Scope-OrgID: acme", header)
			}
		})
	}
}

func TestResult_HasNoPasswordOfTheAdministrator(t *testing.T) {
	s := grafanatest.New(t)
	r, err := client(t, s).Provision(t.Context(), plan("acme"))
	require.NoError(t, err)
	text, err := json.Marshal(r)
	require.NoError(t, err)
	assert.NotContains(t, string(text), s.Password)
}
