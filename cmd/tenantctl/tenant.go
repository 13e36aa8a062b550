// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func (a *app) tenantCommand() *cobra.Command {
	return group("tenant", "Create, change and list tenants",
		a.tenantCreate(), a.tenantList(), a.tenantShow(), a.tenantUpdate(),
		a.tenantSuspend(), a.tenantResume(),
		a.tenantDelete())
}

func (a *app) tenantCreate() *cobra.Command {
	var flags tenantFlags
	var inGrafana grafanaFlags
	c := &cobra.Command{
		Use:   "create ID",
		Short: "Create a tenant, and the registry if there is none",
		Long: `Create a tenant. Its ID is the business_id on all its data and cannot be changed
later. A registry that does not exist is created: a file that only its owner can
read, in a folder that must exist, or the tables of a database.

With --grafana-url, or $` + grafanaURLEnv + `, the tenant also gets an organization
in Grafana, as "tenantctl grafana provision" describes. If that fails, the tenant is
created nevertheless, and that command continues.`,
		Example: `  tenantctl tenant create tenant-a --name "Tenant A Ltd" --attribute plan=enterprise \
    --route logs=loki --route traces=tempo --limit logs.records_per_second=5000 --limit daily_bytes=20GiB`,
		Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			change, err := flags.change(cmd)
			if err != nil {
				return err
			}
			create := func(ctx context.Context, r *operate.Registry) (*tenant.Tenant, error) {
				return r.CreateTenant(ctx, a.request(""), tenant.ID(args[0]), change)
			}
			if inGrafana.url() == "" {
				return a.changeTenant(cmd, "created", create)
			}
			return a.createInGrafana(cmd, &inGrafana, create)
		},
	}
	flags.register(c, false)
	inGrafana.register(c.Flags())
	inGrafana.registerPlan(c.Flags())
	return a.changing(c)
}

func (a *app) tenantUpdate() *cobra.Command {
	var flags tenantFlags
	c := &cobra.Command{
		Use:   "update ID",
		Short: "Change a tenant's name, attributes, variables, routes or limits",
		Long: `Change what the flags name and keep the rest, with the comments and the order of
the registry. A limit of 0 is no limit. A route without destinations, "logs=",
discards the signal; --unset-route makes the signal follow the gateway's default
routes again.`,
		Example: `  tenantctl tenant update tenant-a --route logs=loki,signoz --var signoz_endpoint=signoz.a.example:4317
  tenantctl tenant update tenant-a --limit logs.bytes_per_second=5MiB --unset-route traces`,
		Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !flags.any(cmd) {
				return usagef("nothing to update: give at least one of the flags of %s", cmd.CommandPath())
			}
			change, err := flags.change(cmd)
			if err != nil {
				return err
			}
			return a.changeTenant(cmd, "updated", func(ctx context.Context, r *operate.Registry) (*tenant.Tenant, error) {
				return r.UpdateTenant(ctx, a.request(""), tenant.ID(args[0]), change)
			})
		},
	}
	flags.register(c, true)
	return a.changing(c)
}

func (a *app) tenantSuspend() *cobra.Command {
	return a.tenantStatus(&cobra.Command{
		Use:   "suspend ID",
		Short: "Reject a tenant's data until it is resumed",
		Long: `Reject a tenant's data with 403 over HTTP and PERMISSION_DENIED over gRPC. Agents
of this distribution that send over HTTP keep their data and retry; other senders
drop their data. The gateway delivers what it has accepted before. Keys and routes
stay.`,
		Example: `  tenantctl tenant suspend tenant-a --reason "unpaid, ticket 4711"`,
	}, tenant.StatusSuspended, "suspended")
}

func (a *app) tenantResume() *cobra.Command {
	return a.tenantStatus(&cobra.Command{
		Use:     "resume ID",
		Short:   "Accept the data of a suspended tenant again",
		Long:    `Accept a suspended tenant's data again, with the same keys and routes.`,
		Example: `  tenantctl tenant resume tenant-a`,
	}, tenant.StatusActive, "resumed")
}

func (a *app) tenantStatus(c *cobra.Command, status tenant.Status, done string) *cobra.Command {
	c.Args = exactly("ID")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		return a.changeTenant(cmd, done, func(ctx context.Context, r *operate.Registry) (*tenant.Tenant, error) {
			return r.SetTenantStatus(ctx, a.request(""), tenant.ID(args[0]), status)
		})
	}
	return a.changing(c)
}

func (a *app) tenantDelete() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "delete ID",
		Short: "End a tenant permanently",
		Long: `Mark a tenant as deleted. Gateways no longer know its keys, deliver what they have
accepted before, and never give its ID to another tenant. The command asks for the
ID again unless --yes is given.`,
		Example: `  tenantctl tenant delete tenant-a --reason "contract ended"`,
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes && !a.change.dryRun {
				if err := a.confirm(fmt.Sprintf("Deleting tenant %s cannot be undone. Type its ID to continue: ", args[0]), args[0]); err != nil {
					return err
				}
			}
			return a.changeTenant(cmd, "deleted", func(ctx context.Context, r *operate.Registry) (*tenant.Tenant, error) {
				return r.SetTenantStatus(ctx, a.request(""), tenant.ID(args[0]), tenant.StatusDeleted)
			})
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return a.changing(c)
}

// changeTenant calls change and prints the tenant that it returns.
func (a *app) changeTenant(cmd *cobra.Command, done string, change func(context.Context, *operate.Registry) (*tenant.Tenant, error)) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	t, err := change(cmd.Context(), r)
	if err != nil {
		return err
	}
	return a.print(operate.ViewTenant(t, a.now()), func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "tenant %s %s\n", t.ID, done)
		return err
	})
}

func (a *app) tenantList() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the tenants",
		Long: `List the tenants with their status, their isolation and the number of their keys
that are active. -o json and -o yaml print the same as "tenantctl tenant show".`,
		Example: `  tenantctl tenant list --all
  tenantctl tenant list -o json | jq -r '.[].id'`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.open()
			if err != nil {
				return err
			}
			views, err := r.TenantViews(cmd.Context(), all)
			if err != nil {
				return err
			}
			return a.print(views, func(w io.Writer) error { return writeTenants(w, views) })
		},
	}
	c.Flags().BoolVar(&all, "all", false, "also list deleted tenants")
	return c
}

func (a *app) tenantShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show one tenant with its routes, limits and keys",
		Long: `Show everything that the registry holds about a tenant. Variables whose names
suggest secrets are shown as (hidden) unless they are references such as
${file:/etc/otelcol-tenant/secrets/x}. Of keys only the IDs are shown.`,
		Example: `  tenantctl tenant show tenant-a -o yaml`,
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.open()
			if err != nil {
				return err
			}
			v, err := r.TenantView(cmd.Context(), tenant.ID(args[0]))
			if err != nil {
				return err
			}
			return a.print(v, func(w io.Writer) error { return writeTenant(w, v) })
		},
	}
}

func writeTenants(w io.Writer, views []operate.TenantView) error {
	var lines [][]string
	for _, v := range views {
		active := 0
		for _, k := range v.Keys {
			if k.State == tenant.KeyActive {
				active++
			}
		}
		lines = append(lines, []string{v.ID, v.Status, v.Isolation, fmt.Sprintf("%d/%d", active, len(v.Keys)), orDash(v.Name)})
	}
	return rows(w, []string{"ID", "STATUS", "ISOLATION", "KEYS", "NAME"}, lines)
}

func writeTenant(w io.Writer, v operate.TenantView) error {
	lines := [][]string{{"name", orDash(v.Name)}, {"status", v.Status}, {"isolation", v.Isolation}}
	for _, name := range slices.Sorted(maps.Keys(v.Attributes)) {
		lines = append(lines, []string{"attribute " + name, v.Attributes[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(v.Vars)) {
		lines = append(lines, []string{"var " + name, v.Vars[name]})
	}
	for _, s := range tenant.AllSignals() {
		if destinations, ok := v.Routes[s.String()]; ok {
			lines = append(lines, []string{"route " + s.String(), orDash(strings.Join(destinations, ", "))})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.Limits)) {
		rates, ok := v.Limits[name].(map[string]any)
		if !ok {
			lines = append(lines, []string{"limit " + name, fmt.Sprint(v.Limits[name])})
			continue
		}
		for _, rate := range slices.Sorted(maps.Keys(rates)) {
			lines = append(lines, []string{"limit " + name + "." + rate, fmt.Sprint(rates[rate])})
		}
	}
	lines = append(lines, []string{"keys", strconv.Itoa(len(v.Keys))})
	if err := rows(w, []string{"id", v.ID}, lines); err != nil {
		return err
	}
	if len(v.Keys) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return writeKeys(w, v.Keys)
}
