// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/redact"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// TenantPlaceholder is replaced by the ID of the tenant whose dead letters are
// sent. IDs have no characters with a meaning in URLs or headers.
const TenantPlaceholder = "{tenant}"

// minSecret is the length from which the value of a header counts as a secret.
const minSecret = 8

// maxAnswer bounds how much of an answer is read.
const maxAnswer = 64 << 10

// The encodings of OTLP over HTTP.
const (
	EncodingProto = "proto"
	EncodingJSON  = "json"

	contentTypeProto = "application/x-protobuf"
	contentTypeJSON  = "application/json"
)

// ErrAllDestinations is returned if a key is given for an endpoint without
// [ReplayTarget.AllDestinations], or the other way round.
var ErrAllDestinations = errors.New("a gateway sends what it accepts to all destinations of the tenant")

// ReplayTarget is where a [ReplayClient] sends dead letters. [TenantPlaceholder] in
// Endpoint and in values of headers is replaced by the tenant.
type ReplayTarget struct {
	// Endpoint is the base URL, to which /v1/logs, /v1/metrics or /v1/traces is
	// appended.
	Endpoint string

	// Encoding is EncodingProto or EncodingJSON.
	Encoding string

	// Headers are sent with each request.
	Headers []ReplayHeader

	// Key is a key of the tenant if the endpoint is a gateway. AllDestinations must
	// then be set, because the gateway sends the data to all of them.
	Key             string
	AllDestinations bool

	// Timeout limits one request.
	Timeout time.Duration
}

// ReplayHeader is a header of a [ReplayTarget].
type ReplayHeader struct{ Name, Value string }

// ReplayClient sends dead letters over OTLP/HTTP. It is not safe for concurrent use.
type ReplayClient struct {
	endpoint      string
	encoding      string
	headers       []ReplayHeader
	secrets       redact.Secrets // values of headers
	client        *http.Client
	lastRejection error
}

