// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// backend is a target that prints what it gets.
type backend struct{ name string }

func (b *backend) Endpoint() string    { return b.name }
func (b *backend) Bounds() lane.Bounds { return lane.Bounds{} }

func (b *backend) Send(_ context.Context, batch *lane.Batch) lane.Result {
	for _, data := range batch.Payloads {
		fmt.Printf("%s got %q from %s\n", b.name, data, batch.Key.Tenant)
	}
	return lane.Result{Verdict: lane.Delivered}
}

func config() lane.Config {
	return lane.Config{
		MaxBytes: 1 << 20, MaxAge: time.Hour, BatchMaxBytes: 1 << 16, Concurrency: 1,
		RetryInitial: time.Second, RetryMax: time.Minute, BreakerFailures: 5, BreakerOpen: 10 * time.Second,
		MaxTotalBytes: 1 << 24, EndpointConcurrency: 4, InFlight: 16, IdleTimeout: time.Minute,
	}
}

func part(id tenant.ID, data string, target lane.Target) lane.Part {
	return lane.Part{
		Payload: &lane.Payload{Tenant: id, Signal: tenant.Logs, Records: 1, Data: []byte(data), Size: len(data)},
		Routes:  []lane.Route{{Destination: "loki", Target: target}},
	}
}

func Example() {
	s := lane.NewScheduler(lane.Settings{Config: config(), Logger: zap.NewNop()})
	s.Start()
	if err := s.Offer(context.Background(), []lane.Part{part("acme", "an encoded request", &backend{"loki"})}); err != nil {
		fmt.Println("rejected:", err)
	}
	s.Shutdown(context.Background()) // without a store it delivers what is queued
	// Output: loki got "an encoded request" from acme
}

func ExampleScheduler_Offer() {
	cfg := config()
	cfg.MaxBytes = 16
	s := lane.NewScheduler(lane.Settings{Config: cfg, Logger: zap.NewNop()})
	loki := &backend{"loki"}
	for _, data := range []string{"0123456789", "9876543210", "more than any lane holds"} { // no attempt before Start
		err := s.Offer(context.Background(), []lane.Part{part("acme", data, loki)})
		var full *lane.FullError
		var large *lane.TooLargeError
		switch {
		case errors.As(err, &full):
			fmt.Println("try again later:", err)
		case errors.As(err, &large):
			fmt.Println("give up:", err)
		default:
			fmt.Println("accepted")
		}
	}
	// Output:
	// accepted
	// try again later: the logs queue of the tenant is full (lane::max_bytes: 16)
	// give up: request of 24 bytes is larger than the tenant's queue (lane::max_bytes: 16)
}

func ExampleScheduler_Observe() {
	s := lane.NewScheduler(lane.Settings{Config: config(), Logger: zap.NewNop(), PerTenant: true})
	if err := s.Offer(context.Background(), []lane.Part{part("acme", "data", &backend{"loki"})}); err != nil {
		fmt.Println("rejected:", err)
	}
	for key, st := range s.Observe() {
		fmt.Println(key.Tenant, key.Destination, key.Signal, "queued:", st.QueuedRecords, "breakers closed:", st.Breakers[lane.BreakerClosed])
	}
	// Output: acme loki logs queued: 1 breakers closed: 1
}
