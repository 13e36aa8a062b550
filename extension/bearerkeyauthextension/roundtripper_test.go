package bearerkeyauthextension

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configopaque"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

// answers serves the given statuses in turn and returns what a caller gets.
func answers(t *testing.T, cfg *ClientConfig, statuses ...int) (got []*http.Response, logged []string) {
	t.Helper()
	served := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(statuses[served])
		_, _ = w.Write([]byte("because"))
		served++
	}))
	t.Cleanup(server.Close)
	key, _ := newKey()
	cfg.Key = configopaque.String(key)
	sender, logs := startSender(t, cfg)
	rt, err := sender.RoundTripper(http.DefaultTransport)
	require.NoError(t, err)
	for range statuses {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("data"))
		require.NoError(t, err)
		resp, err := rt.RoundTrip(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, "because", string(body))
		got = append(got, resp)
	}
	for _, entry := range logs.All() {
		logged = append(logged, entry.Message)
	}
	return got, logged
}

func TestRoundTripper_MakesRefusalsOfTheKeyRetryable(t *testing.T) {
	got, logged := answers(t, &ClientConfig{}, 200, 401, 403, 401, 200, 400, 429, 500)
	want := []int{200, 503, 503, 503, 200, 400, 429, 500}
	for i, resp := range got {
		assert.Equal(t, want[i], resp.StatusCode, i)
		delay := "1" // the server's own
		if want[i] == 503 {
			delay = "10"
		}
		assert.Equal(t, delay, resp.Header.Get("Retry-After"), i)
	}
	assert.Equal(t, []string{
		"The gateway refuses the key; data waits until it is accepted", // once, not for every request
		"The gateway accepts the key again",
	}, logged)
}

// A key need not be good for every signal. One that is not, or a gateway in trouble,
// changes nothing of what is known of the others.
func TestRoundTripper_TellsRefusalsApartByURL(t *testing.T) {
	logsStatus := http.StatusForbidden
	key, _ := newKey()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/metrics":
			body, err := proto.Marshal(&spb.Status{Code: 7, Message: "the API key " + key + " may not send metrics"})
			assert.NoError(t, err)
			w.Header().Set("Content-Type", "application/x-protobuf")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write(body)
		case "/v1/traces":
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"code":16,"message":"the API key is revoked"}`))
		default:
			w.WriteHeader(logsStatus)
			_, _ = w.Write([]byte("because " + strings.Repeat("x", 2*maxReason)))
		}
	}))
	t.Cleanup(server.Close)
	sender, logs := startSender(t, &ClientConfig{Key: configopaque.String(key)})
	rt, err := sender.RoundTripper(http.DefaultTransport)
	require.NoError(t, err)
	send := func(path string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, strings.NewReader("data"))
		require.NoError(t, err)
		resp, err := rt.RoundTrip(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		if path == "/v1/logs" {
			assert.Len(t, body, len("because ")+2*maxReason)
		}
	}
	for range 3 {
		for _, path := range []string{"/v1/logs", "/v1/metrics", "/v1/traces"} {
			send(path)
		}
	}
	for _, logsStatus = range []int{http.StatusServiceUnavailable, http.StatusOK, http.StatusOK} {
		send("/v1/logs")
	}
	type told struct{ message, url, reason string }
	var got []told
	for _, entry := range logs.All() {
		fields := entry.ContextMap()
		why, _ := fields["reason"].(string)
		got = append(got, told{entry.Message, fields["url"].(string), why})
	}
	const refuses = "The gateway refuses the key; data waits until it is accepted"
	assert.Equal(t, []told{
		{refuses, server.URL + "/v1/logs", "because " + strings.Repeat("x", maxReason-len("because "))},
		{refuses, server.URL + "/v1/metrics", "the API key [key] may not send metrics"},
		{refuses, server.URL + "/v1/traces", "the API key is revoked"},
		{"The gateway accepts the key again", server.URL + "/v1/logs", ""},
	}, got)
}

// Wherever what is read of the reason ends, and whatever a URL has besides its path.
func TestRoundTripper_LogsNoPartOfASecret(t *testing.T) {
	key, _ := newKey()
	for _, before := range []int{maxReason - len(key)/2, maxReason - 1, maxReason - len(key), maxReason - 2*len(key)} {
		text := key + strings.Repeat("x", before-len(key)) + key + "z"
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(text))
		}))
		sender, logs := startSender(t, &ClientConfig{Key: configopaque.String(key)})
		rt, err := sender.RoundTripper(http.DefaultTransport)
		require.NoError(t, err)
		url := strings.Replace(server.URL, "//", "//user:secret-1@", 1) + "/v1/logs?token=secret-2"
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("data"))
		require.NoError(t, err)
		resp, err := rt.RoundTrip(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, text, string(body))
		require.Equal(t, 1, logs.Len())
		fields := logs.All()[0].ContextMap()
		assert.NotContains(t, fields["reason"], key[:8])
		assert.LessOrEqual(t, len(fields["reason"].(string)), maxReason)
		assert.Equal(t, server.URL+"/v1/logs", fields["url"])
		server.Close()
	}
}

func TestRoundTripper_LeavesRefusalsAloneWhereDataIsToBeDropped(t *testing.T) {
	got, logged := answers(t, &ClientConfig{WhenRefused: WhenRefusedDrop}, 401, 403)
	assert.Equal(t, 401, got[0].StatusCode)
	assert.Equal(t, 403, got[1].StatusCode)
	assert.Empty(t, logged)
}
