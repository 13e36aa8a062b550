// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// scrapes is an exporter of `scrapes_total`, whose value is the number of the scrape. It
// knows which scrapes their client has read: on a busy machine a client gives up a scrape at
// its timeout, and closes the connection.
type scrapes struct {
	target string // host and port

	mu     sync.Mutex
	served int64
	read   map[int64]bool
}

// scrapeConnection is a connection of a client. Its next request shows that the last
// response was read.
type scrapeConnection struct{ last int64 }

type scrapeConnectionKey struct{}

func newScrapes(t *testing.T) *scrapes {
	t.Helper()
	s := &scrapes{read: map[int64]bool{}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "# TYPE scrapes_total counter\nscrapes_total %d\n", s.serve(r.Context().Value(scrapeConnectionKey{}).(*scrapeConnection)))
	}))
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, scrapeConnectionKey{}, new(scrapeConnection))
	}
	server.Start()
	t.Cleanup(server.Close)
	s.target = strings.TrimPrefix(server.URL, "http://")
	return s
}

func (s *scrapes) serve(c *scrapeConnection) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.last > 0 {
		s.read[c.last] = true
	}
	s.served++
	c.last = s.served
	return s.served
}

// count returns how many scrapes were served.
func (s *scrapes) count() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served
}

// missing returns the scrapes from first to last that their client has read and that are
// not in got.
func (s *scrapes) missing(got map[int64]bool, first, last int64) (missing []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := first; n <= last; n++ {
		if s.read[n] && !got[n] {
			missing = append(missing, n)
		}
	}
	return missing
}
