// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

func partial(t *testing.T, asJSON bool, rejected int64, message string) string {
	t.Helper()
	r := plogotlp.NewExportResponse()
	r.PartialSuccess().SetRejectedLogRecords(rejected)
	r.PartialSuccess().SetErrorMessage(message)
	marshal := r.MarshalProto
	if asJSON {
		marshal = r.MarshalJSON
	}
	data, err := marshal()
	require.NoError(t, err)
	return string(data)
}

func statusBody(t *testing.T, message string) string {
	t.Helper()
	data, err := proto.Marshal(&spb.Status{Message: message})
	require.NoError(t, err)
	return string(data)
}

// answer is a handler that reads the request and answers with what it says.
func answer(status int, header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if k, v, ok := strings.Cut(header, ": "); ok {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// raw is a handler that writes text to the connection and closes it.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

func TestHTTP_Answers(t *testing.T) {
	const protobuf, jsonType = "Content-Type: application/x-protobuf", "Content-Type: application/json; charset=utf-8"
	drip := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(http.StatusOK)
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	page, odd := lane.Result{Verdict: lane.Blocked, Reason: "web_page", Unexpected: true}, lane.Result{Reason: "not_otlp", Unexpected: true}
	for _, c := range []struct {
		name   string
		server http.HandlerFunc
		want   lane.Result // Err is compared by text
		text   string

		endless bool // it ends by the timeout alone
	}{
		{"200 empty", answer(200, "", ""), lane.Result{}, "", false},
		{"202", answer(202, "", ""), lane.Result{}, "", false},
		{"204", answer(204, "", ""), lane.Result{}, "", false},
		{"200 with an empty partial success", answer(200, protobuf, partial(t, false, 0, "")), lane.Result{}, "", false},
		{"200 in JSON", answer(200, jsonType, `{"partialSuccess":{}}`), lane.Result{}, "", false},
		{"200 with a page of HTML", answer(200, "Content-Type: text/html", "<html>"), page, "a web page in place of an answer: http://127.0.0.1:", false},
		{"202 with a page", answer(202, "Content-Type: text/html; charset=utf-8", "\ufeff\r\n <!DOCTYPE html><title>Sign in</title>"), page, "Sign in", false},
		{"200 with a page of XHTML", answer(200, "Content-Type: application/xhtml+xml", "<?xml version='1.0'?><html>"), page, "/v1/logs: ", false},
		{"200 with a page that is cut short", raw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\n<p>"), page, "<p>", false},
		{"200 with a page that does not say so", answer(200, "Content-Type: text/plain", "<HTML>"), page, "<HTML>", false},
		{"200 with a page that says otherwise", answer(200, jsonType, "<!doctype HTML>"), page, "<!doctype HTML>", false},
		{"200 with a large page", answer(200, "Content-Type: text/html", "<html>"+strings.Repeat("x", 10<<20)), page, "<html>", false},
		{"200 with an empty page", answer(200, "Content-Type: text/html", ""), lane.Result{}, "", false},
		{"200 with a word in HTML", answer(200, "Content-Type: text/html", "OK"), odd, "text/html", false},
		{"200 with a word", answer(200, "Content-Type: text/plain", "OK"), odd, "OK", false},
		{"200 with a word in JSON", answer(200, jsonType, `"OK"`), odd, "OK", false},
		{"200 with a list in JSON", answer(200, jsonType, `[]`), odd, "[]", false},
		{"200 with another object in JSON", answer(200, jsonType, `{"status":"success","n":[1,{}]}`), lane.Result{}, "", false},
		{"200 in a type that OTLP does not have", answer(200, "Content-Type: text/plain", `{"partialSuccess":{"rejectedLogRecords":"1"}}`), odd, "rejectedLogRecords", false},
		{"200 with garbage for protobuf", answer(200, protobuf, "\xff\xff\xff"), odd, "application/x-protobuf", false},
		{"200 with garbage for JSON", answer(200, jsonType, "{{{"), odd, "{{{", false},
		{"200 with an oversized body", answer(200, protobuf, strings.Repeat("x", 10<<20)), lane.Result{}, "", false},
		{"200 with an oversized text", answer(200, "Content-Type: text/plain", strings.Repeat("x", 10<<20)), odd, "xxx", false},
		{"200 whose body is cut short", raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"), lane.Result{}, "", false},
		{"204 in a type that OTLP does not have", answer(204, "Content-Type: text/html", ""), lane.Result{}, "", false},
		{"200 that drips without end", drip, lane.Result{}, "", true},
		{"partial success", answer(200, protobuf, partial(t, false, 1, "too old")), lane.Result{Rejected: 1, Reason: "partial_success"}, "1 rejected: too old", false},
		{"partial success in JSON", answer(200, jsonType, partial(t, true, 1, "too old")), lane.Result{Rejected: 1, Reason: "partial_success"}, "1 rejected: too old", false},
		{"partial success with a message alone", answer(200, protobuf, partial(t, false, 0, "soft limit")), lane.Result{Reason: "partial_success"}, "0 rejected: soft limit", false},
		{"partial success below zero", answer(200, protobuf, partial(t, false, -5, "")), lane.Result{Reason: "invalid_count", Unexpected: true}, "no reason given", false},
		{"partial success beyond all bounds", answer(200, protobuf, partial(t, false, 1<<62, "")), lane.Result{Rejected: 1, Reason: "invalid_count", Unexpected: true}, "no reason", false},
		{"301", answer(301, "Location: http://127.0.0.1:1/", ""), lane.Result{Verdict: lane.Blocked, Reason: "http_301"}, "301", false},
		{"307", answer(307, "Location: http://127.0.0.1:1/", ""), lane.Result{Verdict: lane.Blocked, Reason: "http_307"}, "307", false},
		{"400", answer(400, protobuf, statusBody(t, "bad timestamp")), lane.Result{Verdict: lane.Rejected, Reason: "http_400"}, "HTTP status 400: bad timestamp", false},
		{"400 as Loki says it", answer(400, "Content-Type: application/octet-stream", statusBody(t, "bad timestamp")), lane.Result{Verdict: lane.Rejected, Reason: "http_400"}, "HTTP status 400: bad timestamp", false},
		{"400 in JSON", answer(400, jsonType, `{"code":3,"message":"bad timestamp","more":1}`), lane.Result{Verdict: lane.Rejected, Reason: "http_400"}, "HTTP status 400: bad timestamp", false},
		{"400 in text of many lines", answer(400, "Content-Type: text/plain", "bad\r\nline\x00\n"+strings.Repeat("é", 1000)), lane.Result{Verdict: lane.Rejected, Reason: "http_400"}, "HTTP status 400: bad  line  éé", false},
		{"401", answer(401, "", "no"), lane.Result{Verdict: lane.Blocked, Reason: "http_401"}, "401: no", false},
		{"403", answer(403, "", ""), lane.Result{Verdict: lane.Blocked, Reason: "http_403"}, "403: no message", false},
		{"404", answer(404, "", ""), lane.Result{Verdict: lane.Blocked, Reason: "http_404"}, "404: http://127.0.0.1:", false},
		{"405", answer(405, "", "not so"), lane.Result{Verdict: lane.Blocked, Reason: "http_405"}, "/v1/logs: not so", false},
		{"408", answer(408, "", ""), lane.Result{Verdict: lane.Retry, Reason: "http_408"}, "408", false},
		{"413", answer(413, "", ""), lane.Result{Verdict: lane.TooLarge, Reason: "http_413"}, "413", false},
		{"415", answer(415, "", ""), lane.Result{Verdict: lane.Rejected, Reason: "http_415"}, "415", false},
		{"429 without a delay", answer(429, "", ""), lane.Result{Verdict: lane.Retry, Reason: "http_429"}, "429", false},
		{"429 with seconds", answer(429, "Retry-After: 7", ""), lane.Result{Verdict: lane.Retry, Reason: "http_429", RetryAfter: 7 * time.Second}, "429", false},
		{"429 with a date that has passed", answer(429, "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", ""), lane.Result{Verdict: lane.Retry, Reason: "http_429"}, "429", false},
		{"429 with a delay beyond all bounds", answer(429, "Retry-After: 99999999999999999999", ""), lane.Result{Verdict: lane.Retry, Reason: "http_429", RetryAfter: longDelay}, "429", false},
		{"429 with a date beyond all bounds", answer(429, "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", ""), lane.Result{Verdict: lane.Retry, Reason: "http_429", RetryAfter: longDelay}, "429", false},
		{"429 with less than nothing", answer(429, "Retry-After: -99999999999999999999", ""), lane.Result{Verdict: lane.Retry, Reason: "http_429"}, "429", false},
		{"429 with nonsense", answer(429, "Retry-After: soon", ""), lane.Result{Verdict: lane.Retry, Reason: "http_429"}, "429", false},
		{"429 with seconds below zero", answer(429, "Retry-After: -1", ""), lane.Result{Verdict: lane.Retry, Reason: "http_429"}, "429", false},
		{"500", answer(500, protobuf, statusBody(t, "oops")), lane.Result{Verdict: lane.Rejected, Reason: "http_500"}, "500: oops", false},
		{"501", answer(501, "", ""), lane.Result{Verdict: lane.Rejected, Reason: "http_501"}, "501", false},
		{"502 with a page", answer(502, "", "<html>bad gateway</html>"), lane.Result{Verdict: lane.Retry, Reason: "http_502"}, "HTTP status 502: bad gateway", false},
		{"502 with a page of nginx", answer(502, "Content-Type: text/html", "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1><hr>nginx</body>"), lane.Result{Verdict: lane.Retry, Reason: "http_502"}, "HTTP status 502: 502 Bad Gateway", false},
		{"503 with a page without text", answer(503, "Content-Type: text/html", "<html></html>"), lane.Result{Verdict: lane.Retry, Reason: "http_503"}, "HTTP status 503: a web page without text", false},
		{"503 with seconds", answer(503, "Retry-After: 3", ""), lane.Result{Verdict: lane.Retry, Reason: "http_503", RetryAfter: 3 * time.Second}, "503", false},
		{"a status that nobody knows", answer(799, "", ""), lane.Result{Verdict: lane.Rejected, Reason: "http_other"}, "799", false},
		{"504", answer(504, "", ""), lane.Result{Verdict: lane.Retry, Reason: "http_504"}, "504", false},
		{"no answer", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, lane.Result{Verdict: lane.Retry, Reason: "timeout"}, "exceeded", true},
		{"connection closed", raw(""), lane.Result{Verdict: lane.Retry, Reason: "network"}, "EOF", false},
		{"not HTTP", raw("220 smtp.example ESMTP\r\n"), lane.Result{Verdict: lane.Retry, Reason: "not_http"}, "the server does not speak HTTP/1.1", false},
		{"a server of gRPC", raw("\x00\x00\x18\x04\x00\x00\x00\x00\x00\x00\x04\x00\x40\x00\x00\x00\x05\x00\x40\x00\x00\x00\x06\x00\x00\x40\x00\xfe\x03\x00\x00\x00\x01\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x3f\x00\x01"), lane.Result{Verdict: lane.Retry, Reason: "not_http"}, "the server does not speak HTTP/1.1; this may be the gRPC port", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(c.server)
			defer s.Close()
			got := send(t, overHTTP(t, profile(t, "otlp"), s.URL, func(h *HTTPSettings) {
				if c.endless {
					h.Client.Timeout = 500 * time.Millisecond
				}
			}), logsBatch(t, "x"))
			if c.text == "" {
				require.NoError(t, got.Err)
			} else {
				require.ErrorContains(t, got.Err, c.text)
				assert.Less(t, len(got.Err.Error()), 500)
				assert.NotContains(t, got.Err.Error(), "\n")
			}
			got = bare(got)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestRetryAfter_ReadsDates(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, layout := range []string{http.TimeFormat, time.RFC850, time.ANSIC} {
		value := now.Add(90 * time.Second).Format(layout)
		assert.Equal(t, 90*time.Second, retryAfter(value, now), value)
	}
}

// Many attempts are in progress at a time, so what one may hold is far below Go's own
// limit.
func TestHTTP_BoundsTheHeaderOfAnAnswer(t *testing.T) {
	long := strings.Repeat("y", 1<<20)
	over1 := httptest.NewServer(raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + long + "\r\n\r\n"))
	defer over1.Close()
	over2 := httptest.NewUnstartedServer(answer(200, "X: "+long, ""))
	over2.EnableHTTP2 = true
	over2.StartTLS()
	defer over2.Close()
	for name, address := range map[string]string{"HTTP/1": over1.URL, "HTTP/2": over2.URL} {
		t.Run(name, func(t *testing.T) {
			got := send(t, overHTTP(t, profile(t, "otlp"), address, func(h *HTTPSettings) { h.Client.TLS.InsecureSkipVerify = true }), logsBatch(t, "x"))
			assert.Equal(t, lane.Retry, got.Verdict)
			assert.Equal(t, "network", got.Reason, "%v", got.Err)
		})
	}
}

func TestHTTP_NoConnection(t *testing.T) {
	tlsServer := httptest.NewTLSServer(answer(200, "", ""))
	defer tlsServer.Close()
	plain := httptest.NewServer(answer(200, "", ""))
	defer plain.Close()
	for _, c := range []struct {
		name, endpoint, reason string
		verdict                lane.Verdict
	}{
		{"refused", "http://127.0.0.1:1", "connection_refused", lane.Retry},
		{"unknown host", "http://no-such-host.invalid:4318", "dns", lane.Retry},
		{"unknown authority", tlsServer.URL, "tls", lane.Blocked},
		{"no TLS at all", "https" + strings.TrimPrefix(plain.URL, "http"), "tls", lane.Blocked},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := send(t, overHTTP(t, profile(t, "otlp"), c.endpoint, nil), logsBatch(t, "x"))
			assert.Equal(t, c.verdict, got.Verdict, "%v", got.Err)
			assert.Equal(t, c.reason, got.Reason)
			assert.NotContains(t, got.Err.Error(), "://", "the text does not quote the URL")
		})
	}
}

// A key that is withheld is no fault of the network. The lane waits for the operator.
func TestKeyNotSent(t *testing.T) {
	want := lane.Result{Verdict: lane.Blocked, Reason: "key_not_sent", Class: healthboard.AnswerConfig}
	overHTTP := networkResult(t.Context(), &url.Error{Op: "Post", URL: "http://gateway.example", Err: fmt.Errorf("auth: %w", apikey.ErrWithheld)})
	overGRPC := grpcResult(t.Context(), status.Error(codes.Unavailable, "rpc error: "+apikey.ErrWithheld.Error()))
	for _, got := range []lane.Result{overHTTP, overGRPC} {
		require.ErrorContains(t, got.Err, apikey.ErrWithheld.Error())
		got.Err = nil
		assert.Equal(t, want, got)
	}
}

func TestNetworkResult_ClosedWhileWriting(t *testing.T) {
	got := networkResult(t.Context(), &net.OpError{Op: "readfrom", Net: "tcp", Err: &net.OpError{Op: "write", Net: "tcp", Err: net.ErrClosed}})
	assert.Equal(t, lane.Result{Verdict: lane.Retry, Reason: "network", Class: healthboard.AnswerUnreachable, Err: errClosed}, got)
}

func TestHTTP_ShutdownEndsAnAttempt(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	d := overHTTP(t, profile(t, "otlp"), s.URL, func(h *HTTPSettings) { h.Client.Timeout = time.Hour })
	got := d.Target(0, template.Values{Tenant: "a"}).Send(ctx, logsBatch(t, "x"))
	assert.Equal(t, lane.Retry, got.Verdict)
	assert.Equal(t, "shutdown", got.Reason)
}

func TestHTTP_MergesPayloadsAndAppliesTheTenantsHeaders(t *testing.T) {
	long := strings.Repeat("3", 100_000)
	for _, encoding := range []Encoding{EncodingProto, EncodingJSON} {
		for _, compression := range []string{"none", "gzip", "zstd"} {
			t.Run(fmt.Sprintf("%s %s", encoding, compression), func(t *testing.T) {
				var got []string
				s := httptest.NewServer(decompressing(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
					req := plogotlp.NewExportRequest()
					var err error
					if r.Header.Get("Content-Type") == contentTypeJSON {
						err = req.UnmarshalJSON(body)
					} else {
						err = req.UnmarshalProto(body)
					}
					assert.NoError(t, err)
					got = append(bodiesOf(req), r.Header.Get("X-Scope-OrgID"), r.Host, r.URL.String(), r.Header.Get("Content-Encoding"))
				}))
				defer s.Close()
				d := overHTTP(t, profile(t, "loki"), s.URL+"/base/", func(h *HTTPSettings) {
					h.Encoding = encoding
					require.NoError(t, h.Client.Compression.UnmarshalText([]byte(compression)))
					h.Client.Headers.Set("Host", "{tenant}.example")
				})
				require.NoError(t, send(t, d, logsBatch(t, "1", "2", long)).Err)
				sent := compression
				if sent == "none" {
					sent = ""
				}
				require.Len(t, got, 7)
				assert.Equal(t, long, got[2])
				got[2] = "long"
				assert.Equal(t, []string{"1", "2", "long", "tenant-a", "tenant-a.example", "/base/otlp/v1/logs", sent}, got)
			})
		}
	}
}

func TestHTTP_AProfileWithoutTheSignalNeedsAnEndpointForIt(t *testing.T) {
	var path string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { path = r.URL.Path }))
	defer s.Close()
	b := logsBatch(t, "x")
	b.Key.Signal = 2 // traces
	got := send(t, overHTTP(t, profile(t, "loki"), s.URL, nil), b)
	assert.Equal(t, lane.Blocked, got.Verdict)
	assert.EqualError(t, got.Err, "the destination has no endpoint for traces")
	got = send(t, overHTTP(t, profile(t, "loki"), s.URL, func(h *HTTPSettings) { h.Endpoints[2] = s.URL + "/own" }), b)
	assert.NoError(t, got.Err)
	assert.Equal(t, "/own", path)
}

func TestHTTP_TenantsOfAHostShareConnections(t *testing.T) {
	s := httptest.NewUnstartedServer(answer(200, "", ""))
	opened := 0
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened++
		}
	}
	s.Start()
	defer s.Close()
	d := overHTTP(t, profile(t, "loki"), s.URL, nil)
	for i := range 100 {
		b := logsBatch(t, "x")
		b.Key.Tenant = template.Values{}.Tenant + "t" + b.Key.Tenant[:1]
		b.Key.Tenant += b.Key.Tenant[:1+i%2]
		require.NoError(t, send(t, d, b).Err)
	}
	assert.Equal(t, 1, opened)
	a, b := d.Target(0, template.Values{Tenant: "a"}), d.Target(0, template.Values{Tenant: "b"})
	assert.Equal(t, a.Endpoint(), b.Endpoint(), "and one bound on calls")
}

