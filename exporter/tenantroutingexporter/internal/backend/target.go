// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/reach"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/redact"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// secretTTL is how long a resolved secret is used before its source is read
// again, so that a rotated one is soon in force.
const secretTTL = 10 * time.Second

const (
	// maxAnswer bounds how much of an answer is read, and the headers of one.
	maxAnswer = 64 << 10

	// answerWindow is how many bytes of answers a connection receives before they are read.
	answerWindow = 1 << 20
)

// Target returns the target for one tenant and signal. References are resolved later.
func (d *Destination) Target(signal tenant.Signal, v template.Values) lane.Target {
	s := &site{destination: d, signal: signal, values: v, transport: d.transportKey(v)}
	switch {
	case d.http != nil:
		s.group = s.transport
		if t := s.urlTemplate(); t != nil { // nil: it has endpoints for other signals alone
			s.group += "\x01" + hostOf(t.Key(v))
		}
		return &httpTarget{site: s}
	case d.grpc != nil:
		s.group = s.transport + "\x01" + d.endpoint.Key(v)
		return &grpcTarget{site: s}
	}
	s.group = d.name + "\x01" + d.endpoint.Key(v)
	return &archiveTarget{site: s}
}

// site has the settings of a destination for one tenant and signal.
type site struct {
	destination *Destination
	signal      tenant.Signal
	values      template.Values
	transport   string // identifies the client
	group       string

	mu           sync.Mutex
	filled       *filled
	filledAt     time.Time
	unexpectedAt time.Time // when an unexpected answer was reported
}

// filled is the result of filling endpoint and headers.
type filled struct {
	endpoint string
	url      *url.URL // the same, of an HTTP destination
	headers  []pair
	secret   bool
	secrets  redact.Secrets // what must not be shown
}

type pair struct{ name, value string }

// Endpoint implements lane.Target.
func (s *site) Endpoint() string { return s.group }

// attempt calls send. A batch for which it panics counts as rejected permanently, so that the lane continues
// with the next one.
func (s *site) attempt(send func() lane.Result) (res lane.Result) {
	err := s.destination.pool.recovery.Run("sending to "+s.destination.name, func() { res = send() })
	if err != nil {
		return lane.Result{Verdict: lane.Rejected, Reason: "panic", Err: err}
	}
	return res
}

// Bounds implements lane.Target.
func (s *site) Bounds() lane.Bounds {
	b := lane.Bounds{BatchBytes: s.destination.profile.MaxBatchBytes}
	if s.destination.profile.Ordered {
		b.Concurrency = 1
	}
	return b
}

// unexpectedInterval is the least time between two reports of unexpected answers that count as a success.
const unexpectedInterval = time.Hour

// limitReports removes the text of such an answer if one was reported within unexpectedInterval.
func (s *site) limitReports(res lane.Result) lane.Result {
	if res.Verdict != lane.Delivered || !res.Unexpected || res.Rejected > 0 { // the last is of a dead letter
		return res
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.unexpectedAt.IsZero() && time.Since(s.unexpectedAt) < unexpectedInterval {
		res.Err = nil
		return res
	}
	s.unexpectedAt = time.Now()
	return res
}

func (s *site) urlTemplate() *template.Template {
	if t := s.destination.endpoints[s.signal]; t != nil {
		return t
	}
	return s.destination.endpoint
}

// fill returns endpoint and headers. It resolves secrets again after secretTTL.
func (s *site) fill() (*filled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.filled != nil && (!s.filled.secret || time.Since(s.filledAt) < secretTTL) {
		return s.filled, nil
	}
	d := s.destination
	f := &filled{}
	t := d.endpoint
	if d.http != nil {
		t = s.urlTemplate()
	}
	if t == nil {
		return nil, errNoEndpoint(s.signal)
	}
	endpoint, err := t.RenderNoting(s.values, f.secrets.Add)
	if err != nil {
		return nil, settingError{"endpoint", err}
	}
	if err := d.confined.check(endpoint); err != nil {
		return nil, settingError{"directory", err}
	}
	f.endpoint, f.secret = endpoint, t.Secret(s.values)
	if d.http != nil && d.endpoints[s.signal] == nil {
		path := d.profile.Paths[s.signal]
		if path == "" {
			return nil, errNoEndpoint(s.signal)
		}
		if f.endpoint, err = joinPath(endpoint, path); err != nil {
			return nil, settingError{"endpoint", err}
		}
	}
	if d.http != nil {
		if f.url, err = parseURL(f.endpoint); err != nil {
			return nil, settingError{"endpoint", err}
		}
	}
	if err := d.checkHost(t, s.values); err != nil {
		return nil, settingError{"endpoint", err}
	}
	if err := d.checkAccounts(t, s.values); err != nil {
		return nil, settingError{"endpoint", err}
	}
	for _, h := range d.headers {
		value, err := h.value.RenderNoting(s.values, f.secrets.Add)
		if err != nil {
			return nil, settingError{"headers::" + h.name, err}
		}
		f.headers = append(f.headers, pair{h.name, value})
		if value != string(s.values.Tenant) {
			addHeader(&f.secrets, value)
		}
		f.secret = f.secret || h.value.Secret(s.values)
	}
	s.filled, s.filledAt = f, time.Now()
	return f, nil
}

// forget makes the next attempt resolve secrets again.
func (s *site) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.filled != nil && s.filled.secret {
		s.filled = nil
	}
}

// parseURL parses the URL of a request. Its error does not quote the URL, which may contain a
// token.
func parseURL(text string) (*url.URL, error) {
	req, err := http.NewRequest(http.MethodPost, text, http.NoBody) //nolint:noctx // it is not sent
	if err != nil {
		return nil, errors.New("is not a URL")
	}
	return req.URL, nil
}

// joinPath appends path to the path of a URL and keeps its query.
func joinPath(base, path string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", errors.New("is not a URL") // its own error quotes the text
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + path
	u.RawPath = ""
	return u.String(), nil
}

// hostOf returns the part of a template key that is equal for URLs of the same host: everything up to the
// path.
func hostOf(key string) string {
	text, values, _ := strings.Cut(key, "\x00")
	if i := strings.Index(text, "://"); i >= 0 && !strings.HasPrefix(text, "{") {
		if j := strings.IndexByte(text[i+3:], '/'); j >= 0 && !strings.Contains(text[:i+3+j], "{") {
			return text[:i+3+j] // the host is the same for all tenants
		}
		if !strings.Contains(text, "{") {
			return text
		}
	}
	return text + "\x00" + values
}

type settingError struct {
	key string
	err error
}

func (e settingError) Error() string { return e.key + ": " + e.err.Error() }
func (e settingError) Unwrap() error { return e.err }

type errNoEndpoint tenant.Signal

func (e errNoEndpoint) Error() string {
	return "the destination has no endpoint for " + tenant.Signal(e).String()
}

func signalName(signal int) string { return tenant.Signal(signal).String() }

// misconfigured is the result of an attempt that is not possible with the settings.
func misconfigured(err error) lane.Result {
	if errors.As(err, new(*reach.Error)) {
		return forbidden(err)
	}
	return lane.Result{Verdict: lane.Blocked, Reason: "config", Err: err, Class: healthboard.AnswerConfig}
}

// forbidden is the result of an attempt to connect to the operator's own networks.
func forbidden(err error) lane.Result {
	return lane.Result{Verdict: lane.Blocked, Reason: "private_endpoint", Err: err, Class: healthboard.AnswerConfig}
}
