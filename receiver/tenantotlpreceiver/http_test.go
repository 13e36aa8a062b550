// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
)

func post(t *testing.T, d *door, path string, header map[string]string, body string) *http.Response {
	t.Helper()
	return send(t, d, http.MethodPost, path, header, body)
}

func send(t *testing.T, d *door, method, path string, header map[string]string, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+d.http+path, strings.NewReader(body))
	require.NoError(t, err)
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = resp.Body.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return resp
}

func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(raw)
}

// A request that is not of the signal, or of no version of the protocol, has nothing that is
// stored. Its sender must see that in the answer.
func TestHTTP_NamesAnUnknownField(t *testing.T) {
	d := setup{}.start(t)
	const record = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]%s}]}`
	long := strings.Repeat("x", 100)
	for _, tt := range []struct{ path, body, want string }{
		{"/v1/logs", `{"streams":[]}`, `the request has no log records; unknown field "streams"`},
		{"/v1/logs", `{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}`, `the request has no log records; unknown field "resourceSpans"`},
		{"/v1/metrics", `{"resourceLogs":[],"a":1}`, `the request has no data points; unknown field "resourceLogs"`},
		{"/v1/traces", `{"resourceLogs":[{"b":{"c":2}}]}`, `the request has no spans; unknown field "resourceLogs"`},
		{"/v1/logs", `{"resourceLogs":[{"scopeLogs":[{"logs":[{}]}]}]}`, `the request has no log records; unknown field "logs"`},
		{"/v1/logs", `{"a\"\u00e9` + "\xff" + `":0}`, `the request has no log records; unknown field "a\\\"\\u00e9\xff"`},
		{"/v1/logs", `{"` + long + `":0}`, `the request has no log records; unknown field "` + long[:64] + `"`},
		{"/v1/logs", `{}`, ""},
		{"/v1/logs", `{"":1}`, ""},
		{"/v1/logs", `{"resourceLogs":[]}`, ""},
		{"/v1/logs", `{"resource_logs":[{"resource":{},"scopeLogs":[]}]}`, ""},
		{"/v1/logs", fmt.Sprintf(record, ""), ""},
		{"/v1/logs", fmt.Sprintf(record, `,"x":1`), ""},
	} {
		resp := post(t, d, tt.path, map[string]string{"Authorization": "Bearer good", "Content-Type": contentTypeJSON}, tt.body)
		require.Equal(t, http.StatusOK, resp.StatusCode, tt.body)
		answer := plogotlp.NewExportResponse()
		require.NoError(t, answer.UnmarshalJSON([]byte(text(t, resp))), tt.body)
		assert.Equal(t, tt.want, answer.PartialSuccess().ErrorMessage(), tt.body)
		assert.Zero(t, answer.PartialSuccess().RejectedLogRecords(), tt.body)
	}
	resp := post(t, d, "/v1/traces", map[string]string{"Authorization": "Bearer good", "Content-Type": contentTypeProtobuf}, "\x7a\x00")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "\n\x00", text(t, resp), "protobuf has no names")
}

// TestHTTP_AnswersInEachFormat has each layer reject requests of each content type: the
// status must be the layer's own, and the text in the format of the request, or readable
// if the request has none.
func TestHTTP_AnswersInEachFormat(t *testing.T) {
	d := setup{logs: func(_ context.Context, ld plog.Logs) error {
		if ld.LogRecordCount() == 2 {
			return status.Error(codes.PermissionDenied, "not your data")
		}
		return nil
	}}.start(t)
	two, err := plogotlp.NewExportRequestFromLogs(someLogs(2)).MarshalProto()
	require.NoError(t, err)
	const paths = "send to /v1/logs, /v1/metrics, /v1/traces"
	layers := []struct {
		name, method, path, key, encoding string
		status                            int
		code                              codes.Code
		text                              string
	}{
		{"authenticator", "POST", "/v1/logs", "nobody", "", 401, codes.Unauthenticated, "unknown API key"},
		{"authenticator, other path", "POST", "/v2/logs", "nobody", "", 401, codes.Unauthenticated, "unknown API key"},
		{"authenticator, other method", "GET", "/v1/logs", "nobody", "", 401, codes.Unauthenticated, "unknown API key"},
		{"receiver, other path", "POST", "/v1/profiles", "good", "", 404, codes.Unimplemented, paths},
		{"receiver, slash", "POST", "/v1/logs/", "good", "", 404, codes.Unimplemented, paths},
		{"receiver, root", "GET", "/", "good", "", 404, codes.Unimplemented, paths},
		{"receiver, remote write", "POST", "/api/v1/write", "good", "", 404, codes.Unimplemented, "this port receives OTLP, remote write and Loki pushes have ports of their own"},
		{"receiver, Loki", "POST", "/loki/api/v1/push", "good", "", 404, codes.Unimplemented, "this port receives OTLP, remote write and Loki pushes have ports of their own"},
		{"receiver, PUT", "PUT", "/v1/logs", "good", "", 405, codes.Unimplemented, "POST"},
		{"receiver, GET", "GET", "/v1/traces", "good", "", 405, codes.Unimplemented, "POST"},
		{"receiver, DELETE", "DELETE", "/v1/metrics", "good", "", 405, codes.Unimplemented, "POST"},
		{"receiver, OPTIONS", "OPTIONS", "/v1/metrics", "good", "", 405, codes.Unimplemented, "POST"},
		{"guard, identity", "POST", "/v1/logs", "suspended", "", 403, codes.PermissionDenied, "suspended"},
		{"guard, scope", "POST", "/v1/logs", "unscoped", "", 403, codes.PermissionDenied, "logs"},
		{"guard, registry", "POST", "/v1/logs", "undecided", "", 503, codes.Unavailable, "registry"},
		{"processor's limit", "POST", "/v1/logs", "limited", "", 429, codes.ResourceExhausted, "10 records per second"},
		{"guard, encoding", "POST", "/v1/logs", "good", "br", 415, codes.Unimplemented, "gzip"},
		{"guard, compressed body", "POST", "/v1/logs", "good", "gzip", 400, codes.InvalidArgument, "gzip"},
		{"next consumer", "POST", "/v1/logs", "good", "", 403, codes.PermissionDenied, "not your data"},
		{"a defect", "POST", "/v1/logs", "panic", "", 500, codes.Internal, "internal error"},
	}
	for contentType, format := range map[string]string{
		"application/x-protobuf": "protobuf", "Application/X-Protobuf; charset=utf-8": "protobuf",
		"application/json": "json", "application/json; charset": "json", "APPLICATION/JSON;charset=UTF-8": "json", "": "json",
		"text/plain": "text", "application/octet-stream": "text", "application/protobuf": "text", "a/b/c": "text", "application/json,": "text", "\xff": "text",
	} {
		for _, l := range layers {
			t.Run(contentType+"/"+l.name, func(t *testing.T) {
				want := l
				known := format == "protobuf" || format == "json" && contentType != ""
				if !known && (strings.HasPrefix(l.name, "guard") || l.name == "processor's limit" || l.name == "next consumer") {
					want.status, want.code, want.text = 415, codes.Unimplemented, "application/json, application/x-protobuf"
				}
				if format == "json" && known && l.name == "next consumer" {
					want.status, want.code, want.text = 400, codes.InvalidArgument, "malformed"
				}
				headers := map[string]string{"Authorization": "Bearer " + l.key}
				if contentType != "" {
					headers["Content-Type"] = contentType
				}
				if l.encoding != "" {
					headers["Content-Encoding"] = l.encoding
				}
				resp := send(t, d, l.method, l.path, headers, string(two))
				require.Equal(t, want.status, resp.StatusCode)
				assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
				assert.Equal(t, map[bool]string{true: "POST"}[want.status == http.StatusMethodNotAllowed], resp.Header.Get("Allow"))
				assert.Equal(t, want.status == 429 || want.status == 503, resp.Header.Get("Retry-After") != "")
				body := text(t, resp)
				var st spb.Status
				switch format {
				case "protobuf":
					assert.Equal(t, "application/x-protobuf", resp.Header.Get("Content-Type"))
					require.NoError(t, proto.Unmarshal([]byte(body), &st))
				case "json":
					assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
					require.NoError(t, protojson.Unmarshal([]byte(body), &st))
				default:
					assert.Equal(t, "text/plain; charset=utf-8", resp.Header.Get("Content-Type"))
					assert.Contains(t, body, want.text)
					return
				}
				assert.Equal(t, want.code, codes.Code(st.Code))
				assert.Contains(t, st.Message, want.text)
			})
		}
	}
}

// TestHTTP_PathsOfTheConfiguration are those that an answer names.
func TestHTTP_PathsOfTheConfiguration(t *testing.T) {
	d := setup{open: true, configure: func(cfg *Config) { cfg.Protocols.HTTP.Get().LogsURLPath = "/ingest/logs" }}.start(t)
	resp := post(t, d, "/v1/logs", map[string]string{"Content-Type": "application/json"}, "{}")
	assert.Equal(t, http.StatusNotFound, resp.StatusCode)
	assert.Contains(t, text(t, resp), "send to /ingest/logs, /v1/metrics, /v1/traces")
}

func TestHTTP_ContentEncodingsThatTheConfigurationExcludes(t *testing.T) {
	d := setup{open: true, configure: func(cfg *Config) {
		cfg.Protocols.HTTP.Get().ServerConfig.CompressionAlgorithms = []string{"", "gzip"}
	}}.start(t)
	for encoding, want := range map[string]int{"identity": 200, "gzip": 200, "zstd": 415, "br": 415, "gzip, gzip": 415} {
		body := []byte("{}")
		if encoding == "gzip" {
			body = compress(t, encoding, body)
		}
		resp := post(t, d, "/v1/logs", map[string]string{"Content-Type": "application/json", "Content-Encoding": encoding}, string(body))
		assert.Equal(t, want, resp.StatusCode, encoding)
	}
}

func TestHTTP_HeadersAreBounded(t *testing.T) {
	d := setup{open: true}.start(t)
	resp := post(t, d, "/v1/logs", map[string]string{"Content-Type": "application/json", "X-Large": strings.Repeat("x", 40<<10)}, "{}")
	assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
}

// TestHTTP_ErrorsOfTheNextConsumer also holds over gRPC.
func TestHTTP_ErrorsOfTheNextConsumer(t *testing.T) {
	throttled, err := status.New(codes.ResourceExhausted, "slow down").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(2500 * time.Millisecond)})
	require.NoError(t, err)
	for _, tt := range []struct {
		name  string
		err   error
		http  int
		code  codes.Code
		after string // Retry-After; "*": any
	}{
		{"plain", errors.New("full"), 503, codes.Unavailable, "*"},
		{"permanent", consumererror.NewPermanent(errors.New("no")), 400, codes.InvalidArgument, ""},
		{"invalid", status.Error(codes.InvalidArgument, "x"), 400, codes.InvalidArgument, ""},
		{"unauthenticated", status.Error(codes.Unauthenticated, "x"), 401, codes.Unauthenticated, ""},
		{"denied", status.Error(codes.PermissionDenied, "x"), 403, codes.PermissionDenied, ""},
		{"unimplemented", status.Error(codes.Unimplemented, "x"), 404, codes.Unimplemented, ""},
		{"too large", status.Error(codes.ResourceExhausted, "x"), 413, codes.ResourceExhausted, ""},
		{"throttled", throttled.Err(), 429, codes.ResourceExhausted, "3"},
		{"wrapped", fmt.Errorf("downstream: %w", throttled.Err()), 429, codes.ResourceExhausted, "3"},
		{"permanent with status", consumererror.NewPermanent(status.Error(codes.PermissionDenied, "x")), 403, codes.PermissionDenied, ""},
		{"unavailable", status.Error(codes.Unavailable, "x"), 503, codes.Unavailable, "*"},
		{"canceled", context.Canceled, 503, codes.Unavailable, "*"},
		{"internal", status.Error(codes.Internal, "x"), 500, codes.Internal, ""},
		{"not UTF-8", status.Error(codes.InvalidArgument, "\xff\xfe"), 400, codes.InvalidArgument, ""},
		{"long", status.Error(codes.InvalidArgument, strings.Repeat("x", 1<<20)), 400, codes.InvalidArgument, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := setup{open: true, logs: func(context.Context, plog.Logs) error { return tt.err }}.start(t)
			body, err := plogotlp.NewExportRequestFromLogs(someLogs(1)).MarshalJSON()
			require.NoError(t, err)
			resp := post(t, d, "/v1/logs", map[string]string{"Content-Type": "application/json"}, string(body))
			assert.Equal(t, tt.http, resp.StatusCode)
			assert.Equal(t, tt.after != "", resp.Header.Get("Retry-After") != "")
			if tt.after != "*" {
				assert.Equal(t, tt.after, resp.Header.Get("Retry-After"))
			}
			assert.Contains(t, text(t, resp), fmt.Sprintf(`"code":%d`, tt.code))

			_, err = plogotlp.NewGRPCClient(d.conn).Export(t.Context(), plogotlp.NewExportRequestFromLogs(someLogs(1)))
			assert.Equal(t, tt.code, status.Code(err), "%v", err)
		})
	}
}

func TestHTTP_StalledBodyIsEnded(t *testing.T) {
	for name, headers := range map[string]string{
		"announced": "Content-Length: 1000\r\n\r\nabc",
		"chunked":   "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			d := setup{open: true, guard: guard.Settings{UploadGrace: 50 * time.Millisecond, MinUploadRate: 1000}}.start(t)
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", d.http)
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, "POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+headers)
			require.NoError(t, err)
			answer, err := io.ReadAll(conn)
			require.NoError(t, err)
			assert.True(t, bytes.HasPrefix(answer, []byte("HTTP/1.1 408 ")), "%s", answer)
		})
	}
}

func TestHTTP_AnswersAfterASlowUpload(t *testing.T) {
	// The write time-out of net/http would begin with the headers of the request.
	d := setup{open: true, configure: func(cfg *Config) {
		cfg.Protocols.HTTP.Get().ServerConfig.WriteTimeout = 50 * time.Millisecond
	}}.start(t)
	body := "{}" + strings.Repeat(" ", 1000)
	reader, writer := io.Pipe()
	go func() {
		for i := range len(body) / 100 {
			time.Sleep(10 * time.Millisecond) // a slow client
			_, _ = writer.Write([]byte(body[i*100 : (i+1)*100]))
		}
		_, _ = writer.Write([]byte(body[len(body)/100*100:]))
		_ = writer.Close()
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+d.http+"/v1/logs", reader)
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	assert.Equal(t, http.StatusOK, resp.StatusCode)
}

// TestHTTP_CORSOfABrowser does what a browser does: it asks which headers a page may send,
// and sends the request only if all of them are allowed.
func TestHTTP_CORSOfABrowser(t *testing.T) {
	const page = "https://app.example"
	for name, tt := range map[string]struct {
		allowed []string
		origin  string
		passes  bool
	}{
		"as documented":        {[]string{"authorization", "content-type", "content-encoding"}, page, true},
		"in another case":      {[]string{"Authorization", "Content-Type"}, page, true},
		"any header":           {[]string{"*"}, page, true},
		"without content-type": {[]string{"authorization"}, page, false},
		"without a key":        {[]string{"content-type"}, page, false},
		"none":                 {nil, page, false},
		"another page":         {[]string{"authorization", "content-type"}, "https://other.example", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := setup{configure: func(cfg *Config) {
				cfg.Protocols.HTTP.Get().ServerConfig.CORS = configoptional.Some(confighttp.CORSConfig{AllowedOrigins: []string{page}, AllowedHeaders: tt.allowed})
			}}.start(t)
			preflight := send(t, d, http.MethodOptions, "/v1/logs", map[string]string{
				"Origin": tt.origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type",
			}, "")
			assert.Equal(t, http.StatusNoContent, preflight.StatusCode)
			if !tt.passes {
				assert.Empty(t, preflight.Header.Get("Access-Control-Allow-Headers"))
				return
			}
			assert.Equal(t, page, preflight.Header.Get("Access-Control-Allow-Origin"))
			assert.Equal(t, "authorization,content-type", strings.ToLower(preflight.Header.Get("Access-Control-Allow-Headers")))
			for key, want := range map[string]int{"good": 200, "nobody": 401, "limited": 429} {
				resp := post(t, d, "/v1/logs", map[string]string{"Origin": tt.origin, "Authorization": "Bearer " + key, "Content-Type": "application/json"}, "{}")
				assert.Equal(t, want, resp.StatusCode)
				assert.Equal(t, page, resp.Header.Get("Access-Control-Allow-Origin"), "a page cannot read the answer without it")
			}
		})
	}
}

// TestHTTP_DoesNotWaitForRejectedBodies has rejected senders who announce a body that
// net/http would read for them before it answers.
func TestHTTP_DoesNotWaitForRejectedBodies(t *testing.T) {
	d := setup{patience: 50 * time.Millisecond}.start(t)
	for key, want := range map[string]string{"unknown": "401", "suspended": "403", "limited": "429"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", d.http)
		require.NoError(t, err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\n\r\n", key)
		require.NoError(t, err)
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		assert.Contains(t, string(answer), "HTTP/1.1 "+want)
	}
}
