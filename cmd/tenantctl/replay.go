package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// replaySettings say where dead letters go.
type replaySettings struct {
	endpoint string // empty: the gateway sends them
	encoding string
	headers  []string
	keyFile  string
	toAll    bool
	timeout  time.Duration
	dryRun   bool
}

// replayView is what is printed of the replay of a group.
type replayView struct {
	Tenant      string `json:"tenant"`
	Destination string `json:"destination"`
	Signal      string `json:"signal"`
	Sent        int    `json:"sent"`
	Refused     int    `json:"refused"`
	Left        int    `json:"left"`
	Message     string `json:"message,omitempty"` // why letters are left
}

// replayed is the outcome of a replay.
type replayed struct {
	views   []replayView
	damage  deadletter.Damage
	damaged int // lines that the gateway found damaged
	skipped int // files that were written to just now
}

// err says that letters remain, or is nil. A command that a script runs must not end
// as if all were done.
func (r *replayed) err() error {
	left := 0
	for _, v := range r.views {
		left += v.Left
	}
	switch {
	case left > 0:
		return fmt.Errorf("%s left", count(left, "dead letter is", "dead letters are"))
	case r.skipped > 0:
		return fmt.Errorf("%s left alone", count(r.skipped, "file is", "files are"))
	case r.damaged > 0:
		return fmt.Errorf("%s left", count(r.damaged, "damaged line is", "damaged lines are"))
	}
	return nil
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (a *app) deadLetterReplay() *cobra.Command {
	var f letterFilter
	var s replaySettings
	c := &cobra.Command{
		Use:   "replay",
		Short: "Send dead letters once more",
		Long: `Send dead letters, the oldest first, each to the destination that refused it and to
no other: the running gateway that wrote them does it, with the encoding, address,
headers and secrets that it uses for that tenant and destination, on request in its
folder of dead letters. It needs to be running; nothing goes through its receivers.

With --endpoint this command sends them itself, in protobuf, which every backend
takes, to a backend that no gateway knows any more, or at another address. The
letters must be of one destination. {tenant} in --endpoint and --header stands for
the ID of the tenant whose letters are sent; without it, --tenant must say whose, so
that nobody's data gets to somebody else. With --key-file it sends them to a gateway
as new data, which is counted again and goes to ALL destinations of the tenant.

What is delivered is noted at once and never sent again, even if gateway or command
are killed; only a request that was under way then may arrive twice. What is refused
once more, or taken in part, stays and is counted. A destination that cannot be
reached keeps its letters, others go on. Lines that are damaged stay and are named.

The exit status is 1 if letters are left, or if the tenant or destination does not
exist, and 0 if there are no letters, or none any more. Metrics that were
converted to totals are sent as the totals that they were: a store that takes no old
samples, as Prometheus without an out-of-order window, refuses them again.`,
		Example: `  tenantctl deadletter replay --directory /var/lib/otelcol-tenant/state/dead-letters
  tenantctl deadletter replay --directory ./dead-letters --tenant tenant-a --destination loki
  tenantctl deadletter replay --directory ./dead-letters --destination loki --endpoint http://loki:3100/otlp --header 'X-Scope-OrgID={tenant}'
  tenantctl deadletter replay --directory ./dead-letters --destination vl --tenant tenant-a \
    --endpoint http://victorialogs:9428/insert/opentelemetry --header AccountID=42
  tenantctl deadletter replay --directory ./dead-letters --destination loki --tenant tenant-a \
    --endpoint https://gateway:4318 --key-file ./tenant-a.key --all-destinations`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.endpoint == "" {
				if err := s.checkOwn(cmd); err != nil {
					return err
				}
				return a.replayByGateway(cmd, &f, s.dryRun)
			}
			p, err := s.post(f.tenant)
			if err != nil {
				return err
			}
			defer p.client.CloseIdleConnections()
			return a.replay(cmd, &f, p, s.dryRun)
		},
	}
	f.register(c)
	flags := c.Flags()
	flags.StringVar(&s.endpoint, "endpoint", "", "send them to this base `URL`, to which /v1/logs, /v1/metrics or /v1/traces is added; default: the gateway sends them")
	flags.StringVar(&s.encoding, "encoding", encodingProto, "with --endpoint: proto or json")
	flags.StringArrayVar(&s.headers, "header", nil, "with --endpoint: header of each request as `NAME=VALUE`; repeat for more. @FILE as value reads it from a file")
	flags.StringVar(&s.keyFile, "key-file", "", "with --endpoint of a gateway: `FILE` with a key of the tenant; needs --all-destinations")
	flags.BoolVar(&s.toAll, "all-destinations", false, "with --key-file: let the gateway send them to all destinations of the tenant")
	flags.DurationVar(&s.timeout, "timeout", 30*time.Second, "with --endpoint: how long one request may take")
	flags.BoolVar(&s.dryRun, "dry-run", false, "only say what would be sent")
	return c
}

