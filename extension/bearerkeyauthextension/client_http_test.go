// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configopaque"
)

// The exporter receives the answer of the server unchanged.
func TestRoundTripper_PassesAnswersOn(t *testing.T) {
	key, _ := newKey()
	for _, code := range []int{200, 400, 401, 403, 404, 413, 429, 500, 503} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(code)
				_, _ = w.Write([]byte("because"))
			}))
			defer server.Close()
			sender, logs := startClient(t, &ClientConfig{Key: configopaque.String(key)})
			rt, err := sender.RoundTripper(http.DefaultTransport)
			require.NoError(t, err)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("data"))
			require.NoError(t, err)
			resp, err := rt.RoundTrip(req)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, code, resp.StatusCode)
			assert.Equal(t, "7", resp.Header.Get("Retry-After"))
			assert.Equal(t, "because", string(body))
			assert.Empty(t, logs.All())
		})
	}
}

// The ID of a key is public, its secret is not.
func TestClient_HoldsItsSecret(t *testing.T) {
	key, _ := newKey()
	sender, _ := startClient(t, &ClientConfig{Key: configopaque.String(key)})
	secrets := sender.Secrets()
	require.Len(t, secrets, 1)
	assert.True(t, strings.HasSuffix(key, "_"+secrets[0]))
	assert.Equal(t, 2, strings.Count(strings.TrimSuffix(key, secrets[0]), "_"))
	assert.GreaterOrEqual(t, len(secrets[0]), 20)
	assert.Empty(t, newClientAuth(sender.logger, &ClientConfig{KeyFile: "x"}).Secrets(), "before the file is read")
}
