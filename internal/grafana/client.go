// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafana

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v7"

	"github.com/otelcol-tenant/otelcol-tenant/internal/redact"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

const (
	defaultAttempts = 5
	requestTimeout  = 15 * time.Second
	maxAnswer       = 16 << 20 // bytes; a list of organizations is the longest
	maxErrorText    = 300      // bytes
	maxRetryAfter   = 30 * time.Second

	// organizationHeader selects the organization of a request.
	organizationHeader = "X-Grafana-Org-Id"
)

// Settings describe one Grafana.
type Settings struct {
	// URL is where Grafana is, with the path that it is served under.
	URL string
	// Credentials are those of a server administrator.
	Credentials Credentials
	// Insecure permits sending the credentials without TLS to other addresses than loopback.
	Insecure bool
	// CAFile has the certificates that sign Grafana's, or is empty for those of the system.
	CAFile string
	// Attempts is how often a request is sent that is answered with 429 or 5xx, or not at all.
	// 0 means 5.
	Attempts uint
	// Pause is the first pause between attempts, which doubles. 0 means half a second.
	Pause time.Duration
}

// Client uses Grafana's HTTP API. Its methods are safe for concurrent use for different
// tenants.
type Client struct {
	base        url.URL
	credentials Credentials
	http        *http.Client
	attempts    uint
	pause       time.Duration
	secrets     redact.Secrets
}

// New returns a client. It sends nothing.
func New(set Settings) (*Client, error) {
	base, err := url.Parse(set.URL)
	switch {
	case err != nil || base.Host == "":
		return nil, errors.New("the URL of Grafana is not valid: it must be like https://grafana.example")
	case base.Scheme != "http" && base.Scheme != "https":
		return nil, fmt.Errorf("the URL of Grafana must begin with https:// or http://, not %q", base.Scheme)
	case base.User != nil:
		return nil, errors.New("the URL of Grafana must not contain a user or a password: put them into the credentials file")
	case base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("the URL of Grafana must not have a query or a fragment")
	case set.Credentials.User == "" || set.Credentials.Password == "":
		return nil, errors.New("there are no credentials of Grafana")
	case base.Scheme == "http" && !set.Insecure && !loopbackHost(base.Hostname()):
		return nil, &ClearTextError{Host: base.Host}
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12}
	if set.CAFile != "" {
		pem, err := os.ReadFile(set.CAFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read the CA of Grafana: %w", err)
		}
		tlsConfig.RootCAs = x509.NewCertPool()
		if !tlsConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("there is no certificate in the CA file of Grafana, %s", set.CAFile)
		}
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the transport of this process is not the one of net/http")
	}
	transport = transport.Clone()
	transport.TLSClientConfig = tlsConfig
	c := &Client{
		base: *base, credentials: set.Credentials, attempts: set.Attempts, pause: set.Pause,
		http: &http.Client{
			Transport: transport, Timeout: requestTimeout,
			// A redirect would turn a POST into a GET.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if c.attempts == 0 {
		c.attempts = defaultAttempts
	}
	if c.pause == 0 {
		c.pause = 500 * time.Millisecond
	}
	c.secrets.Add(set.Credentials.Password)
	return c, nil
}

// call is one request.
type call struct {
	action       string // for errors
	method, path string
	query        url.Values
	organization int64 // 0: of the server
	body, into   any   // JSON; nil: none
}

// do sends a request and decodes the answer. A status other than 2xx is an [AnswerError].
// Answers of 429 and 5xx, and connections that fail, are retried.
func (c *Client) do(ctx context.Context, r call) error {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return err
		}
	}
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval = c.pause
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		return struct{}{}, c.send(ctx, r, body)
	}, backoff.WithBackOff(pauses), backoff.WithMaxTries(c.attempts))
	if retry := backoff.AsRetryError(err); retry != nil {
		err = retry.LastErr
	}
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("timeout while Grafana should %s: %w; the last error: %w", r.action, context.Cause(ctx), err)
	}
	return err
}

// connectionError is a request without an answer.
type connectionError struct {
	action string
	err    error
}

func (e *connectionError) Error() string {
	return fmt.Sprintf("cannot reach Grafana to %s: %v", e.action, e.err)
}

func (e *connectionError) Unwrap() error { return e.err }

func (c *Client) send(ctx context.Context, r call, body []byte) error {
	target := c.base
	target.RawPath = target.EscapedPath() + r.path
	path, err := url.PathUnescape(target.RawPath)
	if err != nil {
		return backoff.Permanent(err)
	}
	target.Path = path
	target.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, target.String(), bytes.NewReader(body))
	if err != nil {
		return backoff.Permanent(err)
	}
	req.SetBasicAuth(c.credentials.User, c.credentials.Password)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.organization != 0 {
		req.Header.Set(organizationHeader, strconv.FormatInt(r.organization, 10))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		// The error of net/http repeats the method and the URL, which is enough.
		return &connectionError{r.action, err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return &connectionError{r.action, err}
	}
	if len(text) > maxAnswer {
		return backoff.Permanent(fmt.Errorf("the answer of Grafana to %q is longer than %d bytes", r.action, maxAnswer))
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return c.rejected(r, resp, text)
	}
	if r.into == nil {
		return nil
	}
	if err := json.Unmarshal(text, r.into); err != nil {
		return backoff.Permanent(fmt.Errorf("the answer of Grafana to %q is not JSON: check that the URL is Grafana's: %w", r.action, err))
	}
	return nil
}

func (c *Client) rejected(r call, resp *http.Response, body []byte) error {
	var answer struct{ Message, Status string }
	_ = json.Unmarshal(body, &answer) // a proxy in front answers with HTML
	text := safetext.Clean(c.secrets.Scrub(answer.Message))
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	err := &AnswerError{Action: r.action, Status: resp.StatusCode, Code: safetext.Clean(answer.Status), Text: text, organization: r.organization}
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode < 500 {
		return backoff.Permanent(err)
	}
	if seconds, convErr := strconv.Atoi(resp.Header.Get("Retry-After")); convErr == nil && seconds > 0 {
		return backoff.RetryAfter(min(time.Duration(seconds)*time.Second, maxRetryAfter), err)
	}
	return err
}

// status returns the status of Grafana's answer, or 0 if err is another error.
func status(err error) int {
	var answer *AnswerError
	if errors.As(err, &answer) {
		return answer.Status
	}
	return 0
}
