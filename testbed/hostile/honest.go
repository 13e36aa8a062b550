// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/attack"
)

// honest sends small requests of honest tenants. Every second tenant uses gRPC.
type honest struct {
	cancel context.CancelFunc
	work   sync.WaitGroup
	client *http.Client
	conns  []*grpc.ClientConn // one for each tenant that uses gRPC

	mu    sync.Mutex
	acked map[string]map[string]bool // by tenant
	now   phase
}

// phase has the answers to the honest tenants in a period, and their latencies.
type phase struct {
	latencies []time.Duration
	answers   map[string]int
}

func newHonest(g *gateway, rate int) *honest {
	ctx, cancel := context.WithCancel(context.Background())
	h := &honest{
		cancel: cancel, acked: map[string]map[string]bool{},
		client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: len(g.honest)}},
	}
	every := time.Second * time.Duration(len(g.honest)) / time.Duration(rate)
	for n, a := range g.honest {
		h.acked[a.tenant] = map[string]bool{}
		send := func(ctx context.Context, id string) string { return h.post(ctx, g.http, a.key, id) }
		if n%2 == 1 {
			conn, err := grpc.NewClient(g.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				panic(err) // the address is valid
			}
			h.conns = append(h.conns, conn)
			send = func(ctx context.Context, id string) string { return call(ctx, conn, a.key, id) }
		}
		h.work.Go(func() {
			// Distribute the requests evenly.
			select {
			case <-ctx.Done():
			case <-time.After(every * time.Duration(n) / time.Duration(len(g.honest))):
			}
			tick := time.NewTicker(every)
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				id := fmt.Sprintf("%s/%d", a.tenant, i)
				began := time.Now()
				answer := send(ctx, id)
				if ctx.Err() == nil {
					h.note(a.tenant, id, answer, time.Since(began))
				}
			}
		})
	}
	return h
}

func (h *honest) post(ctx context.Context, addr, key, body string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/v1/logs", bytes.NewReader(attack.Log(body)))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := h.client.Do(req)
	if err != nil {
		return "no answer: " + err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Sprintf("HTTP %d %q", resp.StatusCode, text)
	}
	return ""
}

func call(ctx context.Context, conn *grpc.ClientConn, key, body string) string {
	req := plogotlp.NewExportRequest()
	if err := req.UnmarshalProto(attack.Log(body)); err != nil {
		return err.Error()
	}
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key), 30*time.Second)
	defer cancel()
	if _, err := plogotlp.NewGRPCClient(conn).Export(ctx, req); err != nil {
		return fmt.Sprintf("gRPC %v %s", status.Code(err), status.Convert(err).Message())
	}
	return ""
}

func (h *honest) note(tenant, id, answer string, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if answer == "" {
		h.acked[tenant][id] = true
		answer = "accepted"
	}
	if h.now.answers == nil {
		h.now.answers = map[string]int{}
	}
	h.now.answers[answer]++
	h.now.latencies = append(h.now.latencies, took)
}

// phase returns the phase since the last call.
func (h *honest) phase() phase {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.now
	h.now = phase{}
	return p
}

// acknowledged returns the IDs of acknowledged records by tenant. Call it after
// stop.
func (h *honest) acknowledged() map[string]map[string]bool { return h.acked }

func (h *honest) stop() {
	h.cancel()
	h.work.Wait()
	h.client.CloseIdleConnections()
	for _, conn := range h.conns {
		_ = conn.Close()
	}
}

func (p *phase) add(q phase) {
	p.latencies = append(p.latencies, q.latencies...)
	if p.answers == nil {
		p.answers = map[string]int{}
	}
	for answer, n := range q.answers {
		p.answers[answer] += n
	}
}

func (p *phase) quantile(q float64) time.Duration {
	if len(p.latencies) == 0 {
		return 0
	}
	slices.Sort(p.latencies)
	return p.latencies[min(len(p.latencies)-1, int(q*float64(len(p.latencies))))].Round(10 * time.Microsecond)
}

func (p *phase) p99() time.Duration { return p.quantile(0.99) }

func (p *phase) print(name string) {
	fmt.Printf("%s  %-20s %6d requests, p50 %v, p99 %v, max %v", time.Now().UTC().Format("15:04:05"), name,
		len(p.latencies), p.quantile(0.5), p.p99(), p.quantile(1))
	for _, answer := range slices.Sorted(maps.Keys(p.answers)) {
		if answer != "accepted" {
			fmt.Printf("; %d times %.200s", p.answers[answer], answer)
		}
	}
	fmt.Println()
}

// refusals returns an error if an honest request was not accepted.
func (p *phase) refusals() error {
	var errs []error
	for answer, n := range p.answers {
		if answer != "accepted" {
			errs = append(errs, fmt.Errorf("%d honest requests: %s", n, answer))
		}
	}
	if len(p.latencies) == 0 {
		errs = append(errs, errors.New("no honest request was answered"))
	}
	return errors.Join(errs...)
}
