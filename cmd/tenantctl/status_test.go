// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewaystatus"
)

// fakeGateway serves the status API with answers of a test.
type fakeGateway struct {
	socket string
	tenant gatewaystatus.Tenant
	uses   map[string]time.Time
}

func newFakeGateway(t *testing.T) *fakeGateway {
	t.Helper()
	g := &fakeGateway{socket: filepath.Join(t.TempDir(), "s.sock"), uses: map[string]time.Time{}}
	listener, err := net.Listen("unix", g.socket)
	require.NoError(t, err)
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) { assert.NoError(t, json.NewEncoder(w).Encode(v)) }
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, gatewaystatus.Overview{Gateway: g.tenant.Gateway, Faulty: []gatewaystatus.Line{{ID: "acme", Findings: g.tenant.Findings}}, FaultyTotal: 3})
	})
	mux.HandleFunc("GET /status/tenants", func(w http.ResponseWriter, r *http.Request) {
		page := gatewaystatus.Page{Tenants: []gatewaystatus.Line{{ID: "acme", Status: "active", Sending: "sending"}}, Next: "acme"}
		if r.URL.Query().Get("after") == "acme" {
			page = gatewaystatus.Page{Tenants: []gatewaystatus.Line{{ID: "beta", Status: "suspended", Sending: "never"}}}
		}
		answer(w, page)
	})
	mux.HandleFunc("GET /status/keys", func(w http.ResponseWriter, _ *http.Request) { answer(w, gatewaystatus.KeyUses{LastUsed: g.uses}) })
	mux.HandleFunc("GET /status/tenants/acme", func(w http.ResponseWriter, _ *http.Request) { answer(w, g.tenant) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	t.Setenv(statusSocketEnv, g.socket)
	return g
}

func TestStatus_ShowsATenant(t *testing.T) {
	g := newFakeGateway(t)
	now := time.Now().UTC()
	g.tenant = gatewaystatus.Tenant{
		Gateway: gatewaystatus.Gateway{Time: now, SilentAfter: 900, InactiveAfter: 604800}, ID: "acme", Status: "suspended",
		Findings: []gatewaystatus.Finding{{Severity: finding.Error, ID: "tenant_suspended", Message: "The tenant is suspended.\x1b[2J", Fix: "Run: tenantctl tenant resume acme"}},
		Keys: []gatewaystatus.Key{{ID: "k1", State: "active", Sources: []activity.Source{
			{Address: netip.MustParseAddr("192.0.2.7"), UserAgent: strings.Repeat("agent ", 20), Last: now.Add(-time.Minute)},
		}}},
		Rejections: []activity.Rejection{{Reason: "suspended", Status: 403, Count: 2, Last: now, Example: activity.Example{Client: "192.0.2.7", Text: "the tenant is suspended"}}},
		Lanes:      []activity.Lane{{Destination: "loki", Signal: "logs", State: "open", LastAnswer: &activity.Answer{Text: "HTTP status 401: no", URL: "http://loki/v1/logs"}}},
	}
	c := newCLI(t)
	r := c.run("status", "acme")
	assert.Equal(t, exitFailure, r.code, "there is an error")
	assert.Empty(t, r.err)
	for _, want := range []string{
		"ERROR    acme: The tenant is suspended.", "         Fix: Run: tenantctl tenant resume acme", "1 min ago  192.0.2.7", "HTTP status 401: no at http://loki/v1/logs",
		"suspended  403     2",
	} {
		assert.Contains(t, r.out, want)
	}
	assert.NotContains(t, r.out, "\x1b")
	for _, format := range []string{"json", "yaml"} {
		assert.Contains(t, c.run("status", "acme", "-o", format).out, "tenant_suspended")
	}
	r = c.run("status")
	assert.Contains(t, r.out, "and 2 more tenants with faults: tenantctl status --all")
	r = c.run("status", "--all")
	assert.Equal(t, exitOK, r.code, r.err)
	assert.Contains(t, r.out, "beta")

	g.tenant.Findings = []gatewaystatus.Finding{{Severity: finding.Warning, ID: "key_expires", Message: "soon"}}
	assert.Equal(t, exitOK, c.run("status", "acme").code, "a warning is no error")
	r = c.run("status", "nobody")
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.err, `does not know the tenant "nobody"`)
	assert.Equal(t, exitUsage, c.run("status", "a", "b").code)
	assert.Equal(t, exitUsage, c.run("status", "acme", "--all").code)
}

