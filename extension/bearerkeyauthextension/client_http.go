// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"net/http"
	"net/url"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
)

// RoundTripper implements extensionauth.HTTPClient.
func (s *clientAuth) RoundTripper(base http.RoundTripper) (http.RoundTripper, error) {
	return &roundTripper{sender: s, base: base}, nil
}

type roundTripper struct {
	sender *clientAuth
	base   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	// Base reports unsupported schemes, such as that of "gateway:4318".
	if redirectedAway(req) || req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return t.base.RoundTrip(req)
	}
	if req.URL.Scheme == "http" && !t.sender.mayCarryKey(req.URL.Hostname()) {
		if t.sender.logged.add(req.URL) { // exporters only report a retryable error
			t.sender.logger.Error("The key is not sent", zap.String("url", publicURL(req.URL)), zap.Error(apikey.ErrWithheld))
		}
		t.sender.watch.withheld(req.URL.Host, time.Now())
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper must always close the body
		}
		return nil, apikey.ErrWithheld
	}
	t.sender.watch.sent()
	req = req.Clone(req.Context())
	for name, value := range t.sender.current.Load().metadata {
		req.Header.Set(name, value)
	}
	return t.base.RoundTrip(req)
}

// redirectedAway reports whether req follows a redirect to another host than that of
// the first request. http.Client removes the Authorization header from such requests.
// Adding it again would disclose the key to the other host.
func redirectedAway(req *http.Request) bool {
	first := req
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	return first.URL.Host != req.URL.Host
}

// maxLoggedURLs limits the URLs in loggedURLs.
const maxLoggedURLs = 256

// loggedURLs are the URLs for which the log says that the key is not sent to them. It
// is safe for concurrent use.
type loggedURLs struct {
	mu   sync.Mutex
	urls map[string]bool
}

// add adds a URL and reports whether it is new.
func (w *loggedURLs) add(u *url.URL) bool {
	key := u.Host + u.Path
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.urls[key] || len(w.urls) >= maxLoggedURLs {
		return false
	}
	if w.urls == nil {
		w.urls = make(map[string]bool)
	}
	w.urls[key] = true
	return true
}

// publicURL returns what a log may contain of a URL. User information and query may
// be secrets.
func publicURL(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }
