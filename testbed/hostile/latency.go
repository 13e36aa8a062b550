// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// trial is a kind of attack whose effect on honest tenants is measured.
type trial struct {
	name     string
	kinds    []string // prefixes of the names of attacks
	parallel int
	every    time.Duration // of each of parallel; 0: one after the other
}

// slow is the interval of large requests. Requests without a pause are a separate trial.
const slow = 250 * time.Millisecond

func trials() []trial {
	return []trial{
		{"nested maps, 12 MB", []string{"1200000 nested maps, application/x-protobuf HTTP gzip"}, 1, slow},
		{"nested arrays in JSON", []string{"1200000 nested arrays, application/json HTTP gzip"}, 1, slow},
		{"empty spans", []string{"4000000 empty spans, application/x-protobuf HTTP gzip"}, 1, slow},
		{"a delta point of 50,000 attributes", []string{"a delta point of 50,000 attributes, HTTP"}, 1, slow},
		{"a record of 90,000 attributes", []string{"a record of 90,000 attributes, HTTP"}, 1, slow},
		{"an envelope of 1.3 MB", []string{"3,000 records behind a resource of 1.3 MB, HTTP"}, 1, slow},
		{"large requests without a pause", []string{
			"1200000 nested maps, application/x-protobuf HTTP gzip", "a delta point of 50,000 attributes, HTTP",
			"a record of 90,000 attributes", "8 MB of noise",
		}, 4, 0},
		{"tiny calls with unread answers", []string{"20,000 tiny calls on each of 20 connections"}, 2, 0},
		{"unread answers", []string{"unread answers"}, 2, 0},
		{"tiny requests over HTTP, pipelined", []string{"tiny requests that are pipelined"}, 2, 0},
		{"requests without a format, pipelined", []string{"requests without a format that are pipelined"}, 2, 0},
		{"streams that are reset, no key", []string{"streams that are reset"}, 4, 0},
		{"pings and settings, no key", []string{"pings and settings"}, 4, 0},
		{"requests without a key, pipelined", []string{"refused requests that are pipelined"}, 2, 0},
		{"everything", []string{""}, 4, 0},
	}
}

// outcome is the result of a trial.
type outcome struct {
	trial
	quiet, attacked phase
	p50, p99        []float64 // ratios, one for each round
	answers         map[string]int
}

// measureLatency compares the latency of honest tenants with and without each kind of attack,
// alternately, and prints a table.
func measureLatency(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "hostile-")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Println("folder:", dir)
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer sink.Close()
	// Computing totals for this destination is the most expensive path.
	o.more = append(o.more,
		"yaml:exporters::tenant_routing::destinations::totals: {profile: prometheus, otlp_http: {endpoint: "+sink.URL+"}}",
		"yaml:exporters::tenant_routing::routes::metrics: [totals]",
	)
	g, err := startGateway(ctx, o, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	h := newHonest(g, o.rate)
	defer h.stop()
	fmt.Printf("%d honest tenants, %d requests a second; %d rounds of %v\n", o.tenants, o.rate, o.rounds, o.quiet)
	var all []outcome
	for _, t := range trials() {
		if !strings.Contains(t.name, o.only) {
			continue
		}
		out, err := t.run(ctx, g, h, o)
		if err != nil {
			return err
		}
		all = append(all, out)
		fmt.Printf("%s  %-40s p99 %v quiet, %v attacked, answers %v\n", time.Now().UTC().Format("15:04:05"), t.name,
			out.quiet.p99(), out.attacked.p99(), out.answers)
	}
	if len(all) == 0 {
		return fmt.Errorf("no kind of attack has a name with %q", o.only)
	}
	printOutcomes(all)
	fmt.Printf("memory of the gateway: %d MiB at most\n", g.peak>>20)
	var refused []error
	for _, out := range all {
		if err := out.attacked.refusals(); err != nil {
			refused = append(refused, fmt.Errorf("%s: %w", out.name, err))
		}
	}
	return errors.Join(append(refused, g.stop())...)
}

// warmUp is how long an attack, or the pause after it, lasts before a measurement begins.
const warmUp = time.Second

func (t trial) run(ctx context.Context, g *gateway, h *honest, o options) (outcome, error) {
	out := outcome{trial: t, answers: map[string]int{}}
	for range o.rounds {
		quiet, err := g.watch(ctx, h, o.quiet)
		if err != nil {
			return out, err
		}
		c, err := startChild(ctx, g, t, o)
		if err != nil {
			return out, err
		}
		attacked, err := g.watch(ctx, h, o.quiet)
		answers, stopErr := c.stop()
		if err := errors.Join(err, stopErr); err != nil {
			return out, err
		}
		for answer, n := range answers {
			out.answers[answer] += n
		}
		out.p50 = append(out.p50, ratio(&attacked, &quiet, 0.5))
		out.p99 = append(out.p99, ratio(&attacked, &quiet, 0.99))
		out.quiet.add(quiet)
		out.attacked.add(attacked)
	}
	return out, nil
}

func ratio(a, b *phase, q float64) float64 {
	return float64(a.quantile(q)) / float64(max(b.quantile(q), 1))
}

// watch returns the phase of the honest tenants for d, after warmUp.
func (g *gateway) watch(ctx context.Context, h *honest, d time.Duration) (phase, error) {
	if err := g.wait(ctx, warmUp); err != nil {
		return phase{}, err
	}
	h.phase()
	err := g.wait(ctx, d)
	return h.phase(), err
}

func printOutcomes(all []outcome) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nattack\tp50 quiet\tattacked\ttimes\tp99 quiet\tattacked\ttimes\tof each round\trequests\tnot accepted")
	for _, out := range all {
		var rounds []string
		for _, r := range out.p99 {
			rounds = append(rounds, fmt.Sprintf("%.1f", r))
		}
		fmt.Fprintf(w, "%s\t%v\t%v\t%.2f\t%v\t%v\t%.2f\t%s\t%d\t%d\n", out.name,
			out.quiet.quantile(0.5), out.attacked.quantile(0.5), median(out.p50), out.quiet.p99(), out.attacked.p99(), median(out.p99),
			strings.Join(rounds, " "), len(out.attacked.latencies), len(out.attacked.latencies)-out.attacked.answers["accepted"])
	}
	_ = w.Flush() // to the terminal
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}
