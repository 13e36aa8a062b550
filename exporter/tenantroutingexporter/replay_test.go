// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// scripted is a backend whose answers tests choose by the body of the first record.
type scripted struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string // of requests that were answered with 2xx: path, Content-Type, AccountID and body
	answer func(body string) (status int, partial int64)
}

func newScripted(t *testing.T) *scripted {
	s := &scripted{answer: func(string) (int, int64) { return 200, 0 }}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		req := plogotlp.NewExportRequest()
		if r.Header.Get("Content-Type") == "application/json" {
			assert.NoError(t, req.UnmarshalJSON(data))
		} else {
			assert.NoError(t, req.UnmarshalProto(data))
		}
		body := req.Logs().ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().Str()
		s.mu.Lock()
		defer s.mu.Unlock()
		status, partial := s.answer(body)
		if status < 300 {
			s.got = append(s.got, fmt.Sprintf("%s %s %s %s", r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("AccountID"), body))
		}
		answer := plogotlp.NewExportResponse()
		answer.PartialSuccess().SetRejectedLogRecords(partial)
		out, err := answer.MarshalProto()
		assert.NoError(t, err)
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.WriteHeader(status)
		_, _ = w.Write(out)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *scripted) set(answer func(string) (int, int64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *scripted) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.got...)
}

// letter writes a letter of a file that was written long ago.
func letter(t *testing.T, dir, id, destination string, signal tenant.Signal, requests ...[]byte) {
	t.Helper()
	var data []byte
	n := deadletter.Note{Time: time.Unix(1, 0).UTC(), Tenant: tenant.ID(id), Destination: destination, Signal: signal.String(), Reason: "http_400"}
	for _, request := range requests {
		var err error
		data, err = deadletter.Append(data, request, &n)
		require.NoError(t, err)
	}
	path := filepath.Join(dir, n.Folder(), "00000.jsonl")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, data, 0o600))
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, old, old))
}

func logJSON(t *testing.T, id, body string) []byte {
	t.Helper()
	data, err := (&plog.JSONMarshaler{}).MarshalLogs(logsOf(id, body))
	require.NoError(t, err)
	return data
}

// requestReplay asks for a replay and returns the last report.
func requestReplay(t *testing.T, dir string, f deadletter.Filter) *deadletter.Report {
	t.Helper()
	req, err := deadletter.RequestReplay(dir, f)
	require.NoError(t, err)
	report, err := req.Wait(t.Context(), time.Minute, time.Minute, func(*deadletter.Report) {})
	require.NoError(t, err)
	require.NoError(t, req.Close())
	report.Time = time.Time{}
	return report
}

const replayConfig = `
registry: tenant_registry
destinations:
  vl: {profile: victorialogs, otlp_http: {endpoint: "%[1]s/{tenant}", compression: none}}
  js: {otlp_http: {endpoint: %[2]q, compression: none, encoding: json}}
  prom: {profile: prometheus, otlp_http: {endpoint: %[2]q}}
  files: {archive: {directory: %[4]q}}
routes: {logs: [vl, js, files], metrics: [prom], traces: [js]}
retry: {initial_interval: 1ms, max_interval: 2ms}
dead_letter: {directory: %[3]q}
`

// TestReplay_ToItsDestinationOnly has letters of two destinations, which get their own
// and in their own form.
func TestReplay_ToItsDestinationOnly(t *testing.T) {
	vl, js := newScripted(t), newScripted(t)
	dir, files := t.TempDir(), t.TempDir()
	a := &tenant.Tenant{ID: "a", Vars: map[string]string{"account_id": "42"}}
	g := startGateway(t, fmt.Sprintf(replayConfig, vl.URL, js.URL, dir, files), tenanttest.NewRegistry(t, a, &tenant.Tenant{ID: "b"}))
	letter(t, dir, "a", "vl", tenant.Logs, logJSON(t, "a", "1"), logJSON(t, "a", "2"))
	letter(t, dir, "a", "js", tenant.Logs, logJSON(t, "a", "3"))
	letter(t, dir, "a", "files", tenant.Logs, logJSON(t, "a", "4"))
	letter(t, dir, "a", "gone", tenant.Logs, logJSON(t, "a", "5"))
	letter(t, dir, "b", "js", tenant.Logs, logJSON(t, "b", "6"))

	report := requestReplay(t, dir, deadletter.Filter{Tenant: "a"})
	require.Len(t, report.Groups, 4)
	gone := report.Groups[1]
	assert.Contains(t, gone.Message, "the tenant is not in the registry, or the destination is not configured")
	gone.Message = ""
	assert.Equal(t, deadletter.GroupReport{Tenant: "a", Destination: "gone", Signal: "logs", Left: 1}, gone)
	assert.Equal(t, deadletter.GroupReport{Tenant: "a", Destination: "vl", Signal: "logs", Sent: 2}, report.Groups[3])
	assert.Equal(t, []string{"/a/insert/opentelemetry/v1/logs application/x-protobuf 42 1", "/a/insert/opentelemetry/v1/logs application/x-protobuf 42 2"}, vl.received())
	assert.Equal(t, []string{"/v1/logs application/json  3"}, js.received())
	assert.Equal(t, map[string][]string{"a": {"4"}}, archived(t, files))
	paths, err := filepath.Glob(filepath.Join(files, "*", "*", "date=1970-01-01", "hour=00", "*"))
	require.NoError(t, err)
	assert.Len(t, paths, 1, "in the hour of the letter")

	left, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	assert.Len(t, left, 2, "that of a destination that is gone, and that of another tenant")
	assert.Zero(t, sum(t, g.tel, "accepted_records"), "a replay is not new data")
	again := requestReplay(t, dir, deadletter.Filter{Tenant: "a", Destination: "vl"})
	assert.Equal(t, &deadletter.Report{Done: true}, again)
	assert.Len(t, vl.received(), 2, "each once")
}

