// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

func (a *app) registryCommand() *cobra.Command {
	return group("registry", "Check, copy and move the registry as a whole",
		a.registryValidate(), a.registryExport(), a.registryImport(), a.registryMigrate(), a.registryAcceptRestore())
}

var errInvalid = errors.New("the registry is not valid: a gateway would keep the last valid one")

func (a *app) registryValidate() *cobra.Command {
	var gatewayConfig []string
	c := &cobra.Command{
		Use:   "validate",
		Short: "Check whether gateways would accept the registry as it is",
		Long: `Check the registry as a gateway does and print every fault with its line. Warnings
are about things that are valid but rarely intended: tenants without a usable key,
keys that expire within two weeks, secrets in clear text, and with --gateway-config
routes to destinations that the gateways do not have. The exit status is 1 if the
registry is not valid.`,
		Example: `  tenantctl registry validate
  tenantctl --registry ./tenants.yaml registry validate -o json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.open()
			if err != nil {
				return err
			}
			destinations, err := readGatewayConfig(gatewayConfig)
			if err != nil {
				return err
			}
			v, err := r.Validate(cmd.Context(), destinations)
			if err != nil {
				return err
			}
			if err := a.print(v, func(w io.Writer) error { return writeValidation(w, v, r) }); err != nil {
				return err
			}
			if !v.Valid {
				return errInvalid
			}
			return nil
		},
	}
	registerGatewayConfig(c.Flags(), &gatewayConfig)
	return c
}

func writeValidation(w io.Writer, v *operate.Validation, r *operate.Registry) error {
	for _, f := range v.Faults {
		if _, err := fmt.Fprintf(w, "%v: %v\n", r, registryfile.Fault(f)); err != nil {
			return err
		}
	}
	for _, text := range v.Warnings {
		if _, err := fmt.Fprintf(w, "warning: %s\n", text); err != nil {
			return err
		}
	}
	if !v.Valid {
		return nil
	}
	_, err := fmt.Fprintf(w, "%v is valid: %d tenants, %d keys\n", r, v.Tenants, v.Keys)
	return err
}

func (a *app) registryExport() *cobra.Command {
	var reformat bool
	c := &cobra.Command{
		Use:   "export",
		Short: "Print the whole registry in the format of a registry file",
		Long: `Print the whole registry, with comments, in the format that "registry import"
reads, so that a registry can be moved between a file and a database without
loss. The output has everything that the registry has: digests of keys and values
of variables, but no keys. With -o json the output is JSON without comments, which
can be imported too.`,
		Example: `  tenantctl registry export > backup.yaml
  tenantctl --registry tenants.yaml registry export | tenantctl --registry postgres://db.example/tenants registry import -`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.open()
			if err != nil {
				return err
			}
			doc, err := r.Read(cmd.Context())
			if err != nil {
				return err
			}
			text := registryfile.WithoutHistory(doc.Bytes()) // a copy has its own history
			if reformat || a.output == "json" {
				if text, err = registryfile.Format(doc.Tenants()); err != nil {
					return err
				}
			}
			if a.output == "json" {
				var all any // Format quotes text that YAML would read as another type
				if err := yaml.Unmarshal(text, &all); err != nil {
					return err
				}
				return a.print(all, nil)
			}
			_, err = a.copyTo.Write(text)
			return err
		},
	}
	c.Flags().BoolVar(&reformat, "reformat", false, "write the registry in the standard layout, without its comments")
	return c
}

func (a *app) registryImport() *cobra.Command {
	var replace, yes bool
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Put the tenants of a registry file into the registry",
		Long: `Put all tenants and keys of FILE, or of standard input if FILE is "-", into the
registry, which is created if there is none. Unless --replace is given the registry
must have no tenants. A FILE that is not valid is rejected as a whole.`,
		Example: `  tenantctl --registry /etc/otelcol-tenant/tenants.yaml registry import backup.yaml`,
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.open()
			if err != nil {
				return err
			}
			data, err := a.readInput(args[0])
			if err != nil {
				return err
			}
			imp, err := operate.NewImport(data)
			switch {
			case errors.As(err, new(registryfile.Faults)):
				name := args[0]
				if name == "-" {
					name = "standard input"
				}
				return fmt.Errorf("%s is not a valid registry:\n%w", name, err)
			case err != nil:
				return err
			}
			if replace && !yes && !a.change.dryRun {
				if err := a.confirmLosses(cmd.Context(), r, imp, args[0] == "-"); err != nil {
					return err
				}
			}
			out, err := r.Import(cmd.Context(), a.request(""), imp, replace)
			if err != nil {
				return err
			}
			for _, e := range out.Kept {
				text := e.String() + " and stays so"
				out.Warnings = append(out.Warnings, text)
				fmt.Fprintf(a.err, "%s\n", text)
			}
			return a.print(out, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%d tenants and %d keys imported\n", out.Tenants, out.Keys)
				return err
			})
		},
	}
	c.Flags().BoolVar(&replace, "replace", false, "replace all tenants of the registry")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask, even if tenants would be removed")
	return a.changing(c)
}

// maxListed bounds how many tenants or keys a question lists.
const maxListed = 5

// confirmLosses asks before an import removes tenants, or makes suspended
// tenants and expiring keys valid again. It cannot ask if the imported registry
// comes from standard input.
func (a *app) confirmLosses(ctx context.Context, r *operate.Registry, imp *operate.Import, fromInput bool) error {
	losses, err := r.ImportLosses(ctx, imp)
	if err != nil {
		return err
	}
	if n := len(losses.Restored); n > 0 {
		var texts []string
		for _, e := range losses.Restored[:min(maxListed, n)] {
			texts = append(texts, e.String())
		}
		list := strings.Join(texts, "; ")
		if fromInput {
			return usagef("%d tenants or keys would be valid again, or for longer (%s): give --yes", n, list)
		}
		fmt.Fprintf(a.err, "These would be valid again, or for longer: %s\n", list)
		if len(losses.Removed) == 0 {
			return a.confirm("Type yes to continue: ", "yes")
		}
	}
	n := len(losses.Removed)
	if n == 0 {
		return nil
	}
	var ids []string
	for _, id := range losses.Removed[:min(maxListed, n)] {
		ids = append(ids, string(id))
	}
	list := strings.Join(ids, ", ")
	if n > maxListed {
		list += ", …"
	}
	if fromInput {
		return usagef("%d tenants are not in the imported registry and would be removed (%s): give --yes", n, list)
	}
	return a.confirm(fmt.Sprintf("%d tenants are not in the imported registry and would be removed: %s. Type yes to continue: ", n, list), "yes")
}

func (a *app) registryMigrate() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Create the tables of a registry in a database, or bring them up to date",
		Long: `Create the tables of a registry in a database if there are none, or bring those of
an older version up to the layout of this version. Gateways of an older version may
not be able to read them afterwards, so upgrade the gateways first. The tenants and
keys do not change.`,
		Example: `  tenantctl --registry postgres://db.example/tenants registry migrate`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.open()
			if err != nil {
				return err
			}
			was, is, err := r.Migrate(cmd.Context())
			if err != nil {
				return err
			}
			done := struct {
				Was int `json:"was"`
				Is  int `json:"is"`
			}{was, is}
			return a.print(done, func(w io.Writer) error {
				if was == is {
					_, err := fmt.Fprintf(w, "the tables already have layout %d\n", is)
					return err
				}
				_, err := fmt.Fprintf(w, "the tables now have layout %d\n", is)
				return err
			})
		},
	}
}
