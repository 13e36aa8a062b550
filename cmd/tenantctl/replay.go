package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// replaySettings say where dead letters go.
type replaySettings struct {
	endpoint string
	headers  []string
	keyFile  string
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
}

func (a *app) deadLetterReplay() *cobra.Command {
	var f letterFilter
	var s replaySettings
	c := &cobra.Command{
		Use:   "replay",
		Short: "Send dead letters once more",
		Long: `Send dead letters, the oldest first, as OTLP JSON over HTTP: to a backend, or with
--key-file through a gateway with a key of their tenant. {tenant} in --endpoint and
--header stands for the ID of the tenant whose letters are sent; without it,
--tenant must say whose, so that nobody's data gets to somebody else.

What is delivered is noted at once and never sent again, even if the command is
killed; only a request that was under way then may arrive twice. What is refused
once more stays and is counted; anything else that fails ends the command, which
can be repeated. Lines that are damaged stay and are named. Files that were written
to within the last two minutes are left alone, since the gateway may have them open.`,
		Example: `  tenantctl deadletter replay --directory ./dead-letters --tenant tenant-a --endpoint https://gateway.example:4318 --key-file ./tenant-a.key
  tenantctl deadletter replay --directory ./dead-letters --destination loki --endpoint http://loki:3100/otlp --header 'X-Scope-OrgID={tenant}'`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
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
	flags.StringVar(&s.endpoint, "endpoint", "", "base `URL`, to which /v1/logs, /v1/metrics or /v1/traces is added; required")
	flags.StringArrayVar(&s.headers, "header", nil, "header of each request as `NAME=VALUE`; repeat for more. @FILE as value reads it from a file")
	flags.StringVar(&s.keyFile, "key-file", "", "`FILE` with a key of the tenant, to go through a gateway")
	flags.DurationVar(&s.timeout, "timeout", 30*time.Second, "how long one request may take")
	flags.BoolVar(&s.dryRun, "dry-run", false, "only tell what would be sent")
	return c
}

// post checks the settings.
func (s *replaySettings) post(only string) (*letterPost, error) {
	if s.endpoint == "" {
		return nil, usagef("where to? Give --endpoint URL")
	}
	p, err := newLetterPost(s.endpoint, s.timeout)
	if err != nil {
		return nil, usagef("--endpoint: %w", err)
	}
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
	views := []replayView{}
	var failed error
	var damage deadletter.Damage
	skipped := 0
	for i := range groups {
		g := &groups[i]
		var o deadletter.Outcome
		if failed == nil && !dryRun {
			o, failed = deadletter.Replay(cmd.Context(), g, a.now(), p.send)
			skipped += o.Skipped
			damage.Add(o.Damaged)
		} else if dryRun {
			damage.Add(g.Damaged)
		}
		if g.Requests > 0 {
			views = append(views, replayView{string(g.Tenant), g.Destination, g.Signal.String(), o.Sent, o.Refused, g.Requests - o.Sent})
		}
	}
	if skipped > 0 {
		fmt.Fprintf(a.err, "Note: %d files were written to within the last %s and are left alone; repeat the command later.\n", skipped, deadletter.Settled)
	}
	if p.lastRefusal != nil {
		fmt.Fprintf(a.err, "Note: some were refused again, the last one with: %v\n", p.lastRefusal)
	}
	err = a.print(views, func(w io.Writer) error { return writeReplays(w, views) })
	return errors.Join(failed, err, damageError(damage))
}

func writeReplays(w io.Writer, views []replayView) error {
	var lines [][]string
	for _, v := range views {
		lines = append(lines, []string{v.Tenant, v.Destination, v.Signal, fmt.Sprint(v.Sent), fmt.Sprint(v.Refused), fmt.Sprint(v.Left)})
	}
	return rows(w, []string{"TENANT", "DESTINATION", "SIGNAL", "SENT", "REFUSED", "LEFT"}, lines)
}
