// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// backends are what tenants send to. All of 127.0.0.0/8 is this machine, so every
// tenant has an address of its own and the gateway a pool of connections for it.
type backends struct {
	servers []*http.Server
	ports   map[string]string // by behavior
	stop    context.CancelFunc
	work    sync.WaitGroup

	mu   sync.Mutex
	seen map[string]int
}

// The behaviors, with how many of a hundred tenants have such a backend.
var behaviors = []struct {
	name  string
	share int
}{{"well", 80}, {"busy", 6}, {"hangs", 4}, {"refuses", 5}, {"away", 5}}

func startBackends() (*backends, error) {
	ctx, cancel := context.WithCancel(context.Background())
	b := &backends{ports: map[string]string{}, seen: map[string]int{}, stop: cancel}
	for _, is := range behaviors {
		if is.name == "away" {
			continue
		}
		l, err := net.Listen("tcp4", "0.0.0.0:0")
		if err != nil {
			b.close()
			return nil, err
		}
		b.ports[is.name] = process.Port(l.Addr().String())
		s := &http.Server{Handler: b.handler(ctx, is.name), ReadHeaderTimeout: 10 * time.Second}
		b.servers = append(b.servers, s)
		b.work.Go(func() { _ = s.Serve(l) })
	}
	free, err := process.FreeAddresses(1)
	if err != nil {
		b.close()
		return nil, err
	}
	b.ports["away"] = process.Port(free[0])
	return b, nil
}

func (b *backends) handler(ctx context.Context, behavior string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		b.mu.Lock()
		b.seen[behavior]++
		b.mu.Unlock()
		switch behavior {
		case "busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "refuses":
			w.WriteHeader(http.StatusBadRequest)
		case "hangs":
			select {
			case <-ctx.Done():
			case <-r.Context().Done():
			}
		}
	})
}

// endpoint returns the URL for the n-th tenant.
func (b *backends) endpoint(n int) string {
	// 37 and 100 have no common divisor: shares are met, and neighbors differ.
	at := n * 37 % 100
	for _, is := range behaviors {
		if at -= is.share; at < 0 {
			return fmt.Sprintf("http://127.%d.%d.%d:%s", 1+n>>16&0x7f, n>>8&0xff, n&0xff|1, b.ports[is.name])
		}
	}
	panic("the shares are less than a hundred")
}

func (b *backends) counts() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.seen)
}

func (b *backends) close() {
	b.stop()
	for _, s := range b.servers {
		_ = s.Close()
	}
	b.work.Wait()
}
