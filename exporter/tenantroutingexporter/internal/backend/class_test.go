// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

// bare leaves out what is for operators to read.
func bare(res lane.Result) lane.Result {
	res.Err, res.Class, res.Status, res.URL = nil, "", 0, ""
	return res
}

// An operator sees the class, the status and the URL of the last attempt of a waiting lane.
func TestClass_OverHTTP(t *testing.T) {
	for code, want := range map[int]healthboard.AnswerClass{
		301: healthboard.AnswerNotFound, 401: healthboard.AnswerRejected, 402: healthboard.AnswerRejected, 403: healthboard.AnswerRejected, 404: healthboard.AnswerNotFound,
		405: healthboard.AnswerNotFound, 407: healthboard.AnswerRejected, 408: healthboard.AnswerBusy, 413: healthboard.AnswerTooLarge, 429: healthboard.AnswerBusy,
		502: healthboard.AnswerBusy, 503: healthboard.AnswerBusy, 504: healthboard.AnswerBusy, 400: "", 500: "",
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
	assert.Equal(t, healthboard.AnswerNotFound, got.Class)
	assert.Equal(t, page.URL+"/v1/logs", got.URL)

	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	got = send(t, overHTTP(t, profile(t, "otlp"), gone.URL, nil), logsBatch(t, "x"))
	assert.Equal(t, healthboard.AnswerUnreachable, got.Class)
	assert.Equal(t, gone.URL+"/v1/logs", got.URL)
	assert.Zero(t, got.Status)
}

func TestClass_OverGRPC(t *testing.T) {
	for code, want := range map[codes.Code]healthboard.AnswerClass{
		codes.Unauthenticated: healthboard.AnswerRejected, codes.PermissionDenied: healthboard.AnswerRejected, codes.NotFound: healthboard.AnswerNotFound,
		codes.Unimplemented: healthboard.AnswerNotFound, codes.Unavailable: healthboard.AnswerBusy, codes.DeadlineExceeded: healthboard.AnswerUnreachable,
		codes.Aborted: healthboard.AnswerBusy, codes.ResourceExhausted: healthboard.AnswerTooLarge, codes.Internal: "",
	} {
		assert.Equal(t, want, grpcResult(context.Background(), status.Error(code, "x")).Class, code)
	}
	for message, want := range map[string]healthboard.AnswerClass{
		"connection error: desc = \"transport: authentication handshake failed: x\"": healthboard.AnswerTLS,
		"dial tcp: connection refused":                 healthboard.AnswerUnreachable,
		"name resolver error: produced zero addresses": healthboard.AnswerUnreachable,
	} {
		assert.Equal(t, want, grpcResult(context.Background(), status.Error(codes.Unavailable, message)).Class, message)
	}
	assert.Equal(t, healthboard.AnswerUnreachable, networkResult(context.Background(), syscall.ECONNREFUSED).Class)
}
