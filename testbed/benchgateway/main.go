// Command benchgateway runs the built gateway beside a contrib gateway of the
// same shape (bearertokenauth, routing connector, one otlp_http exporter per
// tenant) and prints what the same requests cost each of them. Runs are
// interleaved and medians are printed, since a machine's speed drifts. CPU is the
// process's own, so that other work on the machine and the driver do not count.
// With -wall it measures latencies instead, which do depend on what else the
// machine does.
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

// options is what the command line says.
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

	wall      bool
	wallRate  float64
	wallFlood float64
	wallTime  time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.build, "build", "_build", "folder of the built gateways")
	flag.StringVar(&o.subjects, "subjects", "contrib,memory,contrib-durable,durable", "what to compare: contrib, contrib-batch, contrib-durable, memory, durable; the first is what ratios refer to")
	flag.StringVar(&o.tenants, "tenants", "100,1000", "numbers of tenants of the comparison; empty: none")
	flag.StringVar(&o.scale, "scale", "10,10000", "numbers of tenants of our own run for growth and idle cost; empty: none")
	flag.IntVar(&o.requests, "requests", 10_000, "requests of a run, 100 records each")
	flag.IntVar(&o.runs, "runs", 3, "runs of each subject")
	flag.IntVar(&o.workers, "workers", 8, "requests in flight")
	flag.StringVar(&o.compression, "compression", "gzip", "of what the gateways send: gzip (the default of both), zstd or none")
	flag.IntVar(&o.level, "level", 0, "compression_params::level of what the gateways send; 0: the default of each")
	flag.StringVar(&o.batch, "batch", "100ms", "our lane::batch::timeout; 100ms is the default")
	flag.StringVar(&o.profile, "profile", "", "folder for CPU profiles of the runs; they cost a little themselves")
	flag.StringVar(&o.env, "env", "", "environment of our gateway beside the shipped one, NAME=value,NAME=value; GOGC for example")
	flag.BoolVar(&o.wall, "wall", false, "measure instead what innocent tenants notice of the trouble of others")
	flag.Float64Var(&o.wallRate, "wall-rate", 4, "requests per second of each of a hundred tenants")
	flag.Float64Var(&o.wallFlood, "wall-flood", 20, "how many times its share the flooding tenant sends")
	flag.DurationVar(&o.wallTime, "wall-time", 15*time.Second, "length of a run, after a warm-up of 2 s")
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
	if o.wall && (o.wallRate <= 0 || o.wallFlood < 1 || o.wallTime < time.Second) {
		return errors.New("-wall-rate must be positive, -wall-flood at least 1, -wall-time at least 1s")
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
		if o.wall && strings.HasPrefix(name, "contrib") {
			continue
		}
		s, err := newSubject(strings.TrimSpace(name), build, o)
		if err != nil {
			return err
		}
		subjects = append(subjects, s)
	}
	if o.wall {
		fmt.Printf("%s; %d runs of %s\n\n", machine(), o.runs, o.wallTime)
		w := &wall{
			bench: &bench{options: o, dir: filepath.Join(build, "benchwall"), bodies: payloads()},
			rate:  o.wallRate, flood: o.wallFlood, time: o.wallTime,
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
	// A few tenants' requests are merged on the way out and those of many are not,
	// which says nothing of what a tenant costs. contrib merges none.
	alone := ours[0]
	alone.batch = "1ms"
	alone.title += ", nothing merged"
	return errors.Join(b.grow(ctx, ours[0], scale), b.grow(ctx, alone, scale))
}
