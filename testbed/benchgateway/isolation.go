// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// isolationTenants is the number of tenants. The last four of them fail or flood if failures are on.
const (
	isolationTenants = 100
	unaffected       = isolationTenants - 4
	isolationWarmup  = 2 * time.Second
)

// latencies are the latencies of the unaffected tenants' requests in one run.
type latencies struct{ accept, deliver []time.Duration }

// isolation measures how failures of some tenants affect the latency of the others.
type isolation struct {
	*bench
	rate  float64 // requests per second of every tenant: its share
	flood float64 // multiple of the share that the flooding tenant sends
	time  time.Duration
}

// measure runs a gateway with a hundred tenants that send at the same rate. If failures is true, the
// backend of one tenant hangs, another one refuses connections, a third one responds with 503, and a
// fourth tenant floods. It fails if a request of an unaffected tenant is refused or not delivered.
func (w *isolation) measure(ctx context.Context, s subject, failures bool) (l latencies, err error) {
	arrived, err := newArrivals()
	if err != nil {
		return l, err
	}
	defer arrived.close()
	bad, err := newBadBackends()
	if err != nil {
		return l, err
	}
	defer bad.close()
	list := customers(isolationTenants)
	for i := range list {
		list[i].URL = arrived.url
	}
	rates := make([]float64, len(list))
	for i := range rates {
		rates[i] = w.rate
	}
	if failures {
		list[unaffected].URL, list[unaffected+1].URL, list[unaffected+2].URL = bad.hanging, bad.refusing, bad.busy
		rates[unaffected+3] *= w.flood
	}
	set, err := w.prepare(list, arrived.url)
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(w.dir)) }()
	set.OwnURLs = true
	path, err := s.configure(set)
	if err != nil {
		return l, err
	}
	startCtx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	p, err := start(startCtx, s, path)
	if err != nil {
		return l, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w\n%s", s.name, err, p.Tail(2000))
		}
		err = errors.Join(err, p.Kill())
	}()
	return w.load(ctx, newLoad(set.Endpoint, w.bodies, list, isolationTenants+int(w.flood)), rates, arrived)
}

// load sends the requests of all tenants, and returns the latencies of the unaffected ones.
func (w *isolation) load(ctx context.Context, l *load, rates []float64, arrived *arrivals) (latencies, error) {
	defer l.client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begin := time.Now()
	end := begin.Add(isolationWarmup + w.time)
	var mu sync.Mutex
	var out latencies
	sent := 0
	var work sync.WaitGroup
	for i := range l.customers {
		// The requests are evenly distributed over time, for each tenant and over all tenants.
		every := time.Duration(float64(time.Second) / rates[i])
		first := begin.Add(time.Duration(float64(i) / float64(len(rates)) * float64(time.Second) / w.rate))
		work.Go(func() {
			var calls sync.WaitGroup
			defer calls.Wait()
			for n := 0; ; n++ {
				at := first.Add(time.Duration(n) * every)
				if at.After(end) || wait(ctx, at) != nil {
					return
				}
				// A slow response must not reduce the rate, so requests are concurrent.
				calls.Go(func() {
					id := ""
					if i < unaffected {
						id = fmt.Sprintf("%s%03d.%08d", mark, i, n)
					}
					took, refused, err := l.once(ctx, i, n, id, arrived)
					if i >= unaffected {
						return // may be refused once its lane is full
					}
					if refused {
						err = errors.New("a request of an unaffected tenant was refused")
					}
					if err != nil {
						cancel(err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					sent++
					if !at.Before(begin.Add(isolationWarmup)) {
						out.accept = append(out.accept, took)
					}
				})
			}
		})
	}
	work.Wait()
	if err := context.Cause(ctx); err != nil {
		return out, err
	}
	all, err := arrived.wait(ctx, sent)
	for _, a := range all {
		if !a.sent.Before(begin.Add(isolationWarmup)) {
			out.deliver = append(out.deliver, a.after)
		}
	}
	return out, err
}

func wait(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// once sends one request, with an additional record for id unless it is empty, and returns the time
// until its response.
func (l *load) once(ctx context.Context, customer, n int, id string, arrived *arrivals) (took time.Duration, refused bool, err error) {
	body := l.bodies[(customer+n)%len(l.bodies)]
	if id != "" {
		body = append(body[:len(body):len(body)], marked(id)...)
		arrived.expect(id)
	}
	began := time.Now()
	status, answer, err := l.post(ctx, l.customers[customer], body)
	if err != nil {
		return 0, false, err
	}
	switch status {
	case http.StatusOK:
		return time.Since(began), false, nil
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return 0, true, nil
	}
	return 0, false, fmt.Errorf("a request of %s failed with status %d: %q", l.customers[customer].ID, status, answer)
}

// badBackends are the backends of tenants with failures.
type badBackends struct {
	hanging, refusing, busy string
	servers                 []*http.Server
}

func newBadBackends() (*badBackends, error) {
	b := &badBackends{}
	free, err := process.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	b.refusing = "http://" + free[0]
	if b.hanging, err = b.serve(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}); err != nil {
		return nil, err
	}
	b.busy, err = b.serve(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *badBackends) serve(h http.HandlerFunc) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	b.servers = append(b.servers, s)
	go func() { _ = s.Serve(l) }() // ends with close
	return "http://" + l.Addr().String(), nil
}

func (b *badBackends) close() {
	for _, s := range b.servers {
		_ = s.Close()
	}
}
