// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Command soak runs the built gateway for a while with tenants that come and go,
// and fails if anything in it grows with the tenants that are gone: goroutines,
// memory, open files, lanes, metric series. `make soak` runs it; it needs Linux.
//
// A few hundred tenants live at a time. Each generation of the registry file
// creates some, suspends, resumes and deletes others, and creates some that were
// deleted before. All send logs, metrics and traces to two destinations each,
// every tenant to endpoints of its own, a part of which refuse connections, hang,
// answer 503, or refuse permanently.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

type options struct {
	duration, warmUp time.Duration
	every            time.Duration // a generation of the registry
	sample           time.Duration
	churn            int // tenants that are gone at the end
	live             int // tenants at a time
	rate             int // requests a second
	build            string
	csv              string
	keep             bool
}

func main() {
	var o options
	flag.DurationVar(&o.duration, "duration", 18*time.Minute, "how long to run, warm-up included")
	// Idle connections are kept for five minutes, archive files likewise.
	flag.DurationVar(&o.warmUp, "warm-up", 7*time.Minute, "samples before this do not count")
	flag.DurationVar(&o.every, "generation", 2*time.Second, "time between two versions of the registry")
	flag.DurationVar(&o.sample, "sample", 10*time.Second, "time between two samples")
	flag.IntVar(&o.churn, "churn", 5000, "tenants that come and go")
	flag.IntVar(&o.live, "live", 300, "tenants at a time")
	flag.IntVar(&o.rate, "rate", 150, "requests a second")
	flag.StringVar(&o.build, "build", "_build", "folder of the built binaries")
	flag.StringVar(&o.csv, "csv", "", "file that receives the samples")
	flag.BoolVar(&o.keep, "keep", false, "keep the folder of the run")
	flag.Parse()
	os.Exit(run(o))
}

func run(o options) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := soak(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		return 1
	}
	return 0
}

func soak(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "soak-")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Println("folder:", dir)
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	b, err := startBackends()
	if err != nil {
		return err
	}
	defer b.close()
	reg := newChurn(filepath.Join(dir, "tenants.yaml"), o.live, b.endpoint)
	if err := reg.write(); err != nil {
		return err
	}
	g, err := startGateway(ctx, o.build, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.stop()) }()

	limited, cancel := context.WithTimeout(ctx, o.duration)
	defer cancel()
	l := newLoad(g.http, reg)
	loaded := make(chan struct{})
	go func() {
		defer close(loaded)
		l.run(limited, o.rate)
	}()
	samples, err := observe(limited, o, g, reg)
	cancel()
	<-loaded
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if o.csv != "" {
		if err := writeCSV(o.csv, samples); err != nil {
			return err
		}
	}
	fmt.Printf("%d tenants came and %d of them went in %d versions of the registry; requests by answer: %v; what backends did: %v\n",
		reg.created, reg.gone, reg.generation, l.answers(), b.counts())
	return errors.Join(l.check(), report(os.Stdout, samples, o.warmUp))
}

// maxFailed is how many samples in a row may fail.
const maxFailed = 5

// observe changes the registry and takes samples until ctx ends.
func observe(ctx context.Context, o options, g *gateway, reg *churn) ([]sample, error) {
	began := time.Now()
	change, look := time.NewTicker(o.every), time.NewTicker(o.sample)
	defer change.Stop()
	defer look.Stop()
	var samples []sample
	failed := 0
	for {
		select {
		case <-ctx.Done():
			return samples, nil
		case <-g.Done():
			return nil, fmt.Errorf("the gateway ended: %s", g.Tail(4000))
		case <-change.C:
			// As many are gone as the clock says, however slow the machine is.
			due := int(float64(o.churn) * time.Since(began).Seconds() / o.duration.Seconds())
			if err := reg.next(due); err != nil {
				return nil, err
			}
		case <-look.C:
			s, err := g.sample(ctx)
			if ctx.Err() != nil {
				return samples, nil
			}
			// The metrics have five seconds to be written, which a machine that is busy
			// with other things may need more than.
			if failed++; err != nil && failed < maxFailed {
				fmt.Fprintln(os.Stderr, "no sample:", err)
				continue
			}
			if err != nil {
				return nil, err
			}
			failed = 0
			s.at, s.gone = time.Since(began), reg.gone
			samples = append(samples, s)
			fmt.Println(s)
		}
	}
}
