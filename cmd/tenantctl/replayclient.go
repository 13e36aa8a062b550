// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

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

	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/redact"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// tenantPlaceholder is replaced by the ID of the tenant whose dead letters are
// sent. IDs have no characters with a meaning in URLs or headers.
const tenantPlaceholder = "{tenant}"

// minSecret is the length from which the value of a header counts as a secret.
const minSecret = 8

// maxAnswer bounds how much of an answer is read.
const maxAnswer = 64 << 10

// The encodings of OTLP over HTTP.
const (
	encodingProto = "proto"
	encodingJSON  = "json"

	contentTypeProto = "application/x-protobuf"
	contentTypeJSON  = "application/json"
)

// replayClient sends dead letters over OTLP/HTTP.
type replayClient struct {
	endpoint    string
	encoding    string
	headers     [][2]string
	secrets     redact.Secrets // values of headers
	client      *http.Client
	lastRefusal error
}

func newReplayClient(endpoint string, timeout time.Duration) (*replayClient, error) {
	u, err := url.Parse(strings.ReplaceAll(endpoint, tenantPlaceholder, "x"))
	switch {
	case err != nil:
		return nil, errors.New("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, errors.New("must begin with http:// or https:// and have a host")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("must have neither query nor fragment")
	}
	return &replayClient{
		endpoint: strings.TrimSuffix(endpoint, "/"),
		client: &http.Client{
			Timeout: timeout,
			// Following a redirect would send the data and the key elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// header adds a header to all requests. It checks what could add other headers;
// net/http checks the rest when it sends a request.
func (c *replayClient) header(name, value string) error {
	if strings.ContainsAny(name, " \t\r\n:") || strings.ContainsAny(value, "\r\n\x00") {
		return fmt.Errorf("%q cannot be a header, or has a value that cannot be in a header", name)
	}
	c.headers = append(c.headers, [2]string{name, value})
	_, credentials, _ := strings.Cut(value, " ")
	for _, secret := range []string{value, strings.TrimSpace(credentials)} {
		if !strings.Contains(secret, tenantPlaceholder) && len(secret) >= minSecret {
			c.secrets.Add(secret)
		}
	}
	return nil
}

// send posts one request. Its error wraps deadletter.ErrRefused if the answer
// is about this request alone.
func (c *replayClient) send(ctx context.Context, request []byte, n deadletter.Note) error {
	contentType := contentTypeJSON
	if c.encoding == encodingProto {
		signal, err := tenant.ParseSignal(n.Signal)
		if err != nil {
			return err
		}
		if request, _, err = deadletter.Proto(signal, request); err != nil {
			return c.refused(fmt.Errorf("%w: %w", deadletter.ErrRefused, err))
		}
		contentType = contentTypeProto
	}
	fill := func(text string) string { return strings.ReplaceAll(text, tenantPlaceholder, string(n.Tenant)) }
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fill(c.endpoint)+"/v1/"+n.Signal, bytes.NewReader(request))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	for _, h := range c.headers {
		req.Header.Set(h[0], fill(h[1]))
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		if rejected := c.rejectedRecords(n.Signal, resp.Header.Get("Content-Type"), body); rejected != "" {
			return c.refused(fmt.Errorf("%w: accepted only in part, and another replay sends all of it: %s", deadletter.ErrRefused, rejected))
		}
		return err
	// These are about the request itself. Any other answer would also apply to the
	// requests after it.
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge, code == http.StatusUnprocessableEntity,
		code == http.StatusInternalServerError:
		return c.refused(fmt.Errorf("%w: HTTP status %d: %s", deadletter.ErrRefused, code, c.clean(string(body))))
	default:
		return fmt.Errorf("answered HTTP status %d: %s", code, c.clean(string(body)))
	}
}

func (c *replayClient) refused(err error) error {
	c.lastRefusal = err
	return err
}

// rejectedRecords describes the records that an OTLP answer rejects, or returns "".
// An answer that cannot be parsed rejects none: its status counts.
func (c *replayClient) rejectedRecords(signal, contentType string, body []byte) string {
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
func (c *replayClient) clean(text string) string {
	const limit = 300
	text = c.secrets.Scrub(strings.TrimSpace(safetext.Clean(text)))
	return strings.ToValidUTF8(text[:min(len(text), limit)], "")
}