// checkOwn refuses flags that are about an endpoint, without one.
func (*replaySettings) checkOwn(cmd *cobra.Command) error {
	for _, name := range []string{"encoding", "header", "key-file", "all-destinations", "timeout"} {
		if cmd.Flags().Changed(name) {
			return usagef("--%s is for --endpoint URL; without that the gateway sends with its own settings", name)
		}
	}
	return nil
}

// post checks the settings.
func (s *replaySettings) post(only string) (*letterPost, error) {
	if s.encoding != encodingProto && s.encoding != encodingJSON {
		return nil, usagef("--encoding must be proto or json, not %q", s.encoding)
	}
	if s.toAll != (s.keyFile != "") {
		return nil, usagef("a gateway sends what it accepts to all destinations of the tenant: give --key-file with --all-destinations if that is meant, " +
			"or neither --endpoint nor --key-file to have letters sent to their own destination only")
	}
	p, err := newLetterPost(s.endpoint, s.timeout)
	if err != nil {
		return nil, usagef("--endpoint: %w", err)
	}
	p.encoding = s.encoding
	perTenant := strings.Contains(s.endpoint, tenantPlaceholder)
	for _, h := range s.headers {
		name, value, ok := strings.Cut(h, "=")
		if !ok || name == "" {
			return nil, usagef("--header must be NAME=VALUE")
		}
		if file, ok := strings.CutPrefix(value, "@"); ok {
			data, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("--header %s: %w", name, err)
			}
			value = strings.TrimSpace(string(data))
		}
		perTenant = perTenant || strings.Contains(value, tenantPlaceholder)
		if err := p.header(name, value); err != nil {
			return nil, usagef("--header: %w", err)
		}
	}
	if s.keyFile != "" {
		if only == "" {
			return nil, usagef("a key is one tenant's: give --tenant with --key-file")
		}
		data, err := os.ReadFile(s.keyFile)
		if err != nil {
			return nil, fmt.Errorf("--key-file: %w", err)
		}
		key := strings.TrimSpace(string(data))
		if _, err := apikey.ID(key); err != nil {
			return nil, fmt.Errorf("--key-file %s: %w", s.keyFile, err)
		}
		if err := errors.Join(
			p.header("Authorization", "Bearer "+key),
			// A gateway refuses a key that is not this tenant's.
			p.header(tenant.HeaderBusinessID, tenantPlaceholder),
		); err != nil {
			return nil, err
		}
	}
	if only == "" && !perTenant {
		return nil, usagef("whose? Give --tenant ID, or use {tenant} in --endpoint or --header")
	}
	return p, nil
}

// replay sends letters to an endpoint.
func (a *app) replay(cmd *cobra.Command, f *letterFilter, p *letterPost, dryRun bool) (err error) {
	if f.directory != "" && !dryRun {
		if err := deadletter.Check(f.directory); err != nil {
			return fmt.Errorf("--directory: %w", err)
		}
		unlock, err := deadletter.Lock(f.directory)
		if err != nil {
			return err
		}
		defer func() { _ = unlock() }() // the process ends
	}
	groups, err := f.find()
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		if err := f.missing(); err != nil {
			return err
		}
	}
	if names := destinations(groups); len(names) > 1 {
		return usagef("these are letters of the destinations %s: name one with --destination, or leave --endpoint out", strings.Join(names, ", "))
	}
	var r replayed
	var failed error
	for i := range groups {
		g := &groups[i]
		v := replayView{Tenant: string(g.Tenant), Destination: g.Destination, Signal: g.Signal.String(), Left: g.Requests}
		switch {
		case dryRun:
			r.damage.Add(g.Damaged)
		case failed == nil:
			var o deadletter.Outcome
			p.lastRefusal = nil
			o, failed = deadletter.Replay(cmd.Context(), g, a.now(), p.send)
			r.skipped += o.Skipped
			r.damage.Add(o.Damaged)
			v.Sent, v.Refused, v.Left = o.Sent, o.Refused, g.Requests-o.Sent
			if p.lastRefusal != nil {
				v.Message = p.lastRefusal.Error()
			}
		}
		if g.Requests > 0 {
			r.views = append(r.views, v)
		}
	}
	if r.skipped > 0 {
		fmt.Fprintf(a.err, "Note: %d files were written to within the last %s and are left alone; repeat the command later.\n", r.skipped, deadletter.Settled)
	}
	return a.printReplay(&r, dryRun, failed)
}

// printReplay prints the outcome and returns what is wrong with it.
func (a *app) printReplay(r *replayed, dryRun bool, failed error) error {
	switch {
	case r.views == nil && failed != nil:
		return errors.Join(failed, damageError(r.damage))
	case r.views == nil:
		r.views = []replayView{}
	}
	for _, v := range r.views {
		if v.Message != "" {
			fmt.Fprintf(a.err, "Note: %s of tenant %s for %s: %s\n", v.Signal, v.Tenant, v.Destination, printable(v.Message))
		}
	}
	if len(r.views) == 0 && failed == nil && r.err() == nil && r.damage.Lines == 0 {
		fmt.Fprintln(a.err, "Note: there are no such dead letters.")
	}
	err := a.print(r.views, func(w io.Writer) error { return writeReplays(w, r.views) })
	if !dryRun && failed == nil {
		failed = r.err()
	}
	return errors.Join(failed, err, damageError(r.damage))
}

// destinations returns whose letters these are.
func destinations(groups []deadletter.Group) (names []string) {
	for i := range groups {
		if groups[i].Requests > 0 && !slices.Contains(names, groups[i].Destination) {
			names = append(names, groups[i].Destination)
		}
	}
	slices.Sort(names)
	return names
}

const (
	// beginTimeout is how long a gateway may take until it begins. It looks every
	// second, and works on one request after the other.
	beginTimeout = 15 * time.Second

	// quietTimeout is how long it may not report, which it does every second.
	quietTimeout = 30 * time.Second

	// stopTimeout is how long it may take to stop after Ctrl-C.
	stopTimeout = 5 * time.Second
)

// withoutGateway says what to do if there is none.
const withoutGateway = "to send letters without a gateway, name their --destination NAME and its --endpoint URL"

// replayByGateway has the gateway send letters.
func (a *app) replayByGateway(cmd *cobra.Command, f *letterFilter, dryRun bool) error {
	groups, err := f.find()
	if err != nil {
		return err
	}
	var r replayed
	if dryRun {
		if len(groups) == 0 {
			failed := f.missing()
			return a.printReplay(&r, true, failed)
		}
		for i := range groups {
			g := &groups[i]
			r.damage.Add(g.Damaged)
			if g.Requests > 0 {
				r.views = append(r.views, replayView{Tenant: string(g.Tenant), Destination: g.Destination, Signal: g.Signal.String(), Left: g.Requests})
			}
		}
		return a.printReplay(&r, true, nil)
	}
	if len(groups) == 0 && f.tenant == "" && f.destination == "" {
		return a.printReplay(&r, false, nil)
	}
	// Without letters too: the gateway knows whether there is such a tenant and destination.
	req, err := deadletter.Ask(f.directory, deadletter.Filter{Tenant: f.tenant, Destination: f.destination, Signal: f.signal})
	if errors.Is(err, deadletter.ErrNoGateway) {
		if len(groups) == 0 {
			return a.printReplay(&r, false, f.missing())
		}
		return fmt.Errorf("--directory %s: %w; %s", f.directory, err, withoutGateway)
	}
	if err != nil {
		return fmt.Errorf("asking the gateway: %w", err)
	}
	ignore := func(*deadletter.Report) {}
	report, failed := req.Wait(cmd.Context(), beginTimeout, quietTimeout, ignore)
	if failed != nil {
		if err := req.Withdraw(); err != nil {
			failed = errors.Join(failed, err)
		}
		if report == nil { // it may have begun meanwhile
			if begun, err := req.Report(); err == nil {
				report = begun
			}
		}
		if report == nil && cmd.Context().Err() == nil {
			if missing := f.missing(); len(groups) == 0 {
				return errors.Join(a.printReplay(&r, false, missing), req.Close())
			}
			failed = fmt.Errorf("%w %s", failed, withoutGateway)
		}
		if report != nil && cmd.Context().Err() != nil {
			if last, err := req.Wait(context.WithoutCancel(cmd.Context()), stopTimeout, stopTimeout, ignore); err == nil {
				report = last
			}
		}
	}
	failed = errors.Join(failed, req.Close())
	if report != nil {
		if report.Error != "" && failed == nil {
			failed = fmt.Errorf("the gateway: %s", printable(report.Error))
		}
		for _, g := range report.Groups {
			r.skipped += g.Skipped
			r.damaged += g.Damaged
			if g.Sent+g.Refused+g.Left > 0 {
				r.views = append(r.views, replayView{g.Tenant, g.Destination, g.Signal, g.Sent, g.Refused, g.Left, g.Message})
			} else if g.Message != "" {
				fmt.Fprintf(a.err, "Note: %s\n", printable(g.Message))
			}
		}
	}
	return a.printReplay(&r, false, failed)
}

func writeReplays(w io.Writer, views []replayView) error {
	var lines [][]string
	for _, v := range views {
		lines = append(lines, []string{v.Tenant, v.Destination, v.Signal, fmt.Sprint(v.Sent), fmt.Sprint(v.Refused), fmt.Sprint(v.Left)})
	}
	return rows(w, []string{"TENANT", "DESTINATION", "SIGNAL", "SENT", "REFUSED", "LEFT"}, lines)
}
