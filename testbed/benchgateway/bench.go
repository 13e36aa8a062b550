// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

const (
	startTimeout = 5 * time.Minute
	drainTimeout = 5 * time.Minute
	profileTime  = 10 * time.Second
)

// bench runs measurements with one set of options.
type bench struct {
	options
	dir    string
	bodies [][]byte
}

// result is the result of one run.
type result struct {
	start    time.Duration // until it is ready
	startCPU time.Duration
	cpu      time.Duration // from the first measured request until the last record was delivered
	peak     int64
	idle     int64 // live bytes before the first request; 0: not measured
	open     int64 // live bytes after one request per tenant; 0: not measured
	refused  int64
}

// measure starts a gateway, sends one request for every tenant to open its lane, sends the load, and
// checks that each tenant's backend received exactly the tenant's records.
func (b *bench) measure(ctx context.Context, s subject, tenants int, memory bool) (r result, err error) {
	list := customers(tenants)
	out, err := newSink(list)
	if err != nil {
		return r, err
	}
	defer out.close()
	set, err := b.prepare(list, out.url)
	if err != nil {
		return r, err
	}
	path, err := s.configure(set)
	if err != nil {
		return r, err
	}
	began := time.Now()
	startCtx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	p, err := start(startCtx, s, path)
	if err != nil {
		return r, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s, %d tenants: %w\n%s", s.name, tenants, err, p.Tail(2000))
		}
		err = errors.Join(err, p.Kill())
	}()
	r.start = time.Since(began)
	if r.startCPU, err = cpuTime(p.Pid()); err != nil {
		return r, err
	}
	if memory {
		if r.idle, err = liveBytes(ctx, set.Pprof); err != nil {
			return r, err
		}
	}
	l := newLoad(set.Endpoint, b.bodies, list, b.workers)
	defer l.client.CloseIdleConnections()
	if err = b.deliver(ctx, l, out, tenants); err != nil {
		return r, err
	}
	if memory {
		if r.open, err = liveBytes(ctx, set.Pprof); err != nil {
			return r, err
		}
	}
	before, err := cpuTime(p.Pid())
	if err != nil {
		return r, err
	}
	profiled := b.startProfile(ctx, s, tenants, set.Pprof)
	if err = b.deliver(ctx, l, out, b.requests); err != nil {
		return r, err
	}
	after, err := cpuTime(p.Pid())
	if err != nil {
		return r, err
	}
	if r.peak, err = peakRSS(p.Pid()); err != nil {
		return r, err
	}
	r.cpu, r.refused = after-before, l.refused.Load()
	if b.profile != "" {
		if err = saveAllocations(ctx, set.Pprof, filepath.Join(b.profile, fmt.Sprintf("%s-%d-allocs.pprof", s.name, tenants))); err != nil {
			return r, err
		}
	}
	return r, errors.Join(<-profiled, out.check(list, tenants, b.requests))
}

func start(ctx context.Context, s subject, config string) (*process.Process, error) {
	return process.Start(ctx, process.Settings{Path: s.binary, Args: []string{"--config", config}, Env: s.env, Ready: "Everything is ready"})
}

func (b *bench) prepare(list []customer, sink string) (set settings, err error) {
	if err := os.RemoveAll(b.dir); err != nil {
		return set, err
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return set, err
	}
	free, err := process.FreeAddresses(3)
	if err != nil {
		return set, err
	}
	return settings{Dir: b.dir, Endpoint: free[0], Pprof: free[1], MetricsPort: process.Port(free[2]), Sink: sink, Customers: list}, nil
}

// deliver sends n requests, and waits until the backends have received all of their records.
func (b *bench) deliver(ctx context.Context, l *load, out *sink, n int) error {
	want := out.total.Load() + int64(n)*recordsPerRequest
	if err := l.send(ctx, n); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for out.total.Load() < want {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d records were delivered: %w", out.total.Load(), want, context.Cause(ctx))
		case <-tick.C:
		}
	}
	return nil
}

func (b *bench) startProfile(ctx context.Context, s subject, tenants int, pprof string) <-chan error {
	done := make(chan error, 1)
	if b.profile == "" {
		done <- nil
		return done
	}
	path := filepath.Join(b.profile, fmt.Sprintf("%s-%d.pprof", s.name, tenants))
	go func() { done <- saveProfile(ctx, pprof, path, profileTime) }()
	return done
}

// check returns an error unless every tenant's backend received the tenant's records.
func (s *sink) check(list []customer, warm, requests int) error {
	if n := s.bad.Load(); n > 0 {
		return fmt.Errorf("%d requests to the backends were invalid", n)
	}
	for i, c := range list {
		want := int64(share(warm, len(list), i)+share(requests, len(list), i)) * recordsPerRequest
		if got := s.byID[c.ID].Load(); got != want {
			return fmt.Errorf("the backend of %s received %d records instead of %d", c.ID, got, want)
		}
	}
	return nil
}

// share returns how many of n requests are sent for tenant i, in round-robin order.
func share(n, tenants, i int) int {
	share := n / tenants
	if i < n%tenants {
		share++
	}
	return share
}
