// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Command tenantctl is the operator's tool for the tenants of a gateway. It
// creates and changes tenants and their keys in the registry, from which running
// gateways apply every change within a second, and prints what a new tenant
// needs to send data.
//
// It exits with 0 on success, with 1 on failure, and with 2 if it was not called
// as its help describes.
//
// This package holds the command line, the output and the exit codes. The actions
// are in internal/operate.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}
