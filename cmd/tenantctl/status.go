// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewaystatus"
)

// statusSocketEnv is the default of --socket.
const statusSocketEnv = "TENANTCTL_STATUS_SOCKET"

// statusSockets returns where the socket of a gateway may be: where its environment says, then
// where the package, and the configuration without a package, put it.
func statusSockets() []string {
	var all []string
	if path := os.Getenv("STATUS_SOCKET"); path != "" {
		all = append(all, path)
	}
	if dir := os.Getenv("STATE_DIR"); dir != "" {
		all = append(all, filepath.Join(dir, "status.sock"))
	}
	return append(all, "/run/otelcol-tenant-gateway/status.sock", "/var/lib/otelcol-tenant-gateway/state/status.sock", "/var/lib/otelcol-tenant/state/status.sock")
}

func (a *app) statusCommand() *cobra.Command {
	var socket string
	var all bool
	c := &cobra.Command{
		Use:   "status [TENANT]",
		Short: "Show what a running gateway knows about a tenant, or about all",
		Long: `Show what the gateway on this machine knows about TENANT, beginning with what is
wrong and how to fix it: the last accepted data by signal, the keys in use and
where they are used, rejected requests by reason with an example, the queues to the
destinations with their last answers, dead letters and the use of limits. Without
TENANT, show the gateway, and the tenants with faults.

The gateway answers at a Unix socket, which its owner and its group may use: see
tenant_health::status in its configuration. Without --socket the command tries
$` + statusSocketEnv + `, $STATUS_SOCKET, $STATE_DIR/status.sock
and the places of the packages.

The exit status is 1 if there is an error among the findings, or if no gateway
answers, and 0 if there are only warnings and notes. tenantctl doctor is the same on
the machine of an agent.`,
		Example: `  tenantctl status
  tenantctl status tenant-a
  tenantctl status tenant-a -o json | jq -r '.findings[].message'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("status takes at most one TENANT, got %d arguments", len(args))
			}
			if all && len(args) == 1 {
				return usagef("give either TENANT or --all")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			client, overview, err := a.findGateway(cmd.Context(), socket)
			switch {
			case err != nil:
				return a.noGateway(err)
			case all:
				return a.printTenantLines(cmd.Context(), client)
			case len(args) == 0:
				if err := a.print(overview, func(w io.Writer) error { return writeOverview(w, &overview) }); err != nil {
					return err
				}
				n := gatewaystatus.Errors(overview.Findings)
				for i := range overview.Faulty {
					n += gatewaystatus.Errors(overview.Faulty[i].Findings)
				}
				return errorsFound(n)
			}
			t, err := client.Tenant(cmd.Context(), args[0])
			if unknown := (*gatewaystatus.UnknownTenantError)(nil); errors.As(err, &unknown) {
				return fmt.Errorf("%w; tenantctl tenant list shows those of a registry, and the gateway follows a change within a second", err)
			}
			if err != nil {
				return err
			}
			if err := a.print(t, func(w io.Writer) error { return writeTenantStatus(w, &t) }); err != nil {
				return err
			}
			return errorsFound(gatewaystatus.Errors(t.Findings))
		},
	}
	c.Flags().StringVar(&socket, "socket", "", "the Unix `SOCKET` of the gateway; default $"+statusSocketEnv+", or where a package puts it")
	c.Flags().BoolVar(&all, "all", false, "list all tenants, also those without faults")
	return c
}

// errorsFound returns an error for the exit status if n findings are errors.
func errorsFound(n int) error {
	if n > 0 {
		return findingsError{errors: n}
	}
	return nil
}

// findGateway returns a client of the gateway at socket, or at the first place where one
// answers.
func (a *app) findGateway(ctx context.Context, socket string) (*gatewaystatus.Client, gatewaystatus.Overview, error) {
	if socket == "" {
		socket = os.Getenv(statusSocketEnv)
	}
	places := []string{socket}
	if socket == "" {
		places = statusSockets()
	}
	var failure error
	for _, path := range places {
		client := gatewaystatus.NewClient(path)
		overview, err := client.Overview(ctx)
		if err == nil {
			return client, overview, nil
		}
		// A socket that exists says more than one that does not.
		if failure == nil || errors.Is(failure, fs.ErrNotExist) && !errors.Is(err, fs.ErrNotExist) {
			failure = err
		}
	}
	if socket == "" && errors.Is(failure, fs.ErrNotExist) {
		failure = &noSocketError{places}
	}
	return nil, gatewaystatus.Overview{}, failure
}

// noSocketError is the error if there is no socket at any usual place.
type noSocketError struct{ places []string }

// Error implements error.
func (e *noSocketError) Error() string {
	return "there is no socket of a gateway at " + strings.Join(e.places, ", ")
}

// noGateway returns what an operator should do if no gateway answers.
func (a *app) noGateway(err error) error {
	const start = "The gateway does not run on this machine, so senders keep their data and cannot connect.\n" +
		"Fix: start it, systemctl start otelcol-tenant-gateway, and read why it has ended, journalctl -u otelcol-tenant-gateway -n 50."
	var none *noSocketError
	var unreachable *gatewaystatus.Unreachable
	switch {
	case errors.As(err, &none):
		return fmt.Errorf("%w\n%s\nIf it runs elsewhere or in a container, run the command there; if its socket is at another path, give --socket", err, start)
	case !errors.As(err, &unreachable):
		return err
	case unreachable.Denied():
		return fmt.Errorf("%w\nFix: run the command as root, or add your user to the group of the socket, usermod -aG otelcol-tenant-gateway $USER, and log in again", err)
	}
	return fmt.Errorf("%w\n%s", err, start)
}
