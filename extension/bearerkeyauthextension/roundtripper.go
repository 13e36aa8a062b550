package bearerkeyauthextension

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.uber.org/zap"
)

// refusedDelay is how long an exporter has to wait after its key was refused.
// A refusal costs the gateway a look-up, so it need not be long.
const refusedDelay = 10 * time.Second

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
		if t.sender.refusals.changed(req.URL, true) { // exporters tell of it among the outages that end by themselves
			t.sender.logger.Error("The key is not sent", zap.String("url", shown(req.URL)), zap.Error(errPlaintext))
		}
		if req.Body != nil {
			_ = req.Body.Close() // RoundTrippers close the body whatever happens
		}
		return nil, errPlaintext
	}
	req = req.Clone(req.Context())
	current := t.sender.current.Load()
	for name, value := range current.metadata {
		req.Header.Set(name, value)
	}
	resp, err := t.base.RoundTrip(req)
	if err != nil || t.sender.cfg.WhenRefused == WhenRefusedDrop {
		return resp, err
	}
	return t.waiting(req.URL, resp, current.key), nil
}

// waiting turns the refusal of a key into an answer on which OTLP exporters keep
// the data and try again. OTLP has them drop it on 401 and 403; for an agent with
// a disk queue that would lose what a renewed key or a resumed tenant saves.
func (t *roundTripper) waiting(u *url.URL, resp *http.Response, key string) *http.Response {
	refused := resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden
	// A gateway in trouble has not looked at the key.
	if resp.StatusCode < http.StatusInternalServerError && t.sender.refusals.changed(u, refused) {
		where := zap.String("url", shown(u))
		if refused {
			t.sender.logger.Error("The gateway refuses the key; data waits until it is accepted",
				where, zap.Int("status", resp.StatusCode), zap.String("reason", reason(resp, key)))
		} else {
			t.sender.logger.Info("The gateway accepts the key again", where)
		}
	}
	if !refused {
		return resp
	}
	out := *resp
	out.StatusCode = http.StatusServiceUnavailable
	out.Status = "503 Service Unavailable (" + resp.Status + ")"
	out.Header = resp.Header.Clone()
	out.Header.Set("Retry-After", strconv.Itoa(int(refusedDelay.Seconds())))
	return &out
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
