package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

func (a *app) registryExport() *cobra.Command {
	return &cobra.Command{
		Use:   "export",
		Short: "Print the whole registry in the format of a registry file",
		Long: `Print the whole registry, laid out anew and without its comments, in the format
that "registry import" reads. It holds what the registry holds: digests of keys
and the values of variables, but no key. --output has no effect on it.`,
		Example: `  tenantctl registry export > backup.yaml`,
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			doc, err := a.read()
			if err != nil {
				return err
			}
			text, err := registryfile.Format(doc.Tenants())
			if err != nil {
				return err
			}
			_, err = a.out.Write(text)
			return err
		},
	}
}

// errNotEmpty keeps an import from ending tenants that somebody uses.
var errNotEmpty = errors.New("the registry has tenants already; give --replace to put the imported ones in their place")

func (a *app) registryImport() *cobra.Command {
	var replace bool
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Put the tenants of a registry file into the registry",
		Long: `Put all tenants and keys of FILE, "-" for standard input, into the registry, which
is created if there is none. Unless --replace is given it must have no tenant.
A FILE that is not valid is refused as a whole.`,
		Example: `  tenantctl --registry /etc/otelcol-tenant/tenants.yaml registry import backup.yaml`,
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := a.readInput(args[0])
			if err != nil {
				return err
			}
			snapshot, err := registryfile.Parse(data)
			if err != nil {
				return fmt.Errorf("%s is not a valid registry:\n%w", args[0], err)
			}
			err = a.editWith(cmd.Context(), registryfile.EditOrCreate, func(d *registryfile.Document) error {
				if len(d.Tenants()) > 0 && !replace {
					return errNotEmpty
				}
				return d.Replace(data)
			})
			if err != nil {
				return err
			}
			v := verdict{Faults: []faultView{}, Warnings: []string{}}
			v.describe(snapshot, a.now())
			return a.print(v, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%d tenants and %d keys imported\n", v.Tenants, v.Keys)
				return err
			})
		},
	}
	c.Flags().BoolVar(&replace, "replace", false, "replace all tenants of the registry")
	return c
}

func (a *app) readInput(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(a.in)
	}
	return os.ReadFile(name)
}