func TestReplay_Outcomes(t *testing.T) {
	vl, js := newScripted(t), newScripted(t)
	dir := t.TempDir()
	a := &tenant.Tenant{ID: "a", Vars: map[string]string{"account_id": "42"}}
	startGateway(t, fmt.Sprintf(replayConfig, vl.URL, js.URL, dir, t.TempDir()), tenanttest.NewRegistry(t, a, &tenant.Tenant{ID: "b"}))
	busy := 0
	answer := func(body string) (int, int64) {
		switch body {
		case "bad":
			return 400, 0
		case "partly":
			return 200, 1
		case "busy": // for a while
			if busy++; busy < replayAttempts {
				return 503, 0
			}
		case "down":
			return 503, 0
		case "locked":
			return 401, 0
		}
		return 200, 0
	}
	vl.set(answer)
	js.set(answer)
	letter(t, dir, "a", "vl", tenant.Logs, logJSON(t, "a", "bad"), logJSON(t, "a", "2"), logJSON(t, "a", "partly"), logJSON(t, "a", "busy"), []byte(`{"resourceLogs":[{"scopeLogs":7}]}`))
	letter(t, dir, "a", "js", tenant.Logs, logJSON(t, "a", "6"), logJSON(t, "a", "down"), logJSON(t, "a", "8"))
	letter(t, dir, "b", "js", tenant.Logs, logJSON(t, "b", "9"), logJSON(t, "b", "locked"), logJSON(t, "b", "11"))
	letter(t, dir, "b", "vl", tenant.Logs, logJSON(t, "b", "12")) // has no account_id
	delta, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(deltaOf("a", 1, 1))
	require.NoError(t, err)
	letter(t, dir, "a", "prom", tenant.Metrics, delta)

	report := requestReplay(t, dir, deadletter.Filter{})
	assert.Empty(t, report.Error)
	for i, want := range []struct {
		group   deadletter.GroupReport
		message string
	}{
		{deadletter.GroupReport{Tenant: "a", Destination: "js", Signal: "logs", Sent: 1, Left: 2}, "HTTP status 503"},
		{deadletter.GroupReport{Tenant: "a", Destination: "prom", Signal: "metrics", Rejected: 1, Left: 1}, "the destination accepts totals only"},
		{deadletter.GroupReport{Tenant: "a", Destination: "vl", Signal: "logs", Sent: 2, Rejected: 3, Left: 3}, "the dead letter is not OTLP JSON"},
		{deadletter.GroupReport{Tenant: "b", Destination: "js", Signal: "logs", Sent: 1, Left: 2}, "HTTP status 401"},
		{deadletter.GroupReport{Tenant: "b", Destination: "vl", Signal: "logs", Left: 1}, "headers::AccountID: vars.account_id: the tenant has no such variable"},
	} {
		got := report.Groups[i]
		assert.Contains(t, got.Message, want.message)
		got.Message = ""
		assert.Equal(t, want.group, got)
	}
	assert.Equal(t, replayAttempts, busy)
	left, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	requests := 0
	for _, g := range left {
		requests += g.Requests
	}
	assert.Equal(t, 2+1+3+2+1, requests)
}

