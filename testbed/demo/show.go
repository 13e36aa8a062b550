// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

const intro = `
  PM2 home of %[1]s ─► agent ═╗
                                 ╠═► gateway ─► archive, one folder per tenant
  PM2 home of %[2]s ─► agent ═╝

Send your own telemetry as %[1]s (paste, then start any OpenTelemetry SDK):

  export OTEL_EXPORTER_OTLP_ENDPOINT=http://%[3]s
  export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
  export OTEL_EXPORTER_OTLP_HEADERS="Authorization=%[4]s"

Received data by tenant (Ctrl-C stops everything):

`

// show writes the corpus slowly enough to follow and prints what arrives, until ctx is done
// or a collector exits.
func show(ctx context.Context, s *stage, corpus string) error {
	a, b := s.sites[0], s.sites[1]
	fmt.Printf(intro, a.tenant, b.tenant, s.otlpHTTP, url.PathEscape("Bearer "+a.key))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, p := range s.running {
		go func() {
			select {
			case <-p.Done():
				cancel(fmt.Errorf("a collector exited unexpectedly:\n%s", p.Tail(2000)))
			case <-ctx.Done():
			}
		}()
	}
	want := map[string]int{}
	for _, x := range s.sites {
		var err error
		if want[x.tenant], err = recordsOf(x, corpus); err != nil {
			return err
		}
	}
	fed := make(chan error, len(s.sites))
	for _, x := range s.sites {
		go func() { fed <- feed(ctx, x, corpus, 60*time.Millisecond) }()
	}
	err := watch(ctx, s, want)
	cancel(nil)
	for range s.sites {
		err = errors.Join(err, <-fed)
	}
	return err
}

// watch prints the counts of received data until ctx is done, and then the tenants' folders. want are the
// records of the corpus by tenant.
func watch(ctx context.Context, s *stage, want map[string]int) error {
	ids := make([]string, len(s.sites))
	for n, x := range s.sites {
		ids[n] = x.tenant
	}
	b := board{out: os.Stdout, terminal: isTerminal(os.Stdout), now: time.Now}
	reader, counts := archive.NewReader(s.data), tallies{}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if err := reader.Poll(counts.handler()); err != nil {
			return err
		}
		b.complete = b.complete || counts.have(want)
		b.show(ids, counts)
		for _, id := range ids {
			if t := counts[id]; t != nil && len(t.strays) > 0 {
				return fmt.Errorf("ISOLATION BROKEN: %s", strings.Join(t.strays, "; "))
			}
		}
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
				return cause
			}
			b.summary(ids, counts)
			fmt.Println("\nstopping the agents, then the gateway")
			return nil
		case <-tick.C:
		}
	}
}
