// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// flapping is a backend of logs that sometimes answers 503, hangs or refuses connections.
// The first element of a request's path names the tenant whose endpoint it is.
type flapping struct {
	addr string

	mu       sync.Mutex
	got      map[string]int // bodies, by the number of times they arrived
	foreign  []string       // bodies at another tenant's endpoint
	failures map[string]int // by kind
}

// newFlapping serves until the test ends.
func newFlapping(t *testing.T) *flapping {
	t.Helper()
	f := &flapping{addr: addresses(t, 1)[0], got: map[string]int{}, failures: map[string]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	listener, err := net.Listen("tcp", f.addr)
	require.NoError(t, err)
	go func() {
		defer close(done)
		f.run(ctx, listener)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return f
}

// run alternates between about a second of serving and some downtime.
func (f *flapping) run(ctx context.Context, l net.Listener) {
	for ctx.Err() == nil {
		if l != nil {
			server := &http.Server{Handler: f, ReadHeaderTimeout: 5 * time.Second}
			served := make(chan struct{})
			go func() {
				defer close(served)
				_ = server.Serve(l)
			}()
			pause(ctx, time.Duration(600+rand.IntN(800))*time.Millisecond)
			_ = server.Close() // breaks requests in progress
			<-served
			f.fail("refused")
			pause(ctx, time.Duration(50+rand.IntN(200))*time.Millisecond)
		}
		var err error
		if l, err = net.Listen("tcp", f.addr); err != nil {
			pause(ctx, 10*time.Millisecond)
		}
	}
	if l != nil {
		_ = l.Close()
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (f *flapping) fail(kind string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures[kind]++
}

// ServeHTTP implements http.Handler.
func (f *flapping) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ld, err := readLogs(r)
	if err != nil {
		return // the gateway was killed while it was sending
	}
	switch n := rand.IntN(20); {
	case n < 4:
		f.fail("503")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case n == 4:
		f.fail("hang")
		pause(r.Context(), time.Minute)
		return
	case n == 5:
		f.fail("answer lost") // stored, but the gateway cannot know that
		defer pause(r.Context(), time.Minute)
	}
	owner, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, rl := range ld.Logs().ResourceLogs().All() {
		id, _ := rl.Resource().Attributes().Get(tenant.AttributeKey)
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				body := lr.Body().Str()
				f.got[body]++
				if sender, _, _ := strings.Cut(body, " "); sender != owner || id.Str() != owner {
					f.foreign = append(f.foreign, body+" at "+owner)
				}
			}
		}
	}
}

func readLogs(r *http.Request) (plogotlp.ExportRequest, error) {
	req := plogotlp.NewExportRequest()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return req, err
	}
	if r.Header.Get("Content-Encoding") != "gzip" {
		return req, errors.New("not compressed as configured")
	}
	unzip, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return req, err
	}
	if body, err = io.ReadAll(unzip); err != nil {
		return req, err
	}
	return req, req.UnmarshalProto(body)
}

// missing returns how many of bodies did not arrive, and how many arrivals were
// repetitions.
func (f *flapping) missing(bodies map[string]bool) (missing, duplicates int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for body := range bodies {
		if f.got[body] == 0 {
			missing++
		}
	}
	for _, n := range f.got {
		duplicates += n - 1
	}
	return missing, duplicates
}
