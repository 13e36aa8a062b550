// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Command benchgateway compares the built gateway with a contrib gateway for the same tenants
// (bearertokenauth, routing connector, one otlp_http exporter per tenant), and prints what the same
// requests cost each of them. Runs are interleaved and medians are printed, because the speed of a
// machine changes. CPU time is that of the gateway's process, so other processes and the load
// generator do not count. With -isolation it measures latencies, which do depend on other processes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	build       string
	subjects    string
	tenants     string
	scale       string
	requests    int
	runs        int
	workers     int
	compression string
	level       int
	batch       string
	profile     string
	env         string

	isolation      bool
	isolationRate  float64
	isolationFlood float64
	isolationTime  time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.build, "build", "_build", "folder of the built gateways")
	flag.StringVar(&o.subjects, "subjects", "contrib,memory,contrib-durable,durable", "gateways to compare: contrib, contrib-batch, contrib-durable, memory, durable; ratios are relative to the first")
	flag.StringVar(&o.tenants, "tenants", "100,1000", "numbers of tenants of the comparison; empty: none")
	flag.StringVar(&o.scale, "scale", "10,10000", "numbers of tenants of the run that measures growth and idle cost of otelcol-tenant; empty: none")
	flag.IntVar(&o.requests, "requests", 10_000, "requests of a run, 100 records each")
	flag.IntVar(&o.runs, "runs", 3, "runs of each subject")
	flag.IntVar(&o.workers, "workers", 8, "requests in flight")
	flag.StringVar(&o.compression, "compression", "gzip", "compression of the requests to backends: gzip (the default of both), zstd or none")
	flag.IntVar(&o.level, "level", 0, "compression_params::level of the requests to backends; 0: the default of each gateway")
	flag.StringVar(&o.batch, "batch", "100ms", "lane::batch::timeout of otelcol-tenant; 100ms is the default")
	flag.StringVar(&o.profile, "profile", "", "folder for CPU profiles of the runs; profiling itself costs a little")
	flag.StringVar(&o.env, "env", "", "additional environment of otelcol-tenant, NAME=value,NAME=value; GOGC for example")
	flag.BoolVar(&o.isolation, "isolation", false, "measure how failures of some tenants affect the latency of the others")
	flag.Float64Var(&o.isolationRate, "isolation-rate", 4, "requests per second of each of a hundred tenants")
	flag.Float64Var(&o.isolationFlood, "isolation-flood", 20, "multiple of its share that the flooding tenant sends")
	flag.DurationVar(&o.isolationTime, "isolation-time", 15*time.Second, "length of a run, after a warm-up of 2 s")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchgateway:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.isolation && (o.isolationRate <= 0 || o.isolationFlood < 1 || o.isolationTime < time.Second) {
		return errors.New("-isolation-rate must be positive, -isolation-flood at least 1, -isolation-time at least 1s")
	}
	if o.runs < 1 || o.requests < 1 || o.workers < 1 {
		return errors.New("-runs, -requests and -workers must be positive")
	}
	sizes, err := numbers(o.tenants)
	if err != nil {
		return fmt.Errorf("-tenants: %w", err)
	}
	scale, err := numbers(o.scale)
	if err != nil {
		return fmt.Errorf("-scale: %w", err)
	}
	build, err := filepath.Abs(o.build)
	if err != nil {
		return err
	}
	var subjects []subject
	for name := range strings.SplitSeq(o.subjects, ",") {
		if o.isolation && strings.HasPrefix(name, "contrib") {
			continue
		}
		s, err := newSubject(strings.TrimSpace(name), build, o)
		if err != nil {
			return err
		}
		subjects = append(subjects, s)
	}
	if o.isolation {
		fmt.Printf("%s; %d runs of %s\n\n", machine(), o.runs, o.isolationTime)
		w := &isolation{
			bench: &bench{options: o, dir: filepath.Join(build, "benchisolation"), bodies: payloads()},
			rate:  o.isolationRate, flood: o.isolationFlood, time: o.isolationTime,
		}
		return w.run(ctx, subjects)
	}
	b := &bench{options: o, dir: filepath.Join(build, "benchgateway"), bodies: payloads()}
	fmt.Printf("%s; %d requests of %d records (about %d bytes) a run, %d runs, %d in flight, compression %s\n\n",
		machine(), o.requests, recordsPerRequest, len(b.bodies[0]), o.runs, o.workers, o.compression)
	for _, n := range sizes {
		if err := b.compare(ctx, subjects, n); err != nil {
			return err
		}
	}
	if len(scale) == 0 {
		return nil
	}
	ours := slices.DeleteFunc(slices.Clone(subjects), func(s subject) bool { return s.name != "memory" })
	if len(ours) == 0 {
		return errors.New("-scale needs the subject memory")
	}
	// Requests of few tenants are merged before they are sent, and those of many tenants are not.
	// The second run without merging shows the cost of a tenant alone. contrib merges none.
	alone := ours[0]
	alone.batch = "1ms"
	alone.title += ", nothing merged"
	return errors.Join(b.grow(ctx, ours[0], scale), b.grow(ctx, alone, scale))
}
