package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func (a *app) tenantCommand() *cobra.Command {
	return group("tenant", "Create, change and list tenants",
		a.tenantCreate(), a.tenantList(), a.tenantShow(), a.tenantUpdate(),
		a.tenantSuspend(), a.tenantResume(),
		a.tenantDelete())
}

func (a *app) tenantCreate() *cobra.Command {
	var edit tenantFlags
	c := &cobra.Command{
		Use:   "create ID",
		Short: "Create a tenant, and the registry if there is none",
		Long: `Create a tenant. Its ID is the business_id on all its data and cannot be changed
later. A registry that does not exist is made: a file, readable by its owner only,
in a folder that must exist, or the tables of a database.`,
		Example: `  tenantctl tenant create tenant-a --name "Tenant A Ltd" --attribute plan=enterprise \
    --route logs=loki --route traces=tempo --limit logs.records_per_second=5000 --limit daily_bytes=20GiB`,
		Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			t := &tenant.Tenant{
				ID: tenant.ID(args[0]), Status: tenant.StatusActive, Isolation: tenant.IsolationShared,
				Attributes: map[string]string{}, Vars: map[string]string{}, Routes: map[tenant.Signal][]string{},
			}
			if err := t.ID.Validate(); err != nil {
				return err
			}
			if err := edit.apply(cmd, t); err != nil {
				return err
			}
			err := a.editOrCreate(cmd.Context(), func(d *registryfile.Document) error {
				if err := checkTwin(d, t.ID); err != nil {
					return err
				}
				return d.Add(t)
			})
			if err != nil {
				return err
			}
			return a.printTenant(t, "created")
		},
	}
	edit.register(c, false)
	return a.changing(c)
}

func (a *app) tenantUpdate() *cobra.Command {
	var edit tenantFlags
	c := &cobra.Command{
		Use:   "update ID",
		Short: "Change a tenant's name, attributes, variables, routes or limits",
		Long: `Change what is given and leave the rest. Comments and order of the registry
stay. A limit of 0 is no limit. A route with no destination, "logs=", discards
the signal; --unset-route gives it back to the gateway's own routes.`,
		Example: `  tenantctl tenant update tenant-a --route logs=loki,signoz --var signoz_endpoint=signoz.a.example:4317
  tenantctl tenant update tenant-a --limit logs.bytes_per_second=5MiB --unset-route traces`,
		Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !edit.any(cmd) {
				return usagef("nothing to update: give at least one of the flags of %s", cmd.CommandPath())
			}
			return a.changeTenant(cmd, args[0], "updated", func(t *tenant.Tenant) error { return edit.apply(cmd, t) })
		},
	}
	edit.register(c, true)
	return a.changing(c)
}

func (a *app) tenantSuspend() *cobra.Command {
	return a.tenantStatus(&cobra.Command{
		Use:   "suspend ID",
		Short: "Refuse a tenant's data until it is resumed",
		Long: `Refuse a tenant's data with 403 over HTTP and PERMISSION_DENIED over gRPC. The
agents of this distribution wait it out over HTTP; other senders drop their data.
What the gateway holds already is delivered. Keys and routes stay.`,
		Example: `  tenantctl tenant suspend tenant-a --reason "unpaid, ticket 4711"`,
	}, tenant.StatusSuspended, "suspended")
}

func (a *app) tenantResume() *cobra.Command {
	return a.tenantStatus(&cobra.Command{
		Use:     "resume ID",
		Short:   "Accept the data of a suspended tenant again",
		Long:    `Accept a suspended tenant's data again, with the keys and routes that it had.`,
		Example: `  tenantctl tenant resume tenant-a`,
	}, tenant.StatusActive, "resumed")
}

func (a *app) tenantStatus(c *cobra.Command, status tenant.Status, done string) *cobra.Command {
	c.Args = exactly("ID")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		return a.changeTenant(cmd, args[0], done, func(t *tenant.Tenant) error {
			t.Status = status
			return nil
		})
	}
	return a.changing(c)
}

func (a *app) tenantDelete() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "delete ID",
		Short: "End a tenant for good",
		Long: `Mark a tenant as deleted: its keys are unknown from then on, what the gateway
still holds for it is delivered, and its ID is kept so that nobody else gets it.
Asks for the ID again unless --yes is given.`,
		Example: `  tenantctl tenant delete tenant-a --reason "contract ended"`,
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes && !a.change.dryRun {
				if err := a.confirm(fmt.Sprintf("Deleting tenant %s cannot be undone. Type its ID to go on: ", args[0]), args[0]); err != nil {
					return err
				}
			}
			return a.changeTenant(cmd, args[0], "deleted", func(t *tenant.Tenant) error {
				t.Status = tenant.StatusDeleted
				return nil
			})
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return a.changing(c)
}

// confirm asks for a text.
func (a *app) confirm(question, want string) error {
	fmt.Fprint(a.err, question)
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && line == "" {
		fmt.Fprintln(a.err)
		return usagef("nobody is there to confirm, give --yes")
	}
	if strings.TrimSpace(line) != want {
		return fmt.Errorf("that is not %q, nothing was changed", want)
	}
	return nil
}

// changeTenant edits one tenant that is not deleted and prints it.
func (a *app) changeTenant(cmd *cobra.Command, id, done string, change func(*tenant.Tenant) error) error {
	var after *tenant.Tenant
	err := a.edit(cmd.Context(), func(d *registryfile.Document) error {
		err := d.Update(tenant.ID(id), func(t *tenant.Tenant) error {
			if err := refuseDeleted(t); err != nil {
				return err
			}
			return change(t)
		})
		if err != nil {
			return err
		}
		after, err = d.Tenant(tenant.ID(id))
		return err
	})
	if err != nil {
		return err
	}
	return a.printTenant(after, done)
}

func refuseDeleted(t *tenant.Tenant) error {
	if t.Status == tenant.StatusDeleted {
		return fmt.Errorf("tenant %q is deleted", t.ID)
	}
	return nil
}

func (a *app) tenantList() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the tenants",
		Long: `List the tenants with their status, isolation, and how many of their keys work
now. -o json and -o yaml print all that "tenantctl tenant show" does.`,
		Example: `  tenantctl tenant list --all
  tenantctl tenant list -o json | jq -r '.[].id'`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			doc, err := a.read(cmd.Context())
			if err != nil {
				return err
			}
			views := []tenantView{}
			var lines [][]string
			for _, t := range doc.Tenants() {
				if t.Status == tenant.StatusDeleted && !all {
					continue
				}
				v := viewTenant(t, a.now())
				views = append(views, v)
				active := 0
				for _, k := range v.Keys {
					if k.State == "active" {
						active++
					}
				}
				lines = append(lines, []string{v.ID, v.Status, v.Isolation, fmt.Sprintf("%d/%d", active, len(v.Keys)), orDash(v.Name)})
			}
			return a.print(views, func(w io.Writer) error {
				return rows(w, []string{"ID", "STATUS", "ISOLATION", "KEYS", "NAME"}, lines)
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "also list deleted tenants")
	return c
}

func (a *app) tenantShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show one tenant with its routes, limits and keys",
		Long: `Show all that the registry knows of a tenant. Variables whose names say that
they are secrets are shown as (hidden) unless they are references such as
${file:/etc/otelcol-tenant/secrets/x}. Of keys only the IDs are shown.`,
		Example: `  tenantctl tenant show tenant-a -o yaml`,
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := a.read(cmd.Context())
			if err != nil {
				return err
			}
			t, err := doc.Tenant(tenant.ID(args[0]))
			if err != nil {
				return err
			}
			v := viewTenant(t, a.now())
			return a.print(v, func(w io.Writer) error { return writeTenant(w, v) })
		},
	}
}

// printTenant says what was done. Structured output is the tenant itself.
func (a *app) printTenant(t *tenant.Tenant, done string) error {
	return a.print(viewTenant(t, a.now()), func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "tenant %s %s\n", t.ID, done)
		return err
	})
}

func writeTenant(w io.Writer, v tenantView) error {
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
