// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Command benchpm2 compares the pm2 receiver with contrib's filelog receiver: the
// same files, the same exporter, in turn, with CPU time and memory from the kernel.
//
//	go run ./testbed/benchpm2 -mb 200 -runs 5
//
// Modes: nop and otlp read files as fast as can be, to nowhere and to an OTLP server;
// paced appends lines at a rate, to an OTLP server; latency does the same without a
// queue and measures from the write of a line to the arrival of its record.
//
// With other configurations it compares other things, such as how an agent delivers:
// make bench-delivery.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

func main() {
	var b bench
	flag.StringVar(&b.ours.binary, "ours", "_build/otelcol-tenant", "binary with the pm2 receiver")
	flag.StringVar(&b.baseline.binary, "baseline", "_build/baseline/otelcol-baseline", "binary with contrib's filelog receiver")
	flag.StringVar(&b.ours.config, "config", "testbed/baseline/pm2.yaml", "configuration of the pm2 receiver")
	flag.StringVar(&b.baseline.config, "baseline-config", "testbed/baseline/config.yaml", "configuration of the filelog receiver")
	flag.StringVar(&b.corpus, "corpus", "testdata/pm2", "folder with PM2 log files")
	flag.IntVar(&b.runs, "runs", 5, "runs of each")
	flag.IntVar(&b.rate, "rate", 10_000, "lines a second of paced")
	flag.IntVar(&b.latencyRate, "latency-rate", 5_000, "lines a second of latency")
	flag.DurationVar(&b.duration, "duration", 20*time.Second, "how long paced and latency write in a run")
	flag.StringVar(&b.ours.name, "name", "pm2", "how the first subject is called")
	flag.StringVar(&b.baseline.name, "baseline-name", "filelog", "how the other one is called")
	mb := flag.Int64("mb", 200, "megabytes of log files that nop and otlp read in a run")
	modes := flag.String("modes", "nop,otlp,paced,latency", "what to measure")
	flag.Parse()
	b.size = *mb << 20
	if err := b.run(strings.Split(*modes, ",")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type bench struct {
	ours, baseline    subject
	corpus            string
	runs              int
	rate, latencyRate int
	duration          time.Duration
	size              int64

	records [][]byte // of the corpus, as lines of files
}

func (b *bench) run(modes []string) error {
	var err error
	if b.records, err = records(b.corpus); err != nil {
		return err
	}
	fmt.Printf("%d runs of each in turn; %s, %d CPUs\n", b.runs, cpuModel(), runtime.NumCPU())
	for _, mode := range modes {
		switch mode {
		case "nop":
			err = b.bulk("nop")
		case "otlp":
			err = b.bulk("otlp_http")
		case "paced":
			err = b.paced()
		case "latency":
			err = b.latency()
		default:
			err = fmt.Errorf("there is no mode %q", mode)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", mode, err)
		}
	}
	return nil
}

// inTurn runs both subjects by turns.
func (b *bench) inTurn(once func(*subject) (result, error)) (ours, baseline []result, err error) {
	for range b.runs {
		for _, s := range []*subject{&b.ours, &b.baseline} {
			r, err := once(s)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", s.name, err)
			}
			if s == &b.ours {
				ours = append(ours, r)
			} else {
				baseline = append(baseline, r)
			}
		}
	}
	return ours, baseline, nil
}

// bulk reads files that are there already.
func (b *bench) bulk(exporter string) error {
	dir, err := os.MkdirTemp("", "benchpm2")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	manifest, err := inflate(dir, b.records, b.size)
	if err != nil {
		return err
	}
	ours, baseline, err := b.inTurn(func(s *subject) (result, error) {
		run, err := s.start(dir, exporter)
		if err != nil {
			return result{}, err
		}
		defer run.stop()
		if err := run.await(manifest.lines); err != nil {
			return result{}, err
		}
		return run.measure(manifest.lines)
	})
	if err != nil {
		return err
	}
	o, t := median(ours), median(baseline)
	fmt.Printf("\nTo %s: %d MB, %d lines in %d files\n\n", exporter, manifest.bytes/1e6, manifest.lines, len(loggers))
	fmt.Println("| receiver | CPU s per million records | MB/s per core | allocations per record | bytes allocated per record | peak RSS MiB | peak of own memory MiB | elapsed s |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|---:|")
	for _, x := range []struct {
		name string
		r    result
	}{{b.ours.name, o}, {b.baseline.name, t}} {
		n := float64(manifest.lines)
		fmt.Printf("| %s | %.2f | %.1f | %.1f | %.0f | %.0f | %.0f | %.1f |\n", x.name, x.r.cpu/n*1e6, float64(manifest.bytes)/1e6/x.r.cpu,
			x.r.mallocs/n, x.r.allocated/n, x.r.rss, x.r.own, x.r.elapsed)
	}
	fmt.Printf("| ratio | 1/%.1f | %.1f | 1/%.0f | 1/%.1f | %.2f | %.2f | |\n", t.cpu/o.cpu, t.cpu/o.cpu, t.mallocs/o.mallocs, t.allocated/o.allocated, o.rss/t.rss, o.own/t.own)
	return nil
}
