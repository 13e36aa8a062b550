// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Command demo runs the main job on one machine: PM2 log files of two tenants, two edge
// agents, one gateway, and one archive per tenant. With -smoke it asserts the result and
// exits with status 0 or 1.
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

func main() {
	smoke := flag.Bool("smoke", false, "assert the result instead of showing it, then exit")
	build := flag.String("build", "_build", "folder with the binaries of make build")
	corpus := flag.String("corpus", filepath.Join("testdata", "pm2"), "folder with PM2 log files")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *build, *corpus, *smoke)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, build, corpus string, smoke bool) (err error) {
	name := "demo"
	if smoke {
		name = "smoke"
	}
	s, err := newStage(build, name, smoke)
	if err != nil {
		return err
	}
	defer func() {
		stopCtx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		err = errors.Join(err, s.stop(stopCtx))
	}()
	startCtx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := s.start(startCtx); err != nil {
		if ctx.Err() != nil {
			return nil // Ctrl-C while starting
		}
		return err
	}
	if smoke {
		smokeCtx, cancel := context.WithTimeout(ctx, 45*time.Second)
		defer cancel()
		return runSmoke(smokeCtx, s, corpus)
	}
	return show(ctx, s, corpus)
}