// NewReplayClient returns a client for dead letters of a tenant, or of any tenant if
// tenantID is empty and the endpoint or a header has the placeholder. Close releases its
// connections.
func NewReplayClient(target ReplayTarget, tenantID string) (*ReplayClient, error) {
	if target.Encoding != EncodingProto && target.Encoding != EncodingJSON {
		return nil, malformed("encoding", "", "must be proto or json, not %q", target.Encoding)
	}
	if target.AllDestinations != (target.Key != "") {
		return nil, ErrAllDestinations
	}
	if err := checkReplayEndpoint(target.Endpoint); err != nil {
		return nil, malformed("endpoint", "", "%w", err)
	}
	c := &ReplayClient{
		endpoint: strings.TrimSuffix(target.Endpoint, "/"),
		encoding: target.Encoding,
		client: &http.Client{
			// Its own, because Close would close connections of others in the default one.
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true},
			Timeout:   target.Timeout,
			// Following a redirect would send the data and the key elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	perTenant := strings.Contains(target.Endpoint, TenantPlaceholder)
	for _, h := range target.Headers {
		perTenant = perTenant || strings.Contains(h.Value, TenantPlaceholder)
		if err := c.header(h); err != nil {
			return nil, malformed("headers", "", "%w", err)
		}
	}
	switch {
	case tenantID == "" && target.Key != "":
		return nil, malformed("tenant", "", "is required with a key, which belongs to one tenant")
	case tenantID == "" && !perTenant:
		return nil, malformed("tenant", "", "is required, or %s in the endpoint or in a header", TenantPlaceholder)
	case target.Key == "":
		return c, nil
	}
	if _, err := apikey.ID(target.Key); err != nil {
		return nil, &InputError{Field: "key", Err: err}
	}
	return c, errors.Join(
		c.header(ReplayHeader{"Authorization", "Bearer " + target.Key}),
		// A gateway rejects the key of another tenant.
		c.header(ReplayHeader{tenant.HeaderBusinessID, TenantPlaceholder}),
	)
}

func checkReplayEndpoint(endpoint string) error {
	u, err := url.Parse(strings.ReplaceAll(endpoint, TenantPlaceholder, "x"))
	switch {
	case err != nil:
		return errors.New("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return errors.New("must begin with http:// or https:// and have a host")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("must have neither query nor fragment")
	}
	return nil
}

// Close releases the connections of the client.
func (c *ReplayClient) Close() { c.client.CloseIdleConnections() }

// header adds a header to all requests. It checks what could add other headers;
// net/http checks the rest when it sends a request.
func (c *ReplayClient) header(h ReplayHeader) error {
	if strings.ContainsAny(h.Name, " \t\r\n:") || strings.ContainsAny(h.Value, "\r\n\x00") {
		return fmt.Errorf("%q cannot be a header, or has a value that cannot be in a header", h.Name)
	}
	c.headers = append(c.headers, h)
	_, credentials, _ := strings.Cut(h.Value, " ")
	for _, secret := range []string{h.Value, strings.TrimSpace(credentials)} {
		if !strings.Contains(secret, TenantPlaceholder) && len(secret) >= minSecret {
			c.secrets.Add(secret)
		}
	}
	return nil
}

// send posts one request. Its error wraps deadletter.ErrRejected if the answer
// is about this request alone.
func (c *ReplayClient) send(ctx context.Context, request []byte, n deadletter.Note) error {
	contentType := contentTypeJSON
	if c.encoding == EncodingProto {
		signal, err := tenant.ParseSignal(n.Signal)
		if err != nil {
			return err
		}
		if request, _, err = deadletter.Proto(signal, request); err != nil {
			return c.rejected(fmt.Errorf("%w: %w", deadletter.ErrRejected, err))
		}
		contentType = contentTypeProto
	}
	fill := func(text string) string { return strings.ReplaceAll(text, TenantPlaceholder, string(n.Tenant)) }
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fill(c.endpoint)+"/v1/"+n.Signal, bytes.NewReader(request))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	for _, h := range c.headers {
		req.Header.Set(h.Name, fill(h.Value))
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		if records := c.rejectedRecords(n.Signal, resp.Header.Get("Content-Type"), body); records != "" {
			return c.rejected(fmt.Errorf("%w: accepted only in part, and another replay sends all of it: %s", deadletter.ErrRejected, records))
		}
		return err
	// These are about the request itself. Any other answer would also apply to the
	// requests after it.
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge, code == http.StatusUnprocessableEntity,
		code == http.StatusInternalServerError:
		return c.rejected(fmt.Errorf("%w: HTTP status %d: %s", deadletter.ErrRejected, code, c.clean(string(body))))
	default:
		return fmt.Errorf("answered HTTP status %d: %s", code, c.clean(string(body)))
	}
}

func (c *ReplayClient) rejected(err error) error {
	c.lastRejection = err
	return err
}

// rejectedRecords describes the records that an OTLP answer rejects, or returns "".
// An answer that cannot be parsed rejects none: its status counts.
func (c *ReplayClient) rejectedRecords(signal, contentType string, body []byte) string {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	read := func(json, proto func([]byte) error) bool {
		if strings.HasSuffix(mediaType, "protobuf") {
			return proto(body) == nil
		}
		return json(body) == nil
	}
	var rejected int64
	var message string
	switch signal {
	case tenant.Logs.String():
		if r := plogotlp.NewExportResponse(); read(r.UnmarshalJSON, r.UnmarshalProto) {
			rejected, message = r.PartialSuccess().RejectedLogRecords(), r.PartialSuccess().ErrorMessage()
		}
	case tenant.Metrics.String():
		if r := pmetricotlp.NewExportResponse(); read(r.UnmarshalJSON, r.UnmarshalProto) {
			rejected, message = r.PartialSuccess().RejectedDataPoints(), r.PartialSuccess().ErrorMessage()
		}
	case tenant.Traces.String():
		if r := ptraceotlp.NewExportResponse(); read(r.UnmarshalJSON, r.UnmarshalProto) {
			rejected, message = r.PartialSuccess().RejectedSpans(), r.PartialSuccess().ErrorMessage()
		}
	}
	if rejected == 0 {
		return ""
	}
	return fmt.Sprintf("%d records rejected: %s", rejected, c.clean(message))
}

// clean returns the text of a backend without control characters and without the
// values of headers, which some backends repeat.
func (c *ReplayClient) clean(text string) string {
	const limit = 300
	text = c.secrets.Scrub(strings.TrimSpace(safetext.Clean(text)))
	return strings.ToValidUTF8(text[:min(len(text), limit)], "")
}
