// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/configmiddleware"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/reach"
	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/redact"
)

const (
	contentTypeProto = "application/x-protobuf"
	contentTypeJSON  = "application/json"
)

type httpTarget struct{ *site }

var _ lane.Target = (*httpTarget)(nil)

type httpClient struct {
	client    *http.Client
	transport *transportCatcher
	secrets   redact.Secrets // in its settings
	auth      redact.Holder  // its authenticator; nil: none that has secrets
}

// do sends a request without the other work of http.Client: redirects are not followed, and the context of an
// attempt has its timeout. It keeps cookies. No setting accepts a password in a URL.
func (c *httpClient) do(req *http.Request) (*http.Response, error) {
	if c.client.Jar != nil {
		return c.client.Do(req)
	}
	return c.client.Transport.RoundTrip(req)
}

func (c *httpClient) close() error {
	c.transport.closeIdle()
	return nil
}

// Send implements lane.Target.
func (t *httpTarget) Send(ctx context.Context, b *lane.Batch) lane.Result {
	return t.attempt(func() lane.Result { return t.attemptOnce(ctx, b) })
}

func (t *httpTarget) attemptOnce(ctx context.Context, b *lane.Batch) lane.Result {
	f, err := t.fill()
	if err != nil {
		return shown(misconfigured(err))
	}
	var secrets redact.Secrets // of the client
	return shown(t.send(ctx, b, f, &secrets), &f.secrets, &secrets)
}

// send adds the secrets of the client to secrets, which must not appear in the result.
func (t *httpTarget) send(ctx context.Context, b *lane.Batch, f *filled, secrets *redact.Secrets) lane.Result {
	d := t.destination
	pooled, done, err := d.pool.use(t.transport, func() (client, error) { return d.newHTTPClient(t, secrets) })
	if err != nil {
		return misconfigured(fmt.Errorf("failed to create the client: %w", err))
	}
	defer done()
	c := pooled.(*httpClient)
	secrets.AddAll(&c.secrets)
	addHeld(secrets, c.auth)
	defer addHeld(secrets, c.auth) // the authenticator may have new secrets by then
	call, cancel := ctx, func() {}
	if d.http.Client.Timeout > 0 {
		call, cancel = context.WithTimeout(ctx, d.http.Client.Timeout)
	}
	defer cancel()
	req, err := t.request(call, f, b)
	if err != nil {
		switch {
		case call.Err() != nil:
			return networkResult(ctx, err)
		case errors.Is(err, compress.ErrMalformed), Undecodable(err):
			return undecodable(err)
		}
		return misconfigured(err)
	}
	resp, err := c.do(req)
	if err != nil {
		res := networkResult(ctx, err)
		res.URL = t.shownURL(f)
		return res
	}
	defer resp.Body.Close()
	// An incomplete or malformed body does not change the meaning of the status.
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	a := &httpAnswer{signal: t.signal, records: b.Records, status: resp.StatusCode, header: resp.Header, body: body, complete: err == nil}
	if len(body) > 0 || a.status >= http.StatusMultipleChoices {
		a.from = t.shownURL(f)
	}
	res := d.profile.httpResult(a)
	if res.Verdict == lane.Blocked || res.Verdict == lane.Retry {
		res.URL = a.from
	}
	if res.Verdict == lane.Blocked {
		t.forget()
	}
	return t.limitReports(res)
}

func (t *httpTarget) request(ctx context.Context, f *filled, b *lane.Batch) (*http.Request, error) {
	address := *f.url
	req := (&http.Request{
		Method: http.MethodPost, URL: &address, Host: address.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, len(f.headers)+3),
	}).WithContext(ctx)
	req.Header.Set("User-Agent", t.destination.pool.userAgent)
	json := t.destination.http.Encoding == EncodingJSON
	req.Header.Set("Content-Type", contentTypeProto)
	if json {
		req.Header.Set("Content-Type", contentTypeJSON)
	}
	for _, h := range f.headers {
		req.Header.Set(h.name, h.value)
	}
	if json {
		return req, t.setJSON(ctx, req, b.Payloads)
	}
	payloads := b.Payloads
	if !t.destination.precompress {
		var err error
		if payloads, err = compress.ExpandAll(payloads); err != nil {
			return nil, err
		}
	}
	return req, t.setBody(ctx, req, payloads)
}

// setBody compresses as confighttp does: not if the headers include Content-Encoding.
func (t *httpTarget) setBody(ctx context.Context, req *http.Request, payloads [][]byte) error {
	if t.compresses(req) {
		c := t.destination.codec
		var err error
		if payloads, err = c.Stream(ctx, payloads); err != nil {
			return fmt.Errorf("compression: %w", err)
		}
		req.Header.Set("Content-Encoding", c.Encoding())
	}
	for _, p := range payloads {
		req.ContentLength += int64(len(p))
	}
	req.GetBody = func() (io.ReadCloser, error) { return newChunks(payloads), nil }
	req.Body = newChunks(payloads)
	return nil
}

func (t *httpTarget) compresses(req *http.Request) bool {
	return t.destination.codec != nil && req.Header.Get("Content-Encoding") == ""
}

// writeBuffer is the write buffer of a connection. It fits a compressed request of a hundred records with its
// headers, for which net/http's 4 KiB would need two writes.
const writeBuffer = 8 << 10

// newHTTPClient adds the secrets in the client's settings to secrets before it
// fails.
func (d *Destination) newHTTPClient(t *httpTarget, secrets *redact.Secrets) (client, error) {
	own := &httpClient{}
	defer func() { secrets.AddAll(&own.secrets) }()
	cfg := d.http.Client
	cfg.Endpoint, cfg.Headers, cfg.Timeout = "", nil, 0 // they are set for each request
	if cfg.WriteBufferSize == 0 {
		cfg.WriteBufferSize = writeBuffer
	}
	if d.codec != nil {
		cfg.Compression, cfg.CompressionParams = "", configcompression.CompressionParams{}
	}
	if d.host != nil {
		host, err := d.host.RenderNoting(t.values, own.secrets.Add)
		if err != nil {
			return nil, settingError{"headers::Host", err}
		}
		cfg.Headers.Set("Host", configopaque.String(host))
	}
	if err := d.fill(&cfg, t.values, &own.secrets); err != nil {
		return nil, err
	}
	catcher := &transportCatcher{guard: d.guard, proxy: cfg.ProxyURL != "", buffers: d.pool.buffers}
	extensions := maps.Clone(d.pool.extensions())
	if extensions == nil {
		extensions = make(map[component.ID]component.Component)
	}
	extensions[catcherID] = catcher
	cfg.Middlewares = append(slices.Clone(cfg.Middlewares), configmiddleware.Config{ID: catcherID})
	telemetry := d.pool.observed()
	if d.sensitive(t.values) {
		telemetry.MeterProvider, telemetry.TracerProvider = nil, nil
	}
	c, err := cfg.ToClient(context.Background(), extensions, telemetry)
	if err != nil {
		return nil, err
	}
	// A redirect would send the tenant's data and token to another server.
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.client, own.transport, own.auth = c, catcher, d.authOf(cfg.Auth)
	return own, nil
}

// catcherID is the ID of the middleware that newHTTPClient adds.
var catcherID = component.MustNewIDWithName("transport_catcher", "tenant_routing")

// transportCatcher is the innermost middleware of a client. It keeps the transport, because the layers that
// confighttp adds do not forward CloseIdleConnections, so that idle connections would outlive the
// client.
type transportCatcher struct {
	component.StartFunc
	component.ShutdownFunc
	guard   *reach.Guard // nil: any address is allowed
	proxy   bool         // the settings have a proxy
	buffers *bodyBuffers
	base    http.RoundTripper
}

var _ extensionmiddleware.HTTPClient = (*transportCatcher)(nil)

// GetHTTPRoundTripper implements extensionmiddleware.HTTPClient.
func (t *transportCatcher) GetHTTPRoundTripper(context.Context) (extensionmiddleware.WrapHTTPRoundTripperFunc, error) {
	return func(_ context.Context, base http.RoundTripper) (http.RoundTripper, error) {
		t.base = base
		limit(base)
		if err := t.restrict(); err != nil {
			return nil, err
		}
		if transport, ok := base.(*http.Transport); ok {
			t.buffers.use(transport)
			return &wholeBodies{base: base, max: int64(transport.WriteBufferSize - headRoom)}, nil
		}
		return base, nil
	}, nil
}

// limit bounds the memory for answers. Go's defaults are 10 MiB of headers for each connection, and 4 MiB of
// a body over HTTP/2.
func limit(base http.RoundTripper) {
	if transport, ok := base.(*http.Transport); ok {
		transport.MaxResponseHeaderBytes = maxAnswer
		transport.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerConnection: answerWindow, MaxReceiveBufferPerStream: maxAnswer}
	}
}

// restrict makes the transport connect to addresses that the guard allows. It disables a proxy from the
// environment, which could connect to any address.
func (t *transportCatcher) restrict() error {
	if t.guard == nil {
		return nil
	}
	transport, ok := t.base.(*http.Transport)
	if !ok {
		return fmt.Errorf("failed to restrict the connections of a %T", t.base)
	}
	transport.DialContext = t.guard.DialContext
	if !t.proxy {
		transport.Proxy = nil
	}
	return nil
}

