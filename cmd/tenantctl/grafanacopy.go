// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/grafana"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// maxDashboards bounds the size of imported dashboards in bytes.
const maxDashboards = 256 << 20

func (a *app) grafanaExport() *cobra.Command {
	var f grafanaFlags
	c := &cobra.Command{
		Use:   "export TENANT",
		Short: "Print the dashboards of a tenant's organization in Grafana",
		Long: `Print all dashboards of the tenant's organization in Grafana as JSON, also those
that its members made, for "grafana import". Data sources, which "grafana provision"
creates, members and alerts are not printed.`,
		Example: `  tenantctl grafana export tenant-a > dashboards.json`,
		Args:    exactly("TENANT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.inOrganization(cmd.Context(), tenant.ID(args[0]), &f, func(ctx context.Context, client *grafana.Client, t *tenant.Tenant, known int64) error {
				out, err := client.Export(ctx, t, known)
				if err != nil {
					return err
				}
				return a.print(out, func(io.Writer) error { // as it is: a model may have any character
					enc := json.NewEncoder(a.copyTo)
					enc.SetEscapeHTML(false)
					return enc.Encode(out)
				})
			})
		},
	}
	f.register(c.Flags())
	return c
}

func (a *app) grafanaImport() *cobra.Command {
	var f grafanaFlags
	c := &cobra.Command{
		Use:   "import TENANT FILE",
		Short: "Add dashboards to a tenant's organization in Grafana",
		Long: `Add the dashboards that "grafana export" printed to the tenant's organization in
Grafana, from FILE or from standard input if FILE is "-". Dashboards that exist there
are not changed.`,
		Example: `  tenantctl grafana import tenant-a dashboards.json`,
		Args:    exactly("TENANT", "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := a.readInput(args[1])
			if err != nil {
				return err
			}
			var from grafana.Copy
			if len(data) > maxDashboards {
				return fmt.Errorf("%s has more than %d bytes", args[1], maxDashboards)
			}
			if err := json.Unmarshal(data, &from); err != nil {
				return fmt.Errorf("%s is not what grafana export printed: %w", args[1], err)
			}
			return a.inOrganization(cmd.Context(), tenant.ID(args[0]), &f, func(ctx context.Context, client *grafana.Client, t *tenant.Tenant, known int64) error {
				result, err := client.Import(ctx, t, known, &from)
				if err != nil {
					return err
				}
				return a.print(result, func(w io.Writer) error { return writeGrafana(w, result) })
			})
		},
	}
	f.register(c.Flags())
	return c
}

// inOrganization calls do with a client, the tenant, and the ID of its organization as the
// registry has it.
func (a *app) inOrganization(ctx context.Context, id tenant.ID, f *grafanaFlags, do func(context.Context, *grafana.Client, *tenant.Tenant, int64) error) error {
	if f.url() == "" {
		return usagef("no Grafana is given: use --grafana-url URL, or set %s", grafanaURLEnv)
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	doc, err := r.Read(ctx)
	if err != nil {
		return err
	}
	t, err := doc.Tenant(id) // also a deleted one
	if err != nil {
		return err
	}
	client, err := f.client()
	if err != nil {
		return err
	}
	known, err := organizationOf(t)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, grafanaTimeout)
	defer cancel()
	return do(limited, client, t, known)
}
