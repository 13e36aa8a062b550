package bearerkeyauthextension

import (
	"net/url"
	"sync"
)

// maxWarned bounds the URLs of which it is known that they were warned of.
const maxWarned = 256

// warned are the URLs that the key is not sent to, each of which is logged once. Its
// methods are safe for concurrent use.
type warned struct {
	mu   sync.Mutex
	urls map[string]bool
}

// first notes a URL and says whether it is new.
func (w *warned) first(u *url.URL) bool {
	key := u.Host + u.Path
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.urls[key] || len(w.urls) >= maxWarned {
		return false
	}
	if w.urls == nil {
		w.urls = make(map[string]bool)
	}
	w.urls[key] = true
	return true
}

// shown is what a log may have of a URL: a query or a user's name may be a secret.
func shown(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }
