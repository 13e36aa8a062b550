// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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

// replayFlags say where dead letters go.
type replayFlags struct {
	endpoint string // empty: the gateway sends the dead letters
	encoding string
	headers  []string
	keyFile  string
	toAll    bool
	timeout  time.Duration
	dryRun   bool
}

// replayView is the replay of a group of dead letters as it is printed.
type replayView struct {
	Tenant      string `json:"tenant"`
	Destination string `json:"destination"`
	Signal      string `json:"signal"`
	Sent        int    `json:"sent"`
	Refused     int    `json:"refused"`
	Left        int    `json:"left"`
	Message     string `json:"message,omitempty"` // why dead letters remain
}

// replayed is the result of a replay.
type replayed struct {
	views   []replayView
	damage  deadletter.Damage
	damaged int // number of lines that the gateway found damaged
	skipped int // number of files that were written to recently
}

// err returns an error if dead letters remain, so that a script does not take the
// replay for complete.
func (r *replayed) err() error {
	left := 0
	for _, v := range r.views {
		left += v.Left
	}
	switch {
	case left > 0:
		return fmt.Errorf("%s left", count(left, "dead letter is", "dead letters are"))
	case r.skipped > 0:
		return fmt.Errorf("%s skipped", count(r.skipped, "file is", "files are"))
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
	var f deadLetterFilter
	var s replayFlags
	c := &cobra.Command{
		Use:   "replay",
		Short: "Send dead letters again",
		Long: `Send dead letters, oldest first, each to the destination that refused it and to no
other. The command writes a request to the folder of dead letters, and the running
gateway that wrote them sends them, with the encoding, address, headers and secrets
that it uses for the tenant and destination. Nothing goes through its receivers.

With --endpoint the command sends the dead letters itself, in protobuf, which every
backend accepts: to a backend that no gateway knows any more, or at another address.
They must be of one destination. {tenant} in --endpoint and --header is replaced by
the ID of the tenant whose dead letters are sent; without it, --tenant is required,
so that no tenant's data is sent to another tenant. With --key-file the command
sends them to a gateway as new data, which counts against limits again and goes to
ALL destinations of the tenant.

A delivered dead letter is recorded at once and never sent again, even if the
gateway or the command is killed; only a request that was in flight may arrive
twice. A dead letter that is refused again, or accepted in part, remains and is
counted. If a destination cannot be reached, its dead letters remain and the others
are sent. Damaged lines remain, and the command names them.

The exit status is 1 if dead letters remain or if the tenant or destination does not
exist, and 0 if none remain. Metrics that were converted to totals are sent with the
totals of their time: a store that accepts no old samples, such as Prometheus without
an out-of-order window, refuses them again.`,
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
				if err := s.checkNoEndpoint(cmd); err != nil {
					return err
				}
				return a.replayByGateway(cmd, &f, s.dryRun)
			}
			client, err := s.newClient(f.tenant)
			if err != nil {
				return err
			}
			defer client.client.CloseIdleConnections()
			return a.replay(cmd, &f, client, s.dryRun)
		},
	}
	f.register(c)
	flags := c.Flags()
	flags.StringVar(&s.endpoint, "endpoint", "", "base `URL` to send to; /v1/logs, /v1/metrics or /v1/traces is appended; default: the gateway sends them")
	flags.StringVar(&s.encoding, "encoding", encodingProto, "with --endpoint: proto or json")
	flags.StringArrayVar(&s.headers, "header", nil, "with --endpoint: header of each request as `NAME=VALUE`; @FILE as the value reads it from a file; can be repeated")
	flags.StringVar(&s.keyFile, "key-file", "", "with --endpoint of a gateway: `FILE` with a key of the tenant; needs --all-destinations")
	flags.BoolVar(&s.toAll, "all-destinations", false, "with --key-file: let the gateway send them to all destinations of the tenant")
	flags.DurationVar(&s.timeout, "timeout", 30*time.Second, "with --endpoint: time limit of one request")
	flags.BoolVar(&s.dryRun, "dry-run", false, "only print what would be sent")
	return c
}

// checkNoEndpoint refuses the flags that need --endpoint.
func (*replayFlags) checkNoEndpoint(cmd *cobra.Command) error {
	for _, name := range []string{"encoding", "header", "key-file", "all-destinations", "timeout"} {
		if cmd.Flags().Changed(name) {
			return usagef("--%s needs --endpoint; without it the gateway sends with its own settings", name)
		}
	}
	return nil
}

