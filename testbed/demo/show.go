package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

const intro = `
  PM2 home of %[1]s ─► agent ═╗
                                 ╠═► gateway ─► archive, a folder a tenant
  PM2 home of %[2]s ─► agent ═╝

Send your own telemetry as %[1]s (paste, then start any OpenTelemetry SDK):

  export OTEL_EXPORTER_OTLP_ENDPOINT=http://%[3]s
  export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
  export OTEL_EXPORTER_OTLP_HEADERS="Authorization=%[4]s"

What arrives, by tenant (Ctrl-C ends everything):

`

// show plays the corpus at a watchable pace and prints what arrives until ctx
// is done or a collector ends by itself.
func show(ctx context.Context, s *stage, corpus string) error {
	a, b := s.sites[0], s.sites[1]
	fmt.Printf(intro, a.tenant, b.tenant, s.otlpHTTP, url.PathEscape("Bearer "+a.key))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, p := range s.running {
		go func() {
			select {
			case <-p.Done():
				cancel(fmt.Errorf("a collector ended by itself:\n%s", p.Tail(2000)))
			case <-ctx.Done():
			}
		}()
	}
	fed := make(chan error, len(s.sites))
	for _, x := range s.sites {
		go func() { fed <- feed(ctx, x, corpus, 60*time.Millisecond) }()
	}
	err := watch(ctx, s)
	cancel(nil)
	for range s.sites {
		err = errors.Join(err, <-fed)
	}
	return err
}

// watch prints a line per tenant whenever something has arrived.
func watch(ctx context.Context, s *stage) error {
	reader, counts := archive.NewReader(s.data), tallies{}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := map[string]string{}
	for {
		if err := reader.Poll(counts.handler()); err != nil {
			return err
		}
		for _, x := range s.sites {
			t := counts[x.tenant]
			if t == nil {
				continue
			}
			if line := describe(x.tenant, t); line != last[x.tenant] {
				fmt.Printf("%s  %s\n", time.Now().Format(time.TimeOnly), line)
				if last[x.tenant] == "" {
					fmt.Printf("%9s its files are in %s\n", "", relative(t.folder))
				}
				last[x.tenant] = line
			}
			if len(t.strays) > 0 {
				return fmt.Errorf("ISOLATION BROKEN: %s", strings.Join(t.strays, "; "))
			}
		}
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
				return cause
			}
			fmt.Println("\nending agents, then the gateway")
			return nil
		case <-tick.C:
		}
	}
}

func describe(id string, t *tally) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %5d logs", id, t.logs)
	for _, name := range []string{"fatal", "error", "warn", "info", "debug", "trace", ""} {
		if n := t.bySeverity[name]; n > 0 {
			if name == "" {
				name = "none"
			}
			fmt.Fprintf(&b, "  %s %d", name, n)
		}
	}
	if t.points > 0 {
		fmt.Fprintf(&b, "  │ %d metric points", t.points)
	}
	if t.spans > 0 {
		fmt.Fprintf(&b, "  │ %d spans", t.spans)
	}
	return b.String()
}

func relative(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil {
			return rel
		}
	}
	return path
}
