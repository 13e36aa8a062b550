// Command tenantctl is the operator's tool for the tenants of a gateway: it
// makes and changes tenants and their keys in the registry, from which running
// gateways take every change within a second, and prints what a new tenant
// needs to send data.
//
// It exits with 0 when it did what was asked, 1 when it could not, and 2 when
// it was not called as its help says.
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
