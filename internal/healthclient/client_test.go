// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package healthclient

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGet(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	for name, c := range map[string]struct {
		code int
		body string
		want Answer // without the URL
	}{
		"ok":             {200, `{"status":"ok","reasons":[]}`, Answer{Code: 200, Status: "ok", Reasons: []string{}}},
		"another server": {200, `{"reasons":["x"],"conditions":[{"name":"y"}]}`, Answer{Code: 200}},
		"no JSON":        {503, "busy", Answer{Code: 503}},
		"other types":    {200, `{"status":"ok","lanes":7}`, Answer{Code: 200}},
		"redirect":       {302, "", Answer{Code: 302}},
		"too large":      {200, `{"status":"ok","reasons":["` + strings.Repeat("x", maxBody) + `"]}`, Answer{Code: 200}},
		"hostile texts":  {503, `{"status":"\u001b[31mred","reasons":["a\nb"]}`, Answer{Code: 503, Status: " [31mred", Reasons: []string{"a b"}}},
		"hostile names": {
			200,
			`{"status":"ok","lanes":{"\u001b[31mx":{"queued_bytes":5},"a\nb":{"queued_bytes":6}},"components":{"receiver/\u001b]0;title\u0007":"a\u001bb"}}`,
			Answer{
				Code: 200, Status: "ok", Lanes: map[string]Lanes{" [31mx": {Queued: 5}, "a b": {Queued: 6}},
				Components: map[string]string{"receiver/ ]0;title ": "a b"},
			},
		},
		"names that become one": {
			200, `{"status":"ok","components":{"x\u0001":"b","x ":"c","x\u0000":"a"}}`,
			Answer{Code: 200, Status: "ok", Components: map[string]string{"x ": "c"}},
		},
		"another address": {200, `{"url":"http://elsewhere","code":1,"status":"ok"}`, Answer{Code: 200, Status: "ok"}},
		"failing": {
			503,
			`{"status":"failing","reasons":["queue_old"],"conditions":[
				{"name":"queue_old","component":"exporter/x","cause":"c","message":"m\r","fix":"f","since":"s","for_seconds":3,"ending":true},
				{"name":"pm2_unreachable","message":"m","fix":"f","warning":true}],
			"lanes":{"x":{"queued_bytes":5,"max_bytes":7,"oldest_seconds":1.5,"idle":3,"dead_letters":{"tenants":1,"destinations":2}}},
			"components":{"exporter/x":"recoverable_error"}}`,
			Answer{
				Code: 503, Status: "failing", Reasons: []string{"queue_old"},
				Conditions: []Condition{
					{Name: "queue_old", Component: "exporter/x", Cause: "c", Message: "m ", Fix: "f", Since: "s", Ending: true},
					{Name: "pm2_unreachable", Message: "m", Fix: "f", Warning: true},
				},
				Lanes:      map[string]Lanes{"x": {Queued: 5, Max: 7, Oldest: 1.5, DeadLetters: &DeadLetters{Tenants: 1, Destinations: 2}}},
				Components: map[string]string{"exporter/x": "recoverable_error"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.code)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			got, err := Get(t.Context(), server.URL)
			require.NoError(t, err)
			c.want.URL = server.URL
			assert.Equal(t, &c.want, got)
			assert.Equal(t, c.want.Status != "", got.Known())
			assert.Equal(t, c.code == 200, got.Healthy())
			assert.Equal(t, len(got.Conditions), len(got.Failing())+len(got.Warnings()))
		})
	}
	_, err := Get(t.Context(), "http://127.0.0.1:1/health")
	assert.ErrorContains(t, err, "is the collector running")
}

func TestURL(t *testing.T) {
	for endpoint, want := range map[string]string{
		"0.0.0.0:13133":   "http://127.0.0.1:13133/health",
		"[::]:1":          "http://127.0.0.1:1/health",
		":2":              "http://127.0.0.1:2/health",
		"192.0.2.1:3":     "http://192.0.2.1:3/health",
		"localhost:13133": "http://localhost:13133/health",
	} {
		got, err := URL(endpoint, "/health")
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := URL("13133", "/health")
	require.Error(t, err)
}
