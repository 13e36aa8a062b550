// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync"
	"testing"
)

// stackBackend keeps the markers and some headers of the requests it gets.
type stackBackend struct {
	addr string

	mu   sync.Mutex
	got  map[string]http.Header // by marker
	last *http.Request
}

var stackMarker = regexp.MustCompile(`rec:[a-z0-9-]+`)

func newStackBackend(t *testing.T, name string) *stackBackend {
	t.Helper()
	b := &stackBackend{got: map[string]http.Header{}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			if body, err = io.ReadAll(z); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.last = r
		for _, marker := range stackMarker.FindAllString(string(body), -1) {
			b.got[marker] = r.Header
		}
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, name) // the client notices a broken connection
		}
	}))
	t.Cleanup(s.Close)
	b.addr = s.Listener.Addr().String()
	return b
}

// header returns the header of the request that had the marker, or nil.
func (b *stackBackend) header(marker string) http.Header {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got[marker]
}

func (b *stackBackend) markers() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.got))
}

func (b *stackBackend) lastRequest() *http.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}
