package backend

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
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
			_, _ = w.Write([]byte(partial(t, false, 2, "token "+token)))
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
	assert.Equal(t, 2, got.Rejected, "the answer can still be read")
	assert.EqualError(t, got.Err, "partial success: 2 rejected: token (hidden)")

	address := serveGRPC(t, func(ctx context.Context, _ plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		return plogotlp.NewExportResponse(), status.Errorf(codes.Unauthenticated, "%s is not known", md.Get("x-token"))
	})
	got = send(t, overGRPC(t, profile(t, "otlp"), address, func(g *GRPCSettings) { g.Client.Headers = tokens() }), logsBatch(t, "x"))
	require.Equal(t, lane.Blocked, got.Verdict)
	assert.EqualError(t, got.Err, "gRPC status Unauthenticated: [(hidden)] is not known")
}