// What clients, backends and the registry have written does not widen a column.
func TestStatus_BoundsColumnsOfOthers(t *testing.T) {
	g := newFakeGateway(t)
	now, long := time.Now().UTC(), strings.Repeat("long ", 200)
	g.tenant = gatewaystatus.Tenant{
		Gateway: gatewaystatus.Gateway{Time: now, SilentAfter: 900, InactiveAfter: 604800}, ID: "acme", Status: "active",
		Findings: []gatewaystatus.Finding{{Severity: finding.OK, ID: "ok", Message: "Data is accepted."}},
		Keys: []gatewaystatus.Key{{ID: "k1", State: "active", Description: long, Sources: []activity.Source{
			{Address: netip.MustParseAddr("192.0.2.7"), UserAgent: long, Last: now},
		}}},
		Rejections:     []activity.Rejection{{Reason: "path", Status: 404, Count: 1, Last: now, Example: activity.Example{Client: long, KeyID: long, Text: long}}},
		Lanes:          []activity.Lane{{Destination: long, Signal: "logs", State: "open", LastAnswer: &activity.Answer{Text: long, URL: "http://loki/" + long}}},
		DeadLetters:    []activity.DeadLetters{{Destination: long, Signal: "logs", Requests: 1, Last: &activity.Answer{Text: long}}},
		Routes:         map[string][]string{"logs": {long, long}},
		UnknownCallers: []activity.Unknown{{Source: long, Count: 1, Last: now, Reasons: map[string]int64{long: 1}}},
	}
	c := newCLI(t)
	r := c.run("status", "acme")
	require.Zero(t, r.code, r.err)
	for line := range strings.Lines(r.out) {
		assert.LessOrEqual(t, utf8.RuneCountInString(line), 300, line)
	}
	assert.Equal(t, 12, strings.Count(r.out, "…"), r.out)
	assert.Contains(t, c.run("status", "acme", "-o", "json").out, `"user_agent": "`+long+`"`)
}

func TestStatus_SaysWhatToDoIfNoGatewayAnswers(t *testing.T) {
	r := newCLI(t).run("status", "acme", "--socket", filepath.Join(t.TempDir(), "none"))
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.err, "there is no socket")
	assert.Contains(t, r.err, "systemctl start otelcol-tenant-gateway")
}

func TestKeyList_ShowsTheLastUseThatTheGatewayKnows(t *testing.T) {
	c := newCLI(t)
	c.ok("tenant", "create", "acme")
	var made struct{ ID string }
	require.NoError(t, json.Unmarshal([]byte(c.ok("key", "create", "acme", "-o", "json")), &made))
	t.Setenv(statusSocketEnv, filepath.Join(t.TempDir(), "none"))
	assert.NotContains(t, c.ok("key", "list"), "LAST USED")
	g := newFakeGateway(t)
	assert.Regexp(t, made.ID+` +acme +active +never`, c.ok("key", "list"))
	g.uses[made.ID] = time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
	assert.Contains(t, c.ok("key", "list"), "2026-12-01T03:00:00Z")
	assert.Contains(t, c.ok("key", "list", "-o", "json"), `"last_used": "2026-12-01T03:00:00Z"`)
}

func TestStatus_ShowsLimitsOfBytesAsSizes(t *testing.T) {
	g := newFakeGateway(t)
	g.tenant = gatewaystatus.Tenant{
		Gateway: gatewaystatus.Gateway{Time: time.Now().UTC()}, ID: "acme", Status: "active",
		Findings: []gatewaystatus.Finding{{Severity: finding.OK, ID: "ok", Message: "Data is accepted."}},
		Quotas: []activity.Quota{
			{Signal: "all", Period: "day", Unit: "bytes", Limit: 21474836480, Used: 1073741824, Share: 0.05},
			{Signal: "logs", Period: "month", Unit: "records", Limit: 21474836480, Used: 5},
			{Signal: "logs", Period: "second", Unit: "bytes", Limit: 1048576},
		},
	}
	r := newCLI(t).run("status", "acme")
	require.Zero(t, r.code, r.err)
	assert.Regexp(t, `all +per day +bytes +1\.0 GiB +20\.0 GiB +5 %`, r.out)
	assert.Regexp(t, `logs +per month +records +5 +21474836480 +0 %`, r.out)
	assert.Regexp(t, `logs +per second +bytes +- +1\.0 MiB +0 %`, r.out)
}

func TestFindingsError_CountsInTheSingular(t *testing.T) {
	for want, e := range map[string]findingsError{
		"0 errors, 0 warnings": {}, "1 error, 1 warning": {errors: 1, warnings: 1}, "2 errors, 3 warnings": {errors: 2, warnings: 3},
	} {
		assert.EqualError(t, e, want)
	}
}
