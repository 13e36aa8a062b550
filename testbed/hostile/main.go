// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Command hostile runs the shipped gateway in a memory cgroup, and sends it a random mix of all
// attacks, with and without a valid key, while honest tenants send requests. It fails if the process
// ends, if acknowledged data is missing or stored as another tenant's, or if an honest request is
// refused. `make hostile` runs it. It needs Linux and, for the memory limit, root.
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

	"github.com/otelcol-tenant/otelcol-tenant/testbed/attack"
)

type options struct {
	duration, quiet time.Duration
	tenants, rate   int
	attackers       int
	memory          int64 // MiB; 0: no limit
	build, config   string
	only            string
	keep            bool
	latency         bool
	rounds          int
	more            []string // additional configurations
	env             string   // additional environment of the gateway
	attacker        string   // the command that starts an attacking process
}

func main() {
	var o options
	flag.DurationVar(&o.duration, "duration", 20*time.Minute, "how long to attack")
	flag.DurationVar(&o.quiet, "quiet", time.Minute, "how long to measure without attacks first")
	flag.IntVar(&o.tenants, "tenants", 50, "honest tenants")
	flag.IntVar(&o.rate, "rate", 200, "requests a second of all honest tenants together")
	flag.IntVar(&o.attackers, "attackers", 4, "concurrent attacks; each uses the key of one of three hostile tenants, or none")
	flag.Int64Var(&o.memory, "memory", 512, "memory limit of the gateway in MiB; 0: none")
	flag.StringVar(&o.build, "build", "_build", "folder of the built binaries")
	flag.StringVar(&o.config, "config", "distributions/gateway/config.yaml", "configuration of the gateway")
	flag.StringVar(&o.only, "only", "", "send only attacks whose name contains this")
	flag.BoolVar(&o.keep, "keep", false, "keep the folder of the run")
	flag.BoolVar(&o.latency, "latency", false, "measure the latency of honest requests with and without each kind of attack, alternately, for the time of -quiet")
	flag.IntVar(&o.rounds, "rounds", 3, "with -latency: rounds of each kind of attack")
	flag.StringVar(&o.env, "env", "", "additional environment of the gateway, NAME=value,NAME=value; GOGC for example")
	flag.StringVar(&o.attacker, "attacker", "chrt --idle 0", "with -latency: the command that starts the attacking process, if it is installed")
	asChild := flag.Bool("child", false, "attack as the order on standard input requires (used by -latency)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	run := soak
	switch {
	case *asChild:
		run = func(context.Context, options) error { return runChild(os.Stdin, os.Stdout) }
	case o.latency:
		run = measureLatency
	}
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

var size = attack.Size{Levels: 1_200_000, Elements: 4_000_000, Bomb: 500 << 20, Connections: 64, Stall: 3 * time.Second}

func soak(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "hostile-")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Println("folder:", dir)
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	g, err := startGateway(ctx, o, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close()) }()

	h := newHonest(g, o.rate)
	defer h.stop()
	fmt.Printf("%d honest tenants, %d requests a second; measuring for %v without attacks\n", o.tenants, o.rate, o.quiet)
	if err := g.wait(ctx, o.quiet); err != nil {
		return err
	}
	calm := h.phase()
	calm.print("quiet")

	kinds := slices.DeleteFunc(attack.All(size), func(a attack.Attack) bool { return !strings.Contains(a.Name, o.only) })
	if len(kinds) == 0 {
		return fmt.Errorf("no attack has a name with %q", o.only)
	}
	a := newAttackers(g.order(o.attackers, 0), kinds)
	fmt.Printf("%d attacks of %d kinds at a time for %v\n", o.attackers, len(a.kinds), o.duration)
	var worst phase
	for left := o.duration; left > 0; left -= time.Minute {
		err = g.wait(ctx, min(left, time.Minute))
		now := h.phase()
		now.print("hostile")
		fmt.Printf("           %d attacks so far, memory %d MiB now, %d MiB at most\n", a.count(), g.resident()>>20, g.peak>>20)
		worst.add(now)
		if err != nil {
			break
		}
	}
	a.stop()
	h.stop()
	a.print()
	worst.print("all hostile minutes")
	fmt.Printf("p99 of honest requests: %v quiet, %v under attack (%.1f times)\n", calm.p99(), worst.p99(), float64(worst.p99())/float64(calm.p99()))
	if err != nil {
		return err
	}
	err = verify(ctx, filepath.Join(dir, "data"), h.acknowledged())
	return errors.Join(worst.refusals(), err, g.stop())
}
