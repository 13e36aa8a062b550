// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/reference"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// tokens are headers of which a backend repeats the values.
func tokens() (headers configopaque.MapList) {
	headers.Set("X-Token", "token-of-the-tenant")
	headers.Set("Authorization", "Bearer another-token")
	headers.Set("X-Zone", "eu")
	return headers
}

func TestHide_TheTokensThatABackendRepeats(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if r.Header.Get("X-Partial") != "" {
			w.Header().Set("Content-Type", contentTypeProto)
			_, _ = w.Write([]byte(partial(t, false, 1, "token "+token)))
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprintf(w, "%s and %s are not known in %s", r.Header.Get("X-Token"), token, r.Header.Get("X-Zone"))
	}))
	defer s.Close()
	got := send(t, overHTTP(t, profile(t, "otlp"), s.URL, func(h *HTTPSettings) { h.Client.Headers = tokens() }), logsBatch(t, "x"))
	assert.EqualError(t, got.Err, "HTTP status 401: (hidden) and (hidden) are not known in eu")

	got = send(t, overHTTP(t, profile(t, "otlp"), s.URL, func(h *HTTPSettings) {
		h.Client.Headers = tokens()
		h.Client.Headers.Set("X-Partial", "yes")
	}), logsBatch(t, "x"))
	assert.Equal(t, 1, got.Rejected, "the answer can still be read")
	assert.EqualError(t, got.Err, "partial success: 1 rejected: token (hidden)")

	address := serveGRPC(t, func(ctx context.Context, _ plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		return plogotlp.NewExportResponse(), status.Errorf(codes.Unauthenticated, "%s is not known", md.Get("x-token"))
	})
	got = send(t, overGRPC(t, profile(t, "otlp"), address, func(g *GRPCSettings) { g.Client.Headers = tokens() }), logsBatch(t, "x"))
	require.Equal(t, lane.Blocked, got.Verdict)
	assert.EqualError(t, got.Err, "gRPC status Unauthenticated: [(hidden)] is not known")
}

// TestHide_SecretsThatAGRPCBackendRepeats has a secret of a reference in metadata, which
// the backend repeats in its status and in a partial success.
func TestHide_SecretsThatAGRPCBackendRepeats(t *testing.T) {
	const secret = "Zx81qLm0+Tr9/Kw2="
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "token"), []byte(secret+"\n"), 0o600))
	v := template.Values{
		Tenant: "tenant-a", Vars: map[string]string{"token": "${file:" + dir + "/token}"},
		References: &reference.Policy{Directories: []string{dir}},
	}
	for name, repeat := range map[string]func(string) string{
		"raw": func(s string) string { return s }, "URL": url.QueryEscape, "lower": func(s string) string { return strings.ToLower(url.QueryEscape(s)) },
		"base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("x:" + s)) },
		"JSON":   func(s string) string { b, _ := json.Marshal(map[string]string{"t": s}); return string(b) },
		"cut":    func(s string) string { return s[:len(s)-3] + "…" }, "lines": func(s string) string { return s[:9] + "\n" + s[9:] },
		"terminal": func(s string) string { return "\x1b[31m\u202e" + s + "\u009b\u2028" },
	} {
		for _, code := range []codes.Code{codes.OK, codes.InvalidArgument, codes.Unauthenticated, codes.Unavailable, codes.ResourceExhausted} {
			address := serveGRPC(t, func(ctx context.Context, _ plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
				md, _ := metadata.FromIncomingContext(ctx)
				text := "no " + repeat(md.Get("x-token")[0])
				r := plogotlp.NewExportResponse()
				if code == codes.OK {
					r.PartialSuccess().SetErrorMessage(text)
					r.PartialSuccess().SetRejectedLogRecords(1)
					return r, nil
				}
				return r, status.Error(code, text)
			})
			d := overGRPC(t, profile(t, "otlp"), address, func(g *GRPCSettings) { g.Client.Headers.Set("X-Token", "{vars.token}") })
			got := d.Target(tenant.Logs, v).Send(t.Context(), logsBatch(t, "x"))
			require.Error(t, got.Err, name)
			for _, part := range []string{secret, url.QueryEscape(secret), "zx81qlm0", "tr9", base64.RawStdEncoding.EncodeToString([]byte(secret))[4:12], "\x1b", "\u202e", "\u009b", "\u2028", "\n"} {
				assert.NotContains(t, strings.ToLower(got.Err.Error()), strings.ToLower(part), "%s %s", name, code)
			}
			line, err := lettersOf(t, logsBatch(t, "x"), got, time.Now())
			require.NoError(t, err)
			assert.NotContains(t, strings.ToLower(string(line)), "zx81qlm0")
		}
	}
}

// rotating is an authenticator that gets another secret while a request is in progress.
type rotating struct {
	component.Component
	secret atomic.Value
}

func (r *rotating) Secrets() []string { return []string{r.secret.Load().(string)} }

func (r *rotating) RoundTripper(base http.RoundTripper) (http.RoundTripper, error) {
	return roundTripFunc(func(req *http.Request) (*http.Response, error) {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+r.secret.Load().(string))
		r.secret.Store("the-second-secret")
		return base.RoundTrip(req)
	}), nil
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

type extensionsHost map[component.ID]component.Component

func (h extensionsHost) GetExtensions() map[component.ID]component.Component { return h }

func TestHide_PreviousSecretOfAnAuthenticator(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprintf(w, "%s is not known, but the-second-secret is", r.Header.Get("Authorization"))
	}))
	defer s.Close()
	id, auth := component.MustNewID("auth"), &rotating{}
	auth.secret.Store("the-first-secret")
	d := overHTTP(t, profile(t, "otlp"), s.URL, func(h *HTTPSettings) {
		h.Client.Auth = configoptional.Some(configauth.Config{AuthenticatorID: id})
	})
	d.pool.host = extensionsHost{id: auth}
	got := send(t, d, logsBatch(t, "x"))
	assert.EqualError(t, got.Err, "HTTP status 401: Bearer (hidden) is not known, but (hidden) is")
}
