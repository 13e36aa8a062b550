// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// retrying is an OTLP client that sends a request until it is accepted, and stops on an
// answer that OTLP clients do not retry.
type retrying struct {
	name string
	// send returns why a request is not accepted, and whether to retry.
	send func(ctx context.Context, request plogotlp.ExportRequest) (again bool, err error)
}

// retryingClients returns clients over HTTP/1.1, HTTP/2 and gRPC.
func (p *proxy) retryingClients(key string) []retrying {
	p.t.Helper()
	conn, err := grpc.NewClient(p.addr, grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(p.roots, "")),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.5, MaxDelay: 200 * time.Millisecond}, MinConnectTimeout: time.Second}))
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = conn.Close() })
	overHTTP := func(http2 bool) func(context.Context, plogotlp.ExportRequest) (bool, error) {
		client := p.client(http2)
		return func(ctx context.Context, request plogotlp.ExportRequest) (bool, error) {
			return postRetryably(ctx, client, "https://"+p.addr, key, request, http2)
		}
	}
	return []retrying{{"http/1.1", overHTTP(false)}, {"http/2", overHTTP(true)}, {"grpc", func(ctx context.Context, request plogotlp.ExportRequest) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		_, err := plogotlp.NewGRPCClient(conn).Export(metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key), request)
		retryable := []codes.Code{codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss}
		if status.Code(err) == codes.ResourceExhausted {
			return len(status.Convert(err).Details()) > 0, err
		}
		return slices.Contains(retryable, status.Code(err)), err
	}}}
}

func postRetryably(ctx context.Context, client *http.Client, base, key string, request plogotlp.ExportRequest, http2 bool) (again bool, err error) {
	body, err := request.MarshalProto()
	if err != nil {
		return false, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/logs", bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := client.Do(req)
	if err != nil {
		return true, err
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body) // only the status is the acknowledgment
	if resp.StatusCode == http.StatusOK {
		if (resp.ProtoMajor == 2) != http2 {
			return false, fmt.Errorf("answered over %s", resp.Proto)
		}
		return false, nil
	}
	return slices.Contains([]int{429, 502, 503, 504}, resp.StatusCode), fmt.Errorf("%s: %s", resp.Status, text)
}

// proxyLoad sends through a proxy until it is stopped.
type proxyLoad struct {
	quit context.CancelFunc
	work sync.WaitGroup

	mu       sync.Mutex
	accepted map[string]int // by client
	bodies   []string
	retries  int
}

// newProxyLoad runs two senders for each client. Each sends a request until it is accepted.
func newProxyLoad(t *testing.T, clients []retrying) *proxyLoad {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &proxyLoad{quit: cancel, accepted: map[string]int{}}
	t.Cleanup(func() { l.stop() })
	for _, c := range clients {
		for sender := range 2 {
			l.work.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					pause(ctx, 2*time.Millisecond)
					bodies := make([]string, 1+n%3)
					ld := plog.NewLogs()
					records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
					for i := range bodies {
						bodies[i] = fmt.Sprintf("%s %d %d.%d", c.name, sender, n, i)
						records.AppendEmpty().Body().SetStr(bodies[i])
					}
					if !l.deliver(ctx, t, c, plogotlp.NewExportRequestFromLogs(ld)) {
						return
					}
					l.mu.Lock()
					l.accepted[c.name] += len(bodies)
					l.bodies = append(l.bodies, bodies...)
					l.mu.Unlock()
				}
			})
		}
	}
	return l
}

// deliver reports whether the request was accepted before the load was stopped.
func (l *proxyLoad) deliver(ctx context.Context, t *testing.T, c retrying, request plogotlp.ExportRequest) bool {
	for {
		again, err := c.send(ctx, request)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if !again {
			t.Errorf("%s: lost: %v", c.name, err)
			return false
		}
		l.mu.Lock()
		l.retries++
		l.mu.Unlock()
		pause(ctx, 20*time.Millisecond)
	}
}

// more waits until each client has this many more records accepted.
func (l *proxyLoad) more(t *testing.T, clients []retrying, records int) {
	t.Helper()
	l.mu.Lock()
	want := map[string]int{}
	for _, c := range clients {
		want[c.name] = l.accepted[c.name] + records
	}
	l.mu.Unlock()
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for name, n := range want {
			if l.accepted[name] < n {
				return false
			}
		}
		return true
	}, 2*time.Minute, 10*time.Millisecond, "a client has nothing accepted")
}

func (l *proxyLoad) stop() (bodies []string) {
	l.quit()
	l.work.Wait()
	return l.bodies
}

// TestProxy_RestartsUnderLoad restarts and reloads gateway and proxy while clients send
// over HTTP/1.1, HTTP/2 and gRPC. Every request is eventually accepted, with the retries
// that OTLP clients make, and everything arrives.
func TestProxy_RestartsUnderLoad(t *testing.T) {
	rounds := fromEnv(t, "E2E_PROXY_ROUNDS", 1)
	for name, newProxy := range proxyKinds() {
		if name == "nginx unbuffered" {
			continue // that check is about uploads
		}
		t.Run(name, func(t *testing.T) {
			s := newRecorder(t)
			r := newRig(t, fmt.Sprintf(recorded, s.url), "acme")
			p := newProxy(t, r)
			g := r.run()
			clients := p.retryingClients(r.keys["acme"])
			l := newProxyLoad(t, clients)
			for range rounds {
				l.more(t, clients, 20)
				g.stop()
				g = r.run()
				l.more(t, clients, 20)
				require.NoError(t, p.reload())
				l.more(t, clients, 20)
				p.restart()
				l.more(t, clients, 20)
				require.NoError(t, g.Kill())
				g = r.run()
				l.more(t, clients, 20)
			}
			sent := l.stop()
			got := map[string]bool{}
			require.Eventually(t, func() bool {
				for _, body := range s.bodies() {
					got[body] = true
				}
				for _, body := range sent {
					if !got[body] {
						return false
					}
				}
				return true
			}, time.Minute, 50*time.Millisecond, "accepted records are missing")
			t.Logf("%d records, %d repetitions, %v", len(sent), l.retries, l.accepted)
			g.stop()
		})
	}
}
