// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
)

func (a *app) deadLetterCommand() *cobra.Command {
	return group("deadletter", "List and replay what destinations rejected permanently", a.deadLetterList(), a.deadLetterReplay())
}

// registerDeadLetters adds the flags that select dead letters.
func registerDeadLetters(c *cobra.Command, to *operate.DeadLetters) {
	flags := c.Flags()
	flags.StringVar(&to.Directory, "directory", "", "the `FOLDER` of the setting dead_letter::directory of tenant_routing (required)")
	flags.StringVar(&to.Tenant, "tenant", "", "only dead letters of the tenant `ID`")
	flags.StringVar(&to.Destination, "destination", "", "only dead letters that the destination `NAME` rejected")
	flags.StringVar(&to.Signal, "signal", "", "only logs, metrics or traces")
}

func (a *app) deadLetterList() *cobra.Command {
	var selected operate.DeadLetters
	c := &cobra.Command{
		Use:   "list",
		Short: "List dead letters by tenant, destination and signal",
		Long: `List what destinations rejected permanently: requests and bytes by tenant,
destination and signal, with the reasons and the times of the first and the last.
What a replay has delivered is not listed. The exit status is 1 if there are lines
that are damaged or in the wrong folder; the command names them.`,
		Example: `  tenantctl deadletter list --directory /var/lib/otelcol-tenant-gateway/state/dead-letters
  tenantctl deadletter list --directory ./dead-letters --tenant tenant-a -o json`,
		Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			views, damage, err := selected.List()
			if err != nil {
				return err
			}
			if len(views) == 0 && damage.Lines == 0 {
				fmt.Fprintf(a.err, "Note: there are no dead letters of %s.\n", printable(selected.String()))
			}
			return errors.Join(a.print(views, func(w io.Writer) error { return writeDeadLetters(w, views) }), operate.DamageError(damage))
		},
	}
	registerDeadLetters(c, &selected)
	return c
}

func writeDeadLetters(w io.Writer, views []operate.DeadLetterView) error {
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
