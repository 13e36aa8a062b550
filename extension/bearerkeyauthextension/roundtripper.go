package bearerkeyauthextension

import (
	"net/http"
	"time"

	"go.uber.org/zap"
)

// RoundTripper implements extensionauth.HTTPClient.
func (s *keySender) RoundTripper(base http.RoundTripper) (http.RoundTripper, error) {
	return &roundTripper{sender: s, base: base}, nil
}

type roundTripper struct {
	sender *keySender
	base   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	// "gateway:4318" has a scheme that nobody speaks, as base will say.
	if redirectedAway(req) || req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return t.base.RoundTrip(req)
	}
	if req.URL.Scheme == "http" && !t.sender.mayCarryKey(req.URL.Hostname()) {
		if t.sender.warned.first(req.URL) { // exporters report it among the outages that end by themselves
			t.sender.logger.Error("The key is not sent", zap.String("url", shown(req.URL)), zap.Error(errPlaintext))
		}
		t.sender.watch.withheld(req.URL.Host, time.Now())
		if req.Body != nil {
			_ = req.Body.Close() // RoundTrippers close the body whatever happens
		}
		return nil, errPlaintext
	}
	t.sender.watch.sent()
	req = req.Clone(req.Context())
	for name, value := range t.sender.current.Load().metadata {
		req.Header.Set(name, value)
	}
	return t.base.RoundTrip(req)
}

// redirectedAway tells whether req follows a redirect to another host than the
// first request was for. http.Client takes the Authorization header off such
// requests; a RoundTripper that put it back would hand the key to a stranger.
func redirectedAway(req *http.Request) bool {
	first := req
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	return first.URL.Host != req.URL.Host
}
