// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// site is the machine of one tenant: a PM2 home and an agent.
type site struct {
	tenant, title string
	files         []string // names in the corpus
	key           string
	home          string // the PM2 home
	otlp          string // the agent's OTLP/HTTP address
}

// stage is one run of the demonstration with its processes.
type stage struct {
	bin, dir string
	lock     *flock.Flock // held while it runs, because a new run clears dir
	exact    bool         // agents emit one record per line, so that records can be counted
	data     string
	otlpGRPC string // the gateway's
	otlpHTTP string
	sites    []*site
	running  []*process.Process
}

func newStage(build, name string, exact bool) (*stage, error) {
	bin, err := filepath.Abs(build)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(bin, name)
	lock := flock.New(dir + ".lock")
	switch free, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	case !free:
		return nil, fmt.Errorf("another demonstration is running in %s: stop it first", dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("clearing the last run: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &stage{
		bin: bin, dir: dir, lock: lock, exact: exact, data: filepath.Join(dir, "data"),
		sites: []*site{
			{tenant: "tenant-a", title: "Tenant A Ltd", files: []string{"orders-api-out.log", "orders-api-error.log", "billing-out.log", "billing-error.log", "catalog-out.log"}},
			{tenant: "tenant-b", title: "Tenant B GmbH", files: []string{"notifier-out.log", "legacy-out.log", "legacy-error.log", "legacy-text-out.log", "burst-error.log"}},
		},
	}, nil
}

func (s *stage) start(ctx context.Context) error {
	for _, x := range s.sites {
		if err := s.register(ctx, x); err != nil {
			return err
		}
	}
	if err := s.startGateway(ctx); err != nil {
		return err
	}
	for _, x := range s.sites {
		if err := s.startAgent(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) registry() string { return filepath.Join(s.dir, "tenants.yaml") }

// tenantctl runs tenantctl and decodes its JSON output into v.
func (s *stage) tenantctl(ctx context.Context, v any, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "tenantctl"), append([]string{"--registry", s.registry(), "-o", "json"}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return fmt.Errorf("tenantctl %v: %w", args, err)
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(out, v)
}

func (s *stage) register(ctx context.Context, x *site) error {
	if err := s.tenantctl(ctx, nil, "tenant", "create", x.tenant, "--name", x.title); err != nil {
		return err
	}
	var made struct {
		Key string `json:"key"`
	}
	if err := s.tenantctl(ctx, &made, "key", "create", x.tenant, "--description", "demo"); err != nil {
		return err
	}
	x.key = made.Key
	return nil
}

func (s *stage) startGateway(ctx context.Context) error {
	s.otlpGRPC, s.otlpHTTP = usual("127.0.0.1:4317"), usual("127.0.0.1:4318")
	return s.collector(ctx, "gateway", "distributions/gateway/config.yaml", map[string]string{
		"TENANTS_FILE":       s.registry(),
		"DATA_DIR":           s.data,
		"OTLP_GRPC_ENDPOINT": s.otlpGRPC,
		"OTLP_HTTP_ENDPOINT": s.otlpHTTP,
	})
}

func (s *stage) startAgent(ctx context.Context, x *site) error {
	x.home = filepath.Join(s.dir, x.tenant, "pm2")
	if err := os.MkdirAll(filepath.Join(x.home, "logs"), 0o700); err != nil {
		return err
	}
	free, err := process.FreeAddresses(2)
	if err != nil {
		return err
	}
	x.otlp = free[1]
	var extra []string
	if s.exact {
		extra = []string{"--config", "yaml:receivers::pm2::stack_traces: separate"}
	}
	return s.collector(ctx, "agent-"+x.tenant, agentConfig, map[string]string{
		"BUSINESS_ID":        x.tenant,
		"TENANT_KEY":         x.key,
		"DEPLOY_ENV":         "demo",
		"GATEWAY_ENDPOINT":   "http://" + s.otlpHTTP,
		"PM2_HOME":           x.home,
		"OTLP_GRPC_ENDPOINT": free[0],
		"OTLP_HTTP_ENDPOINT": x.otlp,
	}, extra...)
}

const agentConfig = "distributions/agent/config.yaml"

// collector starts one collector with a shipped configuration, its state below the stage's
// folder, and its servers on free loopback ports.
func (s *stage) collector(ctx context.Context, name, config string, env map[string]string, args ...string) error {
	free, err := process.FreeAddresses(2)
	if err != nil {
		return err
	}
	state := filepath.Join(s.dir, name)
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	env["STATE_DIR"] = filepath.Join(state, "state")
	env["HEALTH_ENDPOINT"] = free[0]
	env["METRICS_PORT"] = process.Port(free[1])
	health := "/health"
	if config == agentConfig {
		health = "/health/live" // no PM2 daemon runs here, so /health of an agent answers 503
	}
	p, err := process.Start(ctx, process.Settings{
		Path:    filepath.Join(s.bin, "otelcol-tenant"),
		Args:    append([]string{"--config", config}, args...),
		Env:     env,
		Ready:   "Everything is ready",
		Health:  "http://" + free[0] + health,
		LogFile: filepath.Join(state, "collector.log"),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.running = append(s.running, p)
	return nil
}

// stop stops the agents before the gateway, so that they can deliver their data.
func (s *stage) stop(ctx context.Context) error {
	var errs []error
	for i := len(s.running) - 1; i >= 0; i-- {
		errs = append(errs, s.running[i].Stop(ctx))
	}
	return errors.Join(append(errs, s.lock.Unlock())...)
}

// usual returns addr if nothing listens on it, otherwise a free address.
func usual(addr string) string {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		if free, err := process.FreeAddresses(1); err == nil {
			return free[0]
		}
		return addr
	}
	_ = l.Close()
	return addr
}
