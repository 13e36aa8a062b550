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

func TestRoundTripper_LeavesRefusalsAloneWhereDataIsToBeDropped(t *testing.T) {
	got, logged := answers(t, &ClientConfig{WhenRefused: WhenRefusedDrop}, 401, 403)
	assert.Equal(t, 401, got[0].StatusCode)
	assert.Equal(t, 403, got[1].StatusCode)
	assert.Empty(t, logged)
}
