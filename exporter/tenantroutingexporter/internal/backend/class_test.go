package backend

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// bare leaves out what is for operators to read.
func bare(res lane.Result) lane.Result {
	res.Err, res.Class, res.Status, res.URL = nil, "", 0, ""
	return res
}

// What an operator is shown of an attempt over HTTP: class, status and URL of a lane that
// waits.
func TestClass_OverHTTP(t *testing.T) {
	for code, want := range map[int]tenant.AnswerClass{
		301: tenant.AnswerNotFound, 401: tenant.AnswerRefused, 402: tenant.AnswerRefused, 403: tenant.AnswerRefused, 404: tenant.AnswerNotFound,
		405: tenant.AnswerNotFound, 407: tenant.AnswerRefused, 408: tenant.AnswerBusy, 413: tenant.AnswerTooLarge, 429: tenant.AnswerBusy,
		502: tenant.AnswerBusy, 503: tenant.AnswerBusy, 504: tenant.AnswerBusy, 400: "", 500: "",
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			server := httptest.NewServer(answer(code, "", "because"))
			defer server.Close()
			got := send(t, overHTTP(t, profile(t, "otlp"), server.URL, nil), logsBatch(t, "x"))
			assert.Equal(t, want, got.Class)
			assert.Equal(t, code, got.Status)
			url := ""
			if got.Verdict == lane.Blocked || got.Verdict == lane.Retry {
				url = server.URL + "/v1/logs"
			}
			assert.Equal(t, url, got.URL)
		})
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>"))
	}))
	defer page.Close()
	got := send(t, overHTTP(t, profile(t, "otlp"), page.URL, nil), logsBatch(t, "x"))
	assert.Equal(t, tenant.AnswerNotFound, got.Class)
	assert.Equal(t, page.URL+"/v1/logs", got.URL)

	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	got = send(t, overHTTP(t, profile(t, "otlp"), gone.URL, nil), logsBatch(t, "x"))
	assert.Equal(t, tenant.AnswerUnreachable, got.Class)
	assert.Equal(t, gone.URL+"/v1/logs", got.URL)
	assert.Zero(t, got.Status)
}

func TestClass_OverGRPC(t *testing.T) {
	for code, want := range map[codes.Code]tenant.AnswerClass{
		codes.Unauthenticated: tenant.AnswerRefused, codes.PermissionDenied: tenant.AnswerRefused, codes.NotFound: tenant.AnswerNotFound,
		codes.Unimplemented: tenant.AnswerNotFound, codes.Unavailable: tenant.AnswerBusy, codes.DeadlineExceeded: tenant.AnswerUnreachable,
		codes.Aborted: tenant.AnswerBusy, codes.ResourceExhausted: tenant.AnswerTooLarge, codes.Internal: "",
	} {
		assert.Equal(t, want, grpcResult(context.Background(), status.Error(code, "x")).Class, code)
	}
	for message, want := range map[string]tenant.AnswerClass{
		"connection error: desc = \"transport: authentication handshake failed: x\"": tenant.AnswerTLS,
		"dial tcp: connection refused":                 tenant.AnswerUnreachable,
		"name resolver error: produced zero addresses": tenant.AnswerUnreachable,
	} {
		assert.Equal(t, want, grpcResult(context.Background(), status.Error(codes.Unavailable, message)).Class, message)
	}
	assert.Equal(t, tenant.AnswerUnreachable, networkResult(context.Background(), syscall.ECONNREFUSED).Class)
}