func (t *transportCatcher) closeIdle() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// httpAnswer is the answer to a request.
type httpAnswer struct {
	signal   signalOf
	records  int
	status   int
	header   http.Header
	body     []byte
	complete bool   // body is the whole body, or its first maxAnswer bytes
	from     string // the URL; empty: it must not be shown
}

// httpResult converts an answer to a result.
func (p *Profile) httpResult(a *httpAnswer) lane.Result {
	contentType := a.header.Get("Content-Type")
	res := lane.Result{Verdict: p.verdict(a.status)}
	if res.Verdict == lane.Delivered {
		return p.accepted(a.signal, a.records, a.body, a.complete, contentType, a.from)
	}
	res.Reason, res.Status, res.Class = httpReason(p, a.status), a.status, httpClass(a.status, res.Verdict)
	res.RetryAfter = retryAfter(a.header.Get("Retry-After"), time.Now())
	message := errorMessage(a.body, contentType)
	if p.Rejections != nil && a.status == http.StatusBadRequest && a.complete && len(a.body) < maxAnswer {
		res.Rejected = p.Rejections(message, a.records)
	}
	if a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed {
		message = words(a.from, message)
	}
	res.Err = answerError{fmt.Sprintf("HTTP status %d: ", a.status), message}
	return res
}

// shownURL returns the URL of requests for the operator, or "" if it contains a secret.
func (t *httpTarget) shownURL(f *filled) string {
	if t.destination.sensitive(t.values) {
		return ""
	}
	return f.url.Scheme + "://" + f.url.Host + f.url.Path
}

// httpReason returns the name of a status for metrics. A server can send any number.
func httpReason(p *Profile, status int) string {
	if _, known := p.Statuses[status]; known || http.StatusText(status) != "" {
		return "http_" + strconv.Itoa(status)
	}
	return "http_other"
}

// longDelay bounds delays so that they do not overflow. The scheduler has a much smaller bound.
const longDelay = 24 * time.Hour

// retryAfter parses a Retry-After header: seconds or a date. Zero means that there is none.
func retryAfter(value string, now time.Time) time.Duration {
	if value = strings.TrimSpace(value); value == "" {
		return 0
	}
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) { // out of range: n is the largest or smallest number
		return time.Duration(min(max(0, seconds), int64(longDelay/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), longDelay)
	}
	return 0
}

// malformed begins the texts of net/http that quote what a server sends.
const malformed = "malformed HTTP "

// Errors in place of that text.
var (
	errNotHTTP = errors.New("the server does not speak HTTP/1.1")
	errHTTP2   = errors.New("the server does not speak HTTP/1.1; this may be the gRPC port")
	// net/http closes the connection if such an answer arrives while the request is still written.
	errClosed = errors.New("the connection ended before the request was sent; if this lasts, the server may not speak HTTP/1.1, as at the gRPC port")
)

// keyNotSent is the result of an attempt that would have sent a key over a network without TLS.
func keyNotSent(err error) lane.Result {
	return lane.Result{Verdict: lane.Blocked, Reason: lane.ReasonKeyNotSent, Err: err, Class: healthboard.AnswerConfig}
}

// networkResult returns the result of an attempt without an answer.
func networkResult(ctx context.Context, err error) lane.Result {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		err = urlErr.Err // without the URL, which may contain a token
	}
	if errors.As(err, new(*reach.Error)) {
		return forbidden(err)
	}
	if errors.Is(err, apikey.ErrWithheld) {
		return keyNotSent(err)
	}
	res := lane.Result{Verdict: lane.Retry, Reason: "network", Err: err, Class: healthboard.AnswerUnreachable}
	var dnsErr *net.DNSError
	var netErr net.Error
	var unknownCA x509.UnknownAuthorityError
	var wrongName x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		res.Reason = "shutdown"
	case errors.As(err, &dnsErr):
		res.Reason = "dns"
	case errors.Is(err, syscall.ECONNREFUSED):
		res.Reason = "connection_refused"
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &unknownCA), errors.As(err, &wrongName), errors.As(err, &invalid), errors.As(err, &record), errors.As(err, &verify):
		res.Reason, res.Verdict, res.Class = "tls", lane.Blocked, healthboard.AnswerTLS
	case errors.As(err, &netErr) && netErr.Timeout():
		res.Reason = "timeout"
	case errors.Is(err, net.ErrClosed):
		res.Err = errClosed
	case strings.Contains(err.Error(), malformed):
		res.Reason, res.Err = lane.ReasonNotHTTP, errNotHTTP
		// A server of HTTP/2 begins with a frame of settings, whose length is small.
		if strings.Contains(err.Error(), malformed+`response "\x00\x00`) {
			res.Err = errHTTP2
		}
	}
	return res
}
