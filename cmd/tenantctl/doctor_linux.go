// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/doctor"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewaystatus"
)

func (a *app) doctorCommand() *cobra.Command {
	var set doctor.Settings
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find out why an agent's data does not arrive",
		Long: `Examine the agent on this machine and print what keeps its data from arriving at
the gateway, each with its fix: the service and its configuration, the key, the
address of the gateway, proxy, name resolution, connection, certificate, clocks,
the gateway's answer to the key for each signal, PM2's homes and the permissions on
log files, the disk, the queue, and ports.

It changes nothing, and sends the gateway only requests without data. Run it as
root: another user does not see the key, and not what the agent's user may read.

The exit status is 1 if there is an error or a warning among the findings, and 0 if
all of them are ok. tenantctl status is the same on the machine of the gateway.

Without flags it examines the installed service. --config and --env examine an
agent that runs in another way.`,
		Example: `  sudo tenantctl doctor
  sudo tenantctl doctor -o json
  tenantctl doctor --config agent.yaml --env agent.env --user app`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(set.Configs) == 0 && (set.Env != "" || set.User != "") {
				return usagef("--env and --user describe an agent that is not the installed service: give --config too")
			}
			set.Version = version
			all, err := doctor.Run(cmd.Context(), set)
			if err != nil {
				return err
			}
			if err := a.print(all, func(w io.Writer) error { return writeFindings(w, all) }); err != nil {
				return err
			}
			if doctor.Healthy(all) {
				return nil
			}
			return countFindings(all)
		},
	}
	flags := c.Flags()
	flags.StringArrayVar(&set.Configs, "config", nil, "configuration `FILE` of the agent; can be repeated, as for the agent")
	flags.StringVar(&set.Env, "env", "", "environment `FILE` of the agent")
	flags.StringVar(&set.User, "user", "", "`USER` who runs the agent; default with --config: the caller")
	flags.BoolVar(&set.LargeBody, "large", false, "also send a request of 1 MB without data, to find a limit of bodies in front of the gateway")
	flags.DurationVar(&set.Timeout, "timeout", 10*time.Second, "how long each connection, request and program may take")
	return c
}

// writeFindings prints findings as a table, first what is wrong, with its fix below.
func writeFindings(w io.Writer, all []doctor.Finding) error {
	sorted := slices.SortedStableFunc(slices.Values(all), func(a, b doctor.Finding) int {
		return cmp.Compare(b.Severity, a.Severity)
	})
	for _, f := range sorted {
		if _, err := fmt.Fprintf(w, "%-7s  %-18s %s\n         %s.\n", f.Severity, f.ID, printable(f.Subject), printable(f.Message)); err != nil {
			return err
		}
		if f.Fix != "" {
			if _, err := fmt.Fprintf(w, "         Fix: %s\n", printable(f.Fix)); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(w, "\n%s, %v.\n", gatewaystatus.Counted(len(all), "check", "checks"), countFindings(all))
	return err
}

func countFindings(all []doctor.Finding) (e findingsError) {
	for _, f := range all {
		switch f.Severity {
		case finding.Error:
			e.errors++
		case finding.Warning:
			e.warnings++
		}
	}
	return e
}
