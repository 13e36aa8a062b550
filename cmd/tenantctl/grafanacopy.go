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
	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
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
			o, err := a.organization(cmd.Context(), tenant.ID(args[0]), &f)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), grafanaTimeout)
			defer cancel()
			out, err := o.client.Export(ctx, o.tenant, o.known)
			if err != nil {
				return err
			}
			return a.print(out, func(io.Writer) error { // as it is: a model may have any character
				enc := json.NewEncoder(a.copyTo)
				enc.SetEscapeHTML(false)
				return enc.Encode(out)
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
			o, err := a.organization(cmd.Context(), tenant.ID(args[0]), &f)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), grafanaTimeout)
			defer cancel()
			result, err := o.client.Import(ctx, o.tenant, o.known, &from)
			if err != nil {
				return err
			}
			return a.print(result, func(w io.Writer) error { return writeGrafana(w, result) })
		},
	}
	f.register(c.Flags())
	return c
}

// organization is what commands about the organization of one tenant need.
type organization struct {
	registry *operate.Registry
	tenant   *tenant.Tenant // may be a deleted one
	client   *grafana.Client
	known    int64 // the ID that the registry has; 0: none
}

func (a *app) organization(ctx context.Context, id tenant.ID, f *grafanaFlags) (*organization, error) {
	if f.url() == "" {
		return nil, usagef("no Grafana is given: use --grafana-url URL, or set %s", grafanaURLEnv)
	}
	r, err := a.open()
	if err != nil {
		return nil, err
	}
	doc, err := r.Read(ctx)
	if err != nil {
		return nil, err
	}
	t, err := doc.Tenant(id)
	if err != nil {
		return nil, err
	}
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	known, err := organizationOf(t)
	return &organization{r, t, client, known}, err
}