func TestPool_ClosesIdleClients(t *testing.T) {
	s := httptest.NewUnstartedServer(answer(200, "", ""))
	closed := make(chan struct{}, 10)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	s.Start()
	defer s.Close()
	d := overHTTP(t, profile(t, "otlp"), s.URL, func(h *HTTPSettings) { h.Client.Compression = "gzip" })
	require.NoError(t, send(t, d, logsBatch(t, "x")).Err)
	d.pool.Sweep(time.Now().Add(idleClient / 2))
	assert.Len(t, d.pool.clients, 1)
	d.pool.Sweep(time.Now().Add(2 * idleClient))
	assert.Empty(t, d.pool.clients)
	<-closed
	require.NoError(t, send(t, d, logsBatch(t, "x")).Err, "it is made again")
	require.NoError(t, d.pool.Close())
	<-closed
	assert.ErrorIs(t, send(t, d, logsBatch(t, "x")).Err, errPoolClosed)
}

func TestPool_ClosesArchivesThatAreIdle(t *testing.T) {
	dir := t.TempDir()
	d, err := NewArchive("d", ArchiveSettings{
		Directory: dir + "/{tenant}", MaxFileBytes: 1 << 20, MaxOpenFiles: 2, Compression: ArchiveCompressionNone,
	}, newPool(t))
	require.NoError(t, err)
	lines := func() (n int) {
		files, err := filepath.Glob(dir + "/tenant-a/tenant=tenant-a/signal=logs/*/*/*.jsonl")
		require.NoError(t, err)
		for _, f := range files {
			data, err := os.ReadFile(f)
			require.NoError(t, err)
			n += strings.Count(string(data), "\n")
		}
		return n
	}
	for n := range 3 {
		require.NoError(t, send(t, d, logsBatch(t, "x")).Err)
		assert.Equal(t, n+1, lines())
		assert.Len(t, d.pool.clients, 1)
		d.pool.Sweep(time.Now().Add(idleClient / 2))
		assert.Len(t, d.pool.clients, 1)
		d.pool.Sweep(time.Now().Add(2 * idleClient))
		assert.Empty(t, d.pool.clients)
	}
}

func TestHTTP_SettingsThatDifferPerTenantAreNotShared(t *testing.T) {
	d := overHTTP(t, profile(t, "otlp"), "{vars.url}", func(h *HTTPSettings) { h.Client.TLS.ServerName = "{vars.name}" })
	values := func(id, url, name string) template.Values {
		return template.Values{Tenant: "t", Vars: map[string]string{"url": url, "name": name}}
	}
	base := d.Target(0, values("a", "https://h", "x")).Endpoint()
	assert.Equal(t, base, d.Target(0, values("b", "https://h", "x")).Endpoint())
	assert.NotEqual(t, base, d.Target(0, values("a", "https://other", "x")).Endpoint())
	assert.NotEqual(t, base, d.Target(0, values("a", "https://h", "y")).Endpoint())
	assert.NotEqual(t, d.transportKey(values("a", "https://h", "x")), d.transportKey(values("a", "https://h", "y")))
}
