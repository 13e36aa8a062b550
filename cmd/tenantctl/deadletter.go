// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func (a *app) deadLetterCommand() *cobra.Command {
	return group("deadletter", "List and replay what destinations refused permanently", a.deadLetterList(), a.deadLetterReplay())
}

// deadLetterFilter selects dead letters.
type deadLetterFilter struct {
	directory, tenant, destination, signal string
}

func (f *deadLetterFilter) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.directory, "directory", "", "the `FOLDER` of the setting dead_letter::directory of tenant_routing (required)")
	flags.StringVar(&f.tenant, "tenant", "", "only dead letters of the tenant `ID`")
	flags.StringVar(&f.destination, "destination", "", "only dead letters that the destination `NAME` refused")
	flags.StringVar(&f.signal, "signal", "", "only logs, metrics or traces")
}

// find returns the groups that f selects, ordered by tenant, destination and signal.
func (f *deadLetterFilter) find() ([]deadletter.Group, error) {
	if f.directory == "" {
		return nil, usagef("--directory is required: the folder of the dead letters")
	}
	if f.signal != "" {
		if _, err := tenant.ParseSignal(f.signal); err != nil {
			return nil, usagef("--signal: %w", err)
		}
	}
	groups, err := deadletter.Find(f.directory, deadletter.Filter{Tenant: f.tenant, Destination: f.destination, Signal: f.signal})
	if err != nil {
		return nil, fmt.Errorf("--directory: %w", err)
	}
	slices.SortFunc(groups, func(x, y deadletter.Group) int {
		return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.Destination, y.Destination), cmp.Compare(x.Signal, y.Signal))
	})
	return groups, nil
}

// String describes what f selects.
func (f *deadLetterFilter) String() string {
	var words []string
	for _, part := range [][2]string{{"tenant", f.tenant}, {"destination", f.destination}, {"signal", f.signal}} {
		if part[1] != "" {
			words = append(words, fmt.Sprintf("%s %q", part[0], printable(part[1])))
		}
	}
	if len(words) == 0 {
		return "any tenant"
	}
	return strings.Join(words, ", ")
}

// missing returns an error if the directory has never had a dead letter that f
// selects. That may be a typing error in a name.
func (f *deadLetterFilter) missing() error {
	if f.tenant == "" && f.destination == "" {
		return nil
	}
	has, err := deadletter.Has(f.directory, deadletter.Filter{Tenant: f.tenant, Destination: f.destination, Signal: f.signal})
	if err != nil || has {
		return err
	}
	return fmt.Errorf("--directory %s: there are no dead letters: there is no folder for %s (names: tenantctl deadletter list)", f.directory, f)
}

// damageError names the lines that cannot be sent, or is nil.
func damageError(d deadletter.Damage) error {
	if d.Lines == 0 {
		return nil
	}
	var text strings.Builder
	for _, f := range d.First {
		fmt.Fprintf(&text, "%v\n", f)
	}
	if more := d.Lines - len(d.First); more > 0 {
		fmt.Fprintf(&text, "and %d more lines\n", more)
	}
	return errors.New(text.String() + "these lines cannot be sent and stay where they are")
}

// deadLetterView is a group of dead letters as it is printed.
type deadLetterView struct {
	Tenant      string         `json:"tenant"`
	Destination string         `json:"destination"`
	Signal      string         `json:"signal"`
	Requests    int            `json:"requests"`
	Bytes       int64          `json:"bytes"`
	Reasons     map[string]int `json:"reasons"`
	First       string         `json:"first,omitempty"`
	Last        string         `json:"last,omitempty"`
}

func viewDeadLetters(g *deadletter.Group) deadLetterView {
	return deadLetterView{
		Tenant: string(g.Tenant), Destination: g.Destination, Signal: g.Signal.String(),
		Requests: g.Requests, Bytes: g.Bytes, Reasons: g.Reasons, First: deadLetterTime(g.First), Last: deadLetterTime(g.Last),
	}
}

func deadLetterTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func (a *app) deadLetterList() *cobra.Command {
	var f deadLetterFilter
	c := &cobra.Command{
		Use:   "list",
		Short: "List dead letters by tenant, destination and signal",
		Long: `List what destinations refused permanently: requests and bytes by tenant,
destination and signal, with the reasons and the times of the first and the last.
What a replay has delivered is not listed. The exit status is 1 if there are lines
that are damaged or in the wrong folder; the command names them.`,
		Example: `  tenantctl deadletter list --directory /var/lib/otelcol-tenant/state/dead-letters
  tenantctl deadletter list --directory ./dead-letters --tenant tenant-a -o json`,
		Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			groups, err := f.find()
			if err != nil {
				return err
			}
			views := []deadLetterView{}
			var damage deadletter.Damage
			for i := range groups {
				damage.Add(groups[i].Damaged)
				if groups[i].Requests > 0 {
					views = append(views, viewDeadLetters(&groups[i]))
				}
			}
			if len(groups) == 0 {
				fmt.Fprintf(a.err, "Note: there are no dead letters of %s.\n", &f)
			}
			return errors.Join(a.print(views, func(w io.Writer) error { return writeDeadLetters(w, views) }), damageError(damage))
		},
	}
	f.register(c)
	return c
}

func writeDeadLetters(w io.Writer, views []deadLetterView) error {
	var lines [][]string
	for _, v := range views {
		var reasons []string
		for _, r := range slices.Sorted(maps.Keys(v.Reasons)) {
			reasons = append(reasons, fmt.Sprintf("%s:%d", r, v.Reasons[r]))
		}
		lines = append(lines, []string{
			v.Tenant, v.Destination, v.Signal, strconv.Itoa(v.Requests), strconv.FormatInt(v.Bytes, 10),
			strings.Join(reasons, ","), orDash(v.First), orDash(v.Last),
		})
	}
	return rows(w, []string{"TENANT", "DESTINATION", "SIGNAL", "REQUESTS", "BYTES", "REASONS", "FIRST", "LAST"}, lines)
}
