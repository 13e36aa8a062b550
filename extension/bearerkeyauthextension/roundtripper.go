package bearerkeyauthextension

import "net/http"

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
	if redirectedAway(req) {
		return t.base.RoundTrip(req)
	}
	if req.URL.Scheme != "https" && !t.sender.mayCarryKey(req.URL.Hostname()) {
		if req.Body != nil {
			_ = req.Body.Close() // RoundTrippers close the body whatever happens
		}
		return nil, errPlaintext
	}
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
