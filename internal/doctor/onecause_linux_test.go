// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// byPath is a gateway that answers each signal in its own way.
func byPath(t *testing.T, answers map[string]*rejection.Error) string {
	t.Helper()
	g := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if e := answers[r.URL.Path]; e != nil {
			w.WriteHeader(e.HTTPStatus())
			_, _ = fmt.Fprintf(w, `{"message":%q}`, e.Error())
		}
	}))
	t.Cleanup(g.Close)
	return g.URL
}

// everySignal answers each signal with one reason.
func everySignal(r rejection.Reason) map[string]*rejection.Error {
	all := map[string]*rejection.Error{}
	for _, signal := range []string{"logs", "metrics", "traces"} {
		all["/v1/"+signal] = rejection.Of(r, signal)
	}
	return all
}

// conditionJSON is a condition of the agent's health.
func conditionJSON(name, cause, message string) string {
	return fmt.Sprintf(`{"name":%q,"cause":%q,"message":%q,"fix":"Fix it.","since":"2026-01-01T00:00:00Z"}`, name, cause, message)
}

// One cause has one finding, whatever else shows it: further signals, further destinations, and the conditions
// of the running agent.
func TestRun_OneCauseHasOneFinding(t *testing.T) {
	const lanes = `"lanes":{"tenant_routing":{"queued_bytes":%d,"max_bytes":1000,"oldest_seconds":%d%s}}`
	quiet := fmt.Sprintf(lanes, 0, 0, "")
	second := "exporters: {tenant_routing: {destinations: {second: {otlp_http: {endpoint: \"%s\", auth: {authenticator: bearer_key_auth}}}}}}"
	for name, c := range map[string]struct {
		play       func(t *testing.T, m *machine)
		conditions string
		lanes      string
		want       []string // ID, status and a part of the message
	}{
		"nothing":         {func(*testing.T, *machine) {}, "", quiet, nil},
		"a rejected key":  {func(t *testing.T, m *machine) { m.gateway(byPath(t, everySignal(rejection.RevokedKey))) }, conditionJSON("gateway_refuses", "http_401", "Cannot deliver logs, metrics"), quiet, []string{"gateway.answer error to logs, metrics, traces is 401"}},
		"texts by signal": {func(t *testing.T, m *machine) { m.gateway(byPath(t, everySignal(rejection.Scope))) }, conditionJSON("gateway_refuses", "http_403", "Cannot deliver"), quiet, []string{"gateway.answer error may not send logs; the API key may not send metrics; the API key may not send traces. The key may not send this signal. The agent reports it as gateway_refuses since 2026-01-01"}},
		"one signal": {func(t *testing.T, m *machine) {
			m.gateway(byPath(t, map[string]*rejection.Error{"/v1/traces": rejection.Of(rejection.Scope, "traces")}))
		}, "", quiet, []string{"gateway.answer error to traces is 403"}},
		"two causes": {func(t *testing.T, m *machine) {
			m.gateway(byPath(t, map[string]*rejection.Error{"/v1/logs": rejection.Of(rejection.Suspended), "/v1/metrics": rejection.Of(rejection.Rate), "/v1/traces": rejection.Of(rejection.Rate)}))
		}, conditionJSON("gateway_busy", "http_429", "m") + "," + conditionJSON("gateway_refuses", "http_403", "m"), quiet, []string{"gateway.answer error to logs is 403", "gateway.answer error to metrics, traces is 429"}},
		"another answer": {func(*testing.T, *machine) {}, conditionJSON("gateway_busy", "http_503", "the collector's disk has no room"), quiet, []string{"agent.condition error no room"}},
		"no gateway":     {func(_ *testing.T, m *machine) { m.gateway("http://127.0.0.1:1") }, conditionJSON("gateway_unreachable", "connection_refused", "Cannot deliver"), quiet, []string{"gateway.tcp error refused: nothing listens there. The agent reports it as gateway_unreachable"}},
		"two destinations": {func(_ *testing.T, m *machine) {
			m.gateway("http://127.0.0.1:1")
			m.more = fmt.Sprintf(second, "http://127.0.0.1:1")
		}, conditionJSON("gateway_unreachable", "connection_refused", "Cannot deliver to http://127.0.0.1:1/v1/logs"), quiet, []string{"gateway.tcp error refused"}},
		"the other one": {func(_ *testing.T, m *machine) { m.more = fmt.Sprintf(second, "http://127.0.0.1:1") }, conditionJSON("gateway_unreachable", "timeout", "Cannot deliver to http://192.0.2.1/v1/logs"), quiet, []string{"gateway.tcp error refused", "agent.condition error 192.0.2.1"}},
		"clear text":    {func(_ *testing.T, m *machine) { m.gateway("http://192.0.2.1:4318") }, conditionJSON("key_not_sent", "", "m"), quiet, []string{"gateway.endpoint error does not send the key"}},
		"no home":       {func(_ *testing.T, m *machine) { m.env["PM2_HOME"] = filepath.Join(m.dir, "absent") }, conditionJSON("pm2_not_found", "", "m"), quiet, []string{"pm2.home error does not exist"}},
		"no files": {func(t *testing.T, m *machine) {
			require.NoError(t, os.Remove(filepath.Join(m.home, "logs", "app-out.log")))
		}, conditionJSON("log_files_missing", "", "m"), quiet, []string{"pm2.home error no log file"}},
		"no key file": {func(_ *testing.T, m *machine) {
			delete(m.env, "TENANT_KEY")
			m.env["TENANT_KEY_FILE"] = filepath.Join(m.dir, "absent")
		}, conditionJSON("key_file_failed", "", "m"), quiet, []string{"gateway.answer warning no key to send", "key.present error cannot use the key file"}},
		"open key":          {func(_ *testing.T, m *machine) { m.mode = 0o644 }, "", quiet, []string{"key.mode error 0644"}},
		"full queue":        {func(*testing.T, *machine) {}, conditionJSON("queue_old", "", "m") + "," + conditionJSON("queue_almost_full", "", "m"), fmt.Sprintf(lanes, 950, 400, ""), []string{"queue.size error queue_old since 2026-01-01T00:00:00Z. The agent reports it as queue_almost_full"}},
		"old data":          {func(*testing.T, *machine) {}, conditionJSON("queue_old", "", "m"), fmt.Sprintf(lanes, 1, 400, ""), []string{"queue.age error the oldest for 6m40s"}},
		"dead letters":      {func(*testing.T, *machine) {}, conditionJSON("data_dropped", "", "m"), fmt.Sprintf(lanes, 0, 0, `,"dead_letters":{"tenants":1,"destinations":1}`), []string{"queue.dead_letters error rejected permanently"}},
		"unknown condition": {func(*testing.T, *machine) {}, conditionJSON("storage_damaged", "", "was set aside"), quiet, []string{"agent.condition error was set aside"}},
		"warning":           {func(*testing.T, *machine) {}, strings.Replace(conditionJSON("pm2_unreachable", "denied", "No list"), "{", `{"warning":true,`, 1), quiet, []string{"agent.condition warning No list"}},
		"ending":            {func(*testing.T, *machine) {}, strings.Replace(conditionJSON("gateway_refuses", "http_401", "m"), "{", `{"ending":true,`, 1), quiet, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, byPath(t, nil))
			c.play(t, m)
			status := "failing"
			if c.conditions == "" {
				status = "ok"
			}
			m.serveHealth(`{"status":"` + status + `","conditions":[` + c.conditions + `],` + c.lanes + `}`)
			var got []string
			for _, f := range m.run(nil) {
				// The test has the port of the agent's health, and another test may run a PM2.
				others := f.ID == "ports" || f.ID == "pm2.unconfigured" && !strings.HasPrefix(f.Subject, m.dir)
				if f.Severity != finding.OK && !others {
					got = append(got, fmt.Sprintf("%s %s %s", f.ID, f.Severity, f.Message))
				}
			}
			require.Len(t, got, len(c.want), "%q", got)
			for _, want := range c.want {
				id, rest, _ := strings.Cut(want, " ")
				status, text, _ := strings.Cut(rest, " ")
				found := false
				for _, line := range got {
					found = found || strings.HasPrefix(line, id+" "+status+" ") && strings.Contains(line, text)
				}
				assert.True(t, found, "%q is not in %q", want, got)
			}
		})
	}
}

// The agent's user and the disk need root to play.
func TestRun_OneCauseHasOneFinding_AsAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	m := newMachine(t, byPath(t, nil))
	log := filepath.Join(m.home, "logs", "app-out.log")
	m.serveHealth(`{"status":"failing","conditions":[` + conditionJSON("log_files_unreadable", "file", "Cannot read") + `]}`)
	var got []string
	for _, f := range m.run(func(s *Settings) { s.User = "nobody" }) {
		if f.Severity != finding.OK && (strings.HasPrefix(f.ID, "logs") || f.ID == "agent.condition") {
			got = append(got, f.ID+" "+f.Message)
		}
	}
	require.Len(t, got, 1, "%q", got)
	assert.Contains(t, got[0], "logs.readable")
	assert.Contains(t, got[0], "The agent reports it as log_files_unreadable")
	assert.FileExists(t, log)
}
