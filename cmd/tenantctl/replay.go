// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
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

func (a *app) deadLetterReplay() *cobra.Command {
	var selected operate.DeadLetters
	var s replayFlags
	c := &cobra.Command{
		Use:   "replay",
		Short: "Send dead letters again",
		Long: `Send dead letters, oldest first, each to the destination that rejected it and to no
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
twice. A dead letter that is rejected again, or accepted in part, remains and is
counted. If a destination cannot be reached, its dead letters remain and the others
are sent. Damaged lines remain, and the command names them.

The exit status is 1 if dead letters remain or if the tenant or destination does not
exist, and 0 if none remain. Metrics that were converted to totals are sent with the
totals of their time: a store that accepts no old samples, such as Prometheus without
an out-of-order window, rejects them again.`,
		Example: `  tenantctl deadletter replay --directory /var/lib/otelcol-tenant-gateway/state/dead-letters
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
				return a.replayByGateway(cmd, selected, s.dryRun)
			}
			return a.replayTo(cmd, selected, &s)
		},
	}
	registerDeadLetters(c, &selected)
	flags := c.Flags()
	flags.StringVar(&s.endpoint, "endpoint", "", "base `URL` to send to; /v1/logs, /v1/metrics or /v1/traces is appended; default: the gateway sends them")
	flags.StringVar(&s.encoding, "encoding", operate.EncodingProto, "with --endpoint: proto or json")
	flags.StringArrayVar(&s.headers, "header", nil, "with --endpoint: header of each request as `NAME=VALUE`; @FILE as the value reads it from a file; can be repeated")
	flags.StringVar(&s.keyFile, "key-file", "", "with --endpoint of a gateway: `FILE` with a key of the tenant; needs --all-destinations")
	flags.BoolVar(&s.toAll, "all-destinations", false, "with --key-file: let the gateway send them to all destinations of the tenant")
	flags.DurationVar(&s.timeout, "timeout", 30*time.Second, "with --endpoint: time limit of one request")
	flags.BoolVar(&s.dryRun, "dry-run", false, "only print what would be sent")
	return c
}

// checkNoEndpoint rejects the flags that need --endpoint.
func (*replayFlags) checkNoEndpoint(cmd *cobra.Command) error {
	for _, name := range []string{"encoding", "header", "key-file", "all-destinations", "timeout"} {
		if cmd.Flags().Changed(name) {
			return usagef("--%s needs --endpoint; without it the gateway sends with its own settings", name)
		}
	}
	return nil
}

// target reads the files that the flags name and returns where they send dead letters.
func (s *replayFlags) target() (operate.ReplayTarget, error) {
	target := operate.ReplayTarget{Endpoint: s.endpoint, Encoding: s.encoding, AllDestinations: s.toAll, Timeout: s.timeout}
	for _, h := range s.headers {
		name, value, ok := strings.Cut(h, "=")
		if !ok || name == "" {
			return target, usagef("--header must be NAME=VALUE")
		}
		if file, ok := strings.CutPrefix(value, "@"); ok {
			data, err := os.ReadFile(file)
			if err != nil {
				return target, fmt.Errorf("--header %s: %w", name, err)
			}
			value = strings.TrimSpace(string(data))
		}
		target.Headers = append(target.Headers, operate.ReplayHeader{Name: name, Value: value})
	}
	if s.keyFile != "" {
		data, err := os.ReadFile(s.keyFile)
		if err != nil {
			return target, fmt.Errorf("--key-file: %w", err)
		}
		if target.Key = strings.TrimSpace(string(data)); target.Key == "" {
			return target, fmt.Errorf("--key-file %s is empty", s.keyFile)
		}
	}
	return target, nil
}

// replayTo sends dead letters to the endpoint of the flags.
func (a *app) replayTo(cmd *cobra.Command, selected operate.DeadLetters, s *replayFlags) error {
	target, err := s.target()
	if err != nil {
		return err
	}
	client, err := operate.NewReplayClient(target, selected.Tenant)
	if err != nil {
		return err
	}
	defer client.Close()
	var r *operate.Replayed
	if s.dryRun {
		r, err = selected.PreviewReplayTo()
	} else {
		r, err = selected.Replay(cmd.Context(), client, a.now())
	}
	if r != nil && r.SkippedFiles > 0 {
		fmt.Fprintf(a.err, "Note: %d files were written to within the last %s and are skipped; repeat the command later.\n", r.SkippedFiles, deadletter.QuietPeriod)
	}
	return a.printReplay(r, s.dryRun, err)
}

// replayByGateway makes the gateway send dead letters.
func (a *app) replayByGateway(cmd *cobra.Command, selected operate.DeadLetters, dryRun bool) error {
	var r *operate.Replayed
	var err error
	if dryRun {
		r, err = selected.PreviewReplay()
	} else {
		r, err = selected.ReplayByGateway(cmd.Context())
	}
	return a.printReplay(r, dryRun, err)
}

// printReplay prints the result of a replay and returns an error if it failed or is not
// complete.
func (a *app) printReplay(r *operate.Replayed, dryRun bool, failed error) error {
	if r == nil {
		return failed
	}
	damage := operate.DamageError(r.Damage)
	if r.Groups == nil && failed != nil {
		return errors.Join(failed, damage)
	}
	for _, text := range r.Notes {
		fmt.Fprintf(a.err, "Note: %s\n", printable(text))
	}
	for _, g := range r.Groups {
		if g.Message != "" {
			fmt.Fprintf(a.err, "Note: %s of tenant %s for %s: %s\n", g.Signal, g.Tenant, g.Destination, printable(g.Message))
		}
	}
	incomplete := r.Incomplete()
	if len(r.Groups) == 0 && failed == nil && incomplete == nil && damage == nil {
		fmt.Fprintln(a.err, "Note: there are no dead letters to replay.")
	}
	groups := r.Groups
	if groups == nil {
		groups = []operate.ReplayedGroup{} // an empty list in JSON
	}
	err := a.print(groups, func(w io.Writer) error { return writeReplays(w, groups) })
	if !dryRun && failed == nil {
		failed = incomplete
	}
	return errors.Join(failed, err, damage)
}

func writeReplays(w io.Writer, groups []operate.ReplayedGroup) error {
	var lines [][]string
	for _, g := range groups {
		lines = append(lines, []string{g.Tenant, g.Destination, g.Signal, strconv.Itoa(g.Sent), strconv.Itoa(g.Rejected), strconv.Itoa(g.Remaining)})
	}
	return rows(w, []string{"TENANT", "DESTINATION", "SIGNAL", "SENT", "REJECTED", "LEFT"}, lines)
}
