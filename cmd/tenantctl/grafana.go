// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/grafana"
	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// grafanaOrgVar is the variable of a tenant with the ID of its organization in Grafana, so
	// that the tenant keeps it when somebody renames it.
	grafanaOrgVar = "grafana_org_id"

	// grafanaTimeout bounds all requests to Grafana of one command.
	grafanaTimeout = 3 * time.Minute
)

func (a *app) grafanaCommand() *cobra.Command {
	return group("grafana", "Give tenants organizations in Grafana", a.grafanaProvision(), a.grafanaDeprovision(), a.grafanaExport(), a.grafanaImport())
}

func (a *app) grafanaProvision() *cobra.Command {
	var f grafanaFlags
	c := &cobra.Command{
		Use:   "provision TENANT",
		Short: "Create or correct a tenant's organization in Grafana",
		Long: `Give the tenant an organization in Grafana, with data sources that send the
tenant's ID with every query, and dashboards. The command can be repeated: what is
right stays, what differs is corrected, and a run that failed is continued. It
stores the ID of the organization in the registry as the variable ` + grafanaOrgVar + `,
so that the organization may be renamed.

An organization that exists with the tenant's name is used only if it has the mark
of the tenant or is empty, because its members would see the tenant's data;
--adopt uses it nevertheless.

Give people the role Viewer or Editor. An Admin of an organization can change its
data sources, and so read the data of all tenants: the command warns about Admins.

Data sources are KIND=URL, as Grafana reaches them. loki, mimir, cortex and tempo
select the tenant by X-Scope-OrgID; victorialogs and victoriatraces by AccountID,
which is the tenant's variable account_id. prometheus and victoriametrics have no
tenants: their URL must contain {tenant}.`,
		Example: `  tenantctl grafana provision tenant-a --grafana-url https://grafana.example --grafana-credentials-file /run/secrets/grafana_admin \
    --grafana-source loki=http://loki:3100 --grafana-source mimir=http://mimir:9009 --grafana-source tempo=http://tempo:3200 --grafana-viewer ann@tenant-a.example`,
		Args: exactly("TENANT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.url() == "" {
				return usagef("no Grafana is given: use --grafana-url URL, or set %s", grafanaURLEnv)
			}
			r, err := a.open()
			if err != nil {
				return err
			}
			t, err := r.Tenant(cmd.Context(), tenant.ID(args[0]))
			if err != nil {
				return err
			}
			result, err := a.provision(cmd.Context(), r, t, &f)
			if result != nil {
				err = errors.Join(a.print(result, func(w io.Writer) error { return writeGrafana(w, result) }), err)
			}
			return err
		},
	}
	f.register(c.Flags())
	f.registerPlan(c.Flags())
	return a.changing(c)
}

func (a *app) grafanaDeprovision() *cobra.Command {
	var f grafanaFlags
	var yes bool
	c := &cobra.Command{
		Use:   "deprovision TENANT",
		Short: "Delete a tenant's organization in Grafana",
		Long: `Delete the tenant's organization in Grafana with its data sources, dashboards and
alerts. Users stay, and the tenant's data in the backends stays. The command asks
for the tenant's ID again unless --yes is given. It works for deleted tenants too.`,
		Example: `  tenantctl grafana deprovision tenant-a --grafana-url https://grafana.example --grafana-credentials-file /run/secrets/grafana_admin`,
		Args:    exactly("TENANT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.deprovision(cmd, tenant.ID(args[0]), &f, yes)
		},
	}
	f.register(c.Flags())
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return a.changing(c)
}

func (a *app) deprovision(cmd *cobra.Command, id tenant.ID, f *grafanaFlags, yes bool) error {
	o, err := a.organization(cmd.Context(), id, f)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), grafanaTimeout)
	number, name, err := o.client.Find(ctx, o.tenant, o.known, f.adopt)
	cancel()
	if err != nil {
		return adoptHint(err)
	}
	if a.change.dryRun {
		fmt.Fprintf(a.err, "Dry run: organization %d (%q) would be deleted, and nothing was changed.\n", number, name)
		return nil
	}
	if !yes {
		question := fmt.Sprintf("Deleting organization %d (%q) of Grafana cannot be undone. Type %s to continue: ", number, name, id)
		if err := a.confirm(question, string(id)); err != nil {
			return err
		}
	}
	ctx, cancel = context.WithTimeout(cmd.Context(), grafanaTimeout) // the question has no time limit
	defer cancel()
	result, err := o.client.Deprovision(ctx, o.tenant, number, f.adopt)
	if err != nil {
		return err
	}
	if o.known != 0 && o.tenant.Status != tenant.StatusDeleted {
		if _, err := o.registry.UpdateTenant(cmd.Context(), a.request("grafana deprovision"), id, operate.TenantChange{UnsetVars: []string{grafanaOrgVar}}); err != nil {
			return fmt.Errorf("organization %d is deleted, but the tenant still has the variable %s: %w", number, grafanaOrgVar, err)
		}
	}
	return a.print(result, func(w io.Writer) error { return writeGrafana(w, result) })
}

// provision makes Grafana match the flags, and stores the ID of the organization in the
// registry. After an error the result has what was done before it; it may be nil.
func (a *app) provision(ctx context.Context, r *operate.Registry, t *tenant.Tenant, f *grafanaFlags) (*grafana.Result, error) {
	plan, err := f.plan(t)
	if err != nil {
		return nil, err
	}
	plan.DryRun = a.change.dryRun
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, grafanaTimeout)
	defer cancel()
	result, err := client.Provision(limited, plan)
	if result == nil {
		return nil, adoptHint(err)
	}
	for _, text := range result.Warnings {
		fmt.Fprintf(a.err, "Warning: %s\n", text)
	}
	if plan.DryRun {
		fmt.Fprintln(a.err, "Dry run: nothing was changed.")
		return result, adoptHint(err)
	}
	if result.Organization != 0 && result.Organization != plan.Organization {
		change := operate.TenantChange{Vars: []operate.Assignment{{Name: grafanaOrgVar, Value: strconv.FormatInt(result.Organization, 10)}}}
		if _, saveErr := r.UpdateTenant(ctx, a.request("grafana provision"), t.ID, change); saveErr != nil {
			err = errors.Join(err, fmt.Errorf("the registry does not have the ID %d of the organization: %w", result.Organization, saveErr))
		}
	}
	return result, adoptHint(err)
}

// organizationOf returns the ID of the organization that the registry has for a tenant, or 0.
func organizationOf(t *tenant.Tenant) (int64, error) {
	text, ok := t.Vars[grafanaOrgVar]
	if !ok {
		return 0, nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("variable %s of tenant %q is %q and must be a positive number: remove it with tenantctl tenant update %s --unset-var %s", grafanaOrgVar, t.ID, text, t.ID, grafanaOrgVar)
	}
	return id, nil
}

// adoptHint adds the flag with which an organization is used nevertheless.
func adoptHint(err error) error {
	var foreign *grafana.ForeignError
	if errors.As(err, &foreign) && foreign.Adoptable {
		return fmt.Errorf("%w; rename or delete it, or give --adopt if its members may see the tenant's data", err)
	}
	return err
}

func writeGrafana(w io.Writer, result *grafana.Result) error {
	var lines [][]string
	for _, s := range result.Steps {
		lines = append(lines, []string{s.Object, s.Name, string(s.Outcome)})
	}
	if len(lines) > 0 {
		if err := rows(w, []string{"OBJECT", "NAME", "OUTCOME"}, lines); err != nil {
			return err
		}
	}
	for _, u := range result.NewUsers {
		if _, err := fmt.Fprintf(w, "password of %s, shown only once: %s\n", printable(u.Login), u.Password); err != nil {
			return err
		}
	}
	return nil
}

// createInGrafana creates a tenant and gives it an organization. It checks everything that
// needs no Grafana before it creates the tenant.
func (a *app) createInGrafana(cmd *cobra.Command, f *grafanaFlags, create func(context.Context, *operate.Registry) (*tenant.Tenant, error)) error {
	if _, err := f.plan(&tenant.Tenant{}); err != nil {
		return err
	}
	if _, err := f.client(); err != nil {
		return err
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	t, err := create(cmd.Context(), r)
	if err != nil {
		return err
	}
	result, err := a.provision(cmd.Context(), r, t, f)
	if err != nil {
		err = fmt.Errorf("tenant %s is created in the registry, but not completely in Grafana: %w; then run tenantctl grafana provision %s", t.ID, err, t.ID)
	}
	view := struct {
		operate.TenantView
		Grafana *grafana.Result `json:"grafana,omitempty"`
	}{operate.ViewTenant(t, a.now()), result}
	return errors.Join(a.print(view, func(w io.Writer) error {
		if _, err := fmt.Fprintf(w, "tenant %s created\n", t.ID); err != nil || result == nil {
			return err
		}
		return writeGrafana(w, result)
	}), err)
}
