// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// gateway is the built gateway with its tenants.
type gateway struct {
	*process.Process
	grpc, http string
	honest     []account
	hostile    []account
	group      *cgroup // nil: no memory limit
	peak       int64   // bytes of resident memory
}

type account struct{ tenant, key string }

const hostileTenants = 3

func startGateway(ctx context.Context, o options, dir string) (*gateway, error) {
	free, err := process.FreeAddresses(4)
	if err != nil {
		return nil, err
	}
	g := &gateway{grpc: free[0], http: free[1]}
	tenants := filepath.Join(dir, "tenants.yaml")
	for n := range o.tenants + hostileTenants {
		a := account{tenant: fmt.Sprintf("tenant-%d", n)}
		if a.key, err = createTenant(ctx, o.build, tenants, a.tenant); err != nil {
			return nil, err
		}
		if n < o.tenants {
			g.honest = append(g.honest, a)
		} else {
			g.hostile = append(g.hostile, a)
		}
	}
	var args []string
	for _, config := range append([]string{o.config}, o.more...) {
		args = append(args, "--config", config)
	}
	set := process.Settings{
		Path: filepath.Join(o.build, "otelcol-tenant"), Args: args,
		Env: map[string]string{
			"TENANTS_FILE": tenants, "DATA_DIR": filepath.Join(dir, "data"), "STATE_DIR": filepath.Join(dir, "state"),
			"OTLP_GRPC_ENDPOINT": free[0], "OTLP_HTTP_ENDPOINT": free[1], "HEALTH_ENDPOINT": free[2], "METRICS_PORT": process.Port(free[3]),
		},
		Health: "http://" + free[2] + "/health", LogFile: filepath.Join(dir, "gateway.log"),
	}
	for pair := range strings.SplitSeq(o.env, ",") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			set.Env[name] = value
		}
	}
	if o.memory > 0 {
		if g.group, err = newCgroup(o.memory << 20); err != nil {
			return nil, fmt.Errorf("limiting memory (-memory 0 sets no limit): %w", err)
		}
		set.Path, set.Args = g.group.command(set.Path, set.Args)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if g.Process, err = process.Start(ctx, set); err != nil {
		return nil, errors.Join(err, g.group.remove())
	}
	return g, nil
}

func createTenant(ctx context.Context, build, registry, name string) (key string, err error) {
	ctl := filepath.Join(build, "tenantctl")
	if out, err := exec.CommandContext(ctx, ctl, "--registry", registry, "tenant", "create", name).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	out, err := exec.CommandContext(ctx, ctl, "--registry", registry, "-o", "json", "key", "create", name).Output()
	if err != nil {
		return "", fmt.Errorf("creating a key of %s: %w", name, err)
	}
	var made struct{ Key string }
	return made.Key, errors.Join(json.Unmarshal(out, &made))
}

// wait waits for d. It returns an error if the gateway or ctx ends earlier. It records the peak of
// the memory.
func (g *gateway) wait(ctx context.Context, d time.Duration) error {
	over := time.After(d)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return nil
		case <-tick.C:
			g.peak = max(g.peak, g.resident())
		case <-g.Done():
			return fmt.Errorf("the gateway has ended:\n%s", g.Tail(4000))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// resident returns the resident memory in bytes, or 0 if it is unknown.
func (g *gateway) resident() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", g.Pid()))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

func (g *gateway) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return g.Stop(ctx)
}

// close kills the gateway if it runs, and removes its cgroup.
func (g *gateway) close() error { return errors.Join(g.Kill(), g.group.remove()) }