// A replay that ends early, by a withdrawal or with the gateway, continues with the requests that
// were not delivered.
func TestReplay_EndsInTheMiddle(t *testing.T) {
	for _, how := range []string{"withdrawn", "shutdown"} {
		t.Run(how, func(t *testing.T) {
			vl, js := newScripted(t), newScripted(t)
			dir := t.TempDir()
			a := &tenant.Tenant{ID: "a", Vars: map[string]string{"account_id": "42"}}
			config := fmt.Sprintf(replayConfig, vl.URL, js.URL, dir, t.TempDir())
			g := startGateway(t, config, tenanttest.NewRegistry(t, a))
			var requests [][]byte
			for i := range 4 {
				requests = append(requests, logJSON(t, "a", fmt.Sprint(i)))
			}
			letter(t, dir, "a", "js", tenant.Logs, requests...)
			inSecond, goOn := make(chan struct{}), make(chan struct{})
			var once sync.Once
			js.set(func(body string) (int, int64) {
				if body == "1" {
					once.Do(func() { close(inSecond) })
					<-goOn
				}
				return 200, 0
			})
			req, err := deadletter.RequestReplay(dir, deadletter.Filter{})
			require.NoError(t, err)
			<-inSecond
			want := errWithdrawn.Error()
			if how == "withdrawn" {
				require.NoError(t, req.Withdraw())
			} else {
				want = errReplayEnded.Error()
				g.stop()
			}
			report, err := req.Wait(t.Context(), time.Minute, time.Minute, func(*deadletter.Report) {})
			require.NoError(t, err)
			assert.Equal(t, want, report.Error)
			assert.Equal(t, 1, report.Groups[0].Sent)
			assert.Equal(t, 3, report.Groups[0].Left)
			require.NoError(t, req.Close())
			close(goOn)
			if how == "shutdown" {
				startGateway(t, config, tenanttest.NewRegistry(t, a))
			}
			report = requestReplay(t, dir, deadletter.Filter{})
			assert.Equal(t, 3, report.Groups[0].Sent)
			counts := map[string]int{}
			for _, line := range js.received() {
				counts[line[len(line)-1:]]++
			}
			assert.Equal(t, 1, counts["0"], "was acknowledged before")
			assert.LessOrEqual(t, counts["1"], 2, "was under way")
			assert.Equal(t, [2]int{1, 1}, [2]int{counts["2"], counts["3"]})
		})
	}
}

// Without a registry any name may be a tenant.
func TestReplay_OfUnknownTenantsWithoutARegistry(t *testing.T) {
	dir := t.TempDir()
	startGatewayWith(t, parseConfig(t, fmt.Sprintf(`
destinations: {files: {archive: {directory: %q}}}
routes: {logs: [files]}
dead_letter: {directory: %q}
`, t.TempDir(), dir)), tenanttest.Host{}, nil)
	assert.Equal(t, &deadletter.Report{Done: true}, requestReplay(t, dir, deadletter.Filter{Tenant: "a"}))
	report := requestReplay(t, dir, deadletter.Filter{Tenant: "a", Destination: "nosuch"})
	assert.Contains(t, report.Error, `no such destination: "nosuch"; the destinations are files`)
}

// A request without letters that names nothing that there is says so.
func TestReplay_OfUnknownTenantsAndDestinations(t *testing.T) {
	vl, js := newScripted(t), newScripted(t)
	dir := t.TempDir()
	startGateway(t, fmt.Sprintf(replayConfig, vl.URL, js.URL, dir, t.TempDir()), tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}))
	for want, f := range map[string]deadletter.Filter{
		"": {Tenant: "a", Destination: "js"},
		`no such tenant: "nosuch" is not in the registry`:      {Tenant: "nosuch"},
		`no such destination: "nosuch"; the destinations are `: {Tenant: "a", Destination: "nosuch"},
	} {
		report := requestReplay(t, dir, f)
		assert.Empty(t, report.Groups)
		if want == "" {
			assert.Empty(t, report.Error)
		}
		assert.Contains(t, report.Error, want)
	}
}

// A replay sends what the gateway itself has just written, without a wait for the file
// to be left alone.
func TestReplay_OfFreshLetters(t *testing.T) {
	vl, js := newScripted(t), newScripted(t)
	dir := t.TempDir()
	js.set(func(string) (int, int64) { return 400, 0 })
	g := startGateway(t, fmt.Sprintf(replayConfig, vl.URL, js.URL, dir, t.TempDir()), tenanttest.NewRegistry(t,
		&tenant.Tenant{ID: "a", Routes: map[tenant.Signal][]string{tenant.Logs: {"js"}}}))
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "1")))
	require.Eventually(t, func() bool { return sum(t, g.tel, "dead_lettered_records") == 1 }, 30*time.Second, time.Millisecond)
	js.set(func(string) (int, int64) { return 200, 0 })
	assert.Eventually(t, func() bool {
		report := requestReplay(t, dir, deadletter.Filter{})
		return len(report.Groups) == 1 && report.Groups[0].Sent == 1
	}, time.Minute, time.Millisecond)
	// New rejections go to a separate file.
	js.set(func(string) (int, int64) { return 400, 0 })
	require.NoError(t, g.logs.ConsumeLogs(context.Background(), logsOf("a", "2")))
	require.Eventually(t, func() bool { return sum(t, g.tel, "dead_lettered_records") == 2 }, 30*time.Second, time.Millisecond)
	left, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.Equal(t, 1, left[0].Requests)
}