// newClient checks the flags and returns the client that they describe. only is the
// tenant whose dead letters are sent, or empty for any.
func (s *replayFlags) newClient(only string) (*replayClient, error) {
	if s.encoding != encodingProto && s.encoding != encodingJSON {
		return nil, usagef("--encoding must be proto or json, not %q", s.encoding)
	}
	if s.toAll != (s.keyFile != "") {
		return nil, usagef("a gateway sends what it accepts to all destinations of the tenant: give --key-file with --all-destinations if that is intended, " +
			"or neither --endpoint nor --key-file to send dead letters only to the destination that refused them")
	}
	c, err := newReplayClient(s.endpoint, s.timeout)
	if err != nil {
		return nil, usagef("--endpoint: %w", err)
	}
	c.encoding = s.encoding
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
		if err := c.header(name, value); err != nil {
			return nil, usagef("--header: %w", err)
		}
	}
	if s.keyFile != "" {
		if only == "" {
			return nil, usagef("a key belongs to one tenant: give --tenant with --key-file")
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
			c.header("Authorization", "Bearer "+key),
			// A gateway rejects the key of another tenant.
			c.header(tenant.HeaderBusinessID, tenantPlaceholder),
		); err != nil {
			return nil, err
		}
	}
	if only == "" && !perTenant {
		return nil, usagef("the tenant is not given: use --tenant ID, or {tenant} in --endpoint or --header")
	}
	return c, nil
}

// replay sends dead letters to an endpoint.
func (a *app) replay(cmd *cobra.Command, f *deadLetterFilter, c *replayClient, dryRun bool) (err error) {
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
		return usagef("these dead letters are of the destinations %s: name one with --destination, or leave --endpoint out", strings.Join(names, ", "))
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
			c.lastRefusal = nil
			o, failed = deadletter.Replay(cmd.Context(), g, a.now(), c.send)
			r.skipped += o.Skipped
			r.damage.Add(o.Damaged)
			v.Sent, v.Refused, v.Left = o.Sent, o.Refused, g.Requests-o.Sent
			if c.lastRefusal != nil {
				v.Message = c.lastRefusal.Error()
			}
		}
		if g.Requests > 0 {
			r.views = append(r.views, v)
		}
	}
	if r.skipped > 0 {
		fmt.Fprintf(a.err, "Note: %d files were written to within the last %s and are skipped; repeat the command later.\n", r.skipped, deadletter.QuietPeriod)
	}
	return a.printReplay(&r, dryRun, failed)
}

// printReplay prints the result and returns an error if the replay is not complete.
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
		fmt.Fprintln(a.err, "Note: there are no dead letters to replay.")
	}
	err := a.print(r.views, func(w io.Writer) error { return writeReplays(w, r.views) })
	if !dryRun && failed == nil {
		failed = r.err()
	}
	return errors.Join(failed, err, damageError(r.damage))
}

// destinations returns the names of the destinations that refused the dead letters.
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
	// beginTimeout is how long a gateway may take to start. It looks for a request
	// every second and handles one request at a time.
	beginTimeout = 15 * time.Second

	// quietTimeout is how long a gateway may be silent. It reports every second.
	quietTimeout = 30 * time.Second

	// stopTimeout is how long a gateway may take to stop after Ctrl-C.
	stopTimeout = 5 * time.Second
)

// withoutGateway is the advice for when no gateway is running.
const withoutGateway = "to send dead letters without a gateway, give --destination NAME and --endpoint URL"

// replayByGateway makes the gateway send dead letters.
func (a *app) replayByGateway(cmd *cobra.Command, f *deadLetterFilter, dryRun bool) error {
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
	// The gateway is also asked if there are no dead letters: it knows whether the
	// tenant and the destination exist.
	req, err := deadletter.RequestReplay(f.directory, deadletter.Filter{Tenant: f.tenant, Destination: f.destination, Signal: f.signal})
	if errors.Is(err, deadletter.ErrNoGateway) {
		if len(groups) == 0 {
			return a.printReplay(&r, false, f.missing())
		}
		return fmt.Errorf("--directory %s: %w; %s", f.directory, err, withoutGateway)
	}
	if err != nil {
		return fmt.Errorf("requesting the replay from the gateway: %w", err)
	}
	ignore := func(*deadletter.Report) {}
	report, failed := req.Wait(cmd.Context(), beginTimeout, quietTimeout, ignore)
	if failed != nil {
		if err := req.Withdraw(); err != nil {
			failed = errors.Join(failed, err)
		}
		if report == nil { // it may have started meanwhile
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
