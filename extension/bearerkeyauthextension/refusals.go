package bearerkeyauthextension

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	// maxRefusing bounds the URLs of which it is known that they refuse the key.
	maxRefusing = 256
	// maxReason bounds what is read, and logged, of why.
	maxReason = 4 << 10
)

// refusals are the URLs that refuse the key. A key may be good for one signal and not
// for another, so that what one URL answers says nothing of the others.
type refusals struct {
	mu   sync.Mutex
	urls map[string]bool
}

// changed notes what a URL answers and says whether that is news.
func (r *refusals) changed(u *url.URL, refused bool) bool {
	key := u.Host + u.Path
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.urls[key] == refused || refused && len(r.urls) >= maxRefusing {
		return false
	}
	if !refused {
		delete(r.urls, key)
		return true
	}
	if r.urls == nil {
		r.urls = make(map[string]bool)
	}
	r.urls[key] = true
	return true
}

// reason returns why the gateway has refused a request, and leaves the body as it is.
// Whatever it says, it is not the key.
func reason(resp *http.Response, key string) string {
	head, _ := io.ReadAll(io.LimitReader(resp.Body, maxReason))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
	text := string(head)
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	switch kind {
	case "application/x-protobuf":
		var s spb.Status
		text = ""
		if proto.Unmarshal(head, &s) == nil {
			text = s.GetMessage()
		}
	case "application/json":
		var s struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(head, &s) == nil && s.Message != "" {
			text = s.Message
		}
	}
	text = strings.ReplaceAll(text, key, "[key]")
	for n := len(key) - 1; n > 0 && len(head) == maxReason; n-- { // the end may be within the key
		if rest, ok := strings.CutSuffix(text, key[:n]); ok {
			text = rest
			break
		}
	}
	return strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
}

// shown is what a log may have of a URL: a query or a user's name may be a secret.
func shown(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }
