// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

func (a *app) registryAcceptRestore() *cobra.Command {
	var set operate.Restore
	var merge []string
	var yes bool
	c := &cobra.Command{
		Use:   "accept-restore",
		Short: "Make gateways accept a registry that was restored from a backup",
		Long: `Accept the registry as it is now after a backup was restored, or after another
registry took its place. Gateways reject it until then, since keys that were revoked
after the backup would work again.

What was ended after the backup is ended again as far as it is known: revoked keys,
suspended and deleted tenants, keys with an earlier expiry. The audit log knows it if
the log is newer than the registry, and so does the snapshot of a gateway: give one
with --merge (the file of "snapshot" in the gateway's configuration). What was
created after the backup is listed as lost.

The command is recorded in the audit log. It also restores the row and the history
of a database that was restored in part.`,
		Example: `  tenantctl registry accept-restore --merge /var/lib/otelcol-tenant-gateway/state/registry.snapshot --reason "disk failure, ticket 4711"`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.open()
			if err != nil {
				return err
			}
			if set.Above < 0 || set.Above > math.MaxInt32*1000 {
				return usagef("--above must be an epoch that a gateway names")
			}
			for _, name := range merge {
				source, err := a.readMergeSource(name)
				if err != nil {
					return err
				}
				set.Merge = append(set.Merge, source)
			}
			if !yes && !a.change.dryRun {
				if err := a.confirmRestore(cmd.Context(), r, set); err != nil {
					return err
				}
			}
			done, err := r.AcceptRestore(cmd.Context(), a.request(""), set)
			if err != nil {
				return err
			}
			return a.print(done, func(w io.Writer) error {
				if err := writeRestored(w, done); err != nil {
					return err
				}
				_, err := fmt.Fprintf(w, "accepted: gateways load the registry as it is now (epoch %d)\n", done.Epoch)
				return err
			})
		},
	}
	flags := c.Flags()
	flags.StringArrayVar(&merge, "merge", nil, "`FILE` that knows what was ended after the backup: the snapshot of a gateway or a newer registry file; can be repeated")
	flags.Int64Var(&set.Above, "above", 0, "the `EPOCH` that a gateway names if it does not accept the registry otherwise")
	flags.BoolVar(&set.NewAuditLog, "new-audit-log", false, "move the damaged audit log aside and start another one")
	flags.BoolVar(&yes, "yes", false, "do not ask")
	return a.changing(c)
}

// readMergeSource reads a file of --merge.
func (a *app) readMergeSource(name string) (operate.MergeSource, error) {
	data, err := a.readInput(name)
	if err != nil {
		return operate.MergeSource{}, fmt.Errorf("--merge: %w", err)
	}
	snapshot, err := registryfile.Parse(data)
	if err != nil {
		return operate.MergeSource{}, fmt.Errorf("--merge: %s is not a registry:\n%w", name, err)
	}
	return operate.MergeSource{Name: name, Snapshot: snapshot}, nil
}

// confirmRestore shows what accepting would do and asks.
func (a *app) confirmRestore(ctx context.Context, r *operate.Registry, set operate.Restore) error {
	preview, err := r.PreviewRestore(ctx, a.request(""), set)
	switch {
	case operate.IsIncomplete(err):
		fmt.Fprintln(a.err, "The row of the registry is restored with the tenants that are in the database.")
	case err != nil:
		return err
	default:
		if err := writeRestored(a.err, preview); err != nil {
			return err
		}
	}
	if len(set.Merge) == 0 {
		fmt.Fprintln(a.err, "No snapshot of a gateway was given with --merge: what only a gateway knows to be ended is valid again.")
	}
	return a.confirm("All gateways load the registry as it is now. What was ended after the backup and is not listed is valid again. Type yes to continue: ", "yes")
}

func writeRestored(w io.Writer, r *operate.Restored) error {
	var out strings.Builder
	for _, text := range r.Ended {
		fmt.Fprintf(&out, "ended again: %s\n", text)
	}
	for _, text := range r.Lost {
		fmt.Fprintf(&out, "lost: %s\n", text)
	}
	_, err := io.WriteString(w, out.String())
	return err
}
