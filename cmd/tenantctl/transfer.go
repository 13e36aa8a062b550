package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func (a *app) registryExport() *cobra.Command {
	var reformat bool
	c := &cobra.Command{
		Use:   "export",
		Short: "Print the whole registry in the format of a registry file",
		Long: `Print the whole registry, comments included, in the format that "registry import"
reads, so that a registry can be moved between a file and a database without
loss. It holds what the registry holds: digests of keys and the values of
variables, but no key. With -o json it is the same without comments, in JSON, and
can be imported too.`,
		Example: `  tenantctl registry export > backup.yaml
  tenantctl --registry tenants.yaml registry export | tenantctl --registry postgres://db.example/tenants registry import -`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			doc, err := a.read(cmd.Context())
			if err != nil {
				return err
			}
			text := registryfile.WithoutHistory(doc.Bytes()) // that of this file goes on here
			if reformat || a.output == "json" {
				if text, err = registryfile.Format(doc.Tenants()); err != nil {
					return err
				}
			}
			if a.output == "json" {
				var all any // Format has quoted what is text and reads as something else
				if err := yaml.Unmarshal(text, &all); err != nil {
					return err
				}
				return a.print(all, nil)
			}
			_, err = a.copyTo.Write(text)
			return err
		},
	}
	c.Flags().BoolVar(&reformat, "reformat", false, "lay the registry out anew, without its comments")
	return c
}

// errNotEmpty keeps an import from ending tenants that somebody uses.
var errNotEmpty = errors.New("the registry has tenants already; give --replace to put the imported ones in their place")

func (a *app) registryImport() *cobra.Command {
	var replace, yes bool
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
				name := args[0]
				if name == "-" {
					name = "standard input"
				}
				return fmt.Errorf("%s is not a valid registry:\n%w", name, err)
			}
			if err := checkImported(snapshot); err != nil {
				return err
			}
			if replace && !yes && !a.change.dryRun {
				if err := a.confirmLoss(cmd.Context(), snapshot, args[0] == "-"); err != nil {
					return err
				}
			}
			var kept history.Revivals
			err = a.editOrCreate(cmd.Context(), func(d *registryfile.Document) error {
				if len(d.Tenants()) > 0 && !replace {
					return errNotEmpty
				}
				before := history.NewRegistry(d.Tenants())
				if err := d.Replace(data); err != nil {
					return err
				}
				kept, err = history.Keep(d, before, func(e history.Revival) bool { return e.Final })
				return err
			})
			if err != nil {
				return err
			}
			v := verdict{Faults: []faultView{}, Warnings: []string{}}
			v.describe(snapshot, a.now())
			for _, e := range kept {
				text := e.String() + " and stays so"
				v.Warnings = append(v.Warnings, text)
				fmt.Fprintf(a.err, "%s\n", text)
			}
			return a.print(v, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%d tenants and %d keys imported\n", v.Tenants, v.Keys)
				return err
			})
		},
	}
	c.Flags().BoolVar(&replace, "replace", false, "replace all tenants of the registry")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask, even if tenants would be gone")
	return a.changing(c)
}

// checkImported refuses what could only be confused with something else.
func checkImported(s *tenant.Snapshot) error {
	var errs []error
	for _, pair := range s.Twins() {
		errs = append(errs, twinError(pair))
	}
	for t := range s.Tenants() {
		for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
			if tenant.LooksLikeIdentity(name) {
				errs = append(errs, fmt.Errorf("tenant %s: %w", t.ID, lookalikeError(name)))
			}
		}
	}
	return errors.Join(errs...)
}

func (a *app) readInput(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(a.in)
	}
	return os.ReadFile(name)
}

func (a *app) registryMigrate() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Make the tables of a registry in a database, or bring them up to date",
		Long: `Make the tables of a registry in a database if there are none, or bring those of an
older version up to what this one writes. Gateways of an older version may not
read them then, so upgrade the gateways first. The registry itself stays as it
is.`,
		Example: `  tenantctl --registry postgres://db.example/tenants registry migrate`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.store()
			if err != nil {
				return err
			}
			db, ok := s.(dbStore)
			if !ok {
				return usagef("a registry file needs no migration")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), storeTimeout)
			defer cancel()
			was, is, err := registrydb.Migrate(ctx, db.cfg)
			if err != nil {
				return err
			}
			done := struct {
				Was int `json:"was"`
				Is  int `json:"is"`
			}{was, is}
			return a.print(done, func(w io.Writer) error {
				if was == is {
					_, err := fmt.Fprintf(w, "the tables have layout %d already\n", is)
					return err
				}
				_, err := fmt.Fprintf(w, "the tables have layout %d now\n", is)
				return err
			})
		},
	}
}

// confirmLoss asks before tenants are removed that the imported registry does
// not have. Unlike deleted ones their IDs would be free for others.
func (a *app) confirmLoss(ctx context.Context, imported *tenant.Snapshot, inputTaken bool) error {
	doc, err := a.read(ctx)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, registrydb.ErrNoRegistry) {
		return nil
	}
	if err != nil {
		return err
	}
	var lost, revived []string
	for _, t := range doc.Tenants() {
		if imported.Tenant(t.ID) == nil {
			lost = append(lost, string(t.ID))
		}
	}
	for _, e := range history.Revived(history.NewRegistry(doc.Tenants()), history.Of(imported)) {
		if !e.Final { // what was ended for good stays so
			revived = append(revived, e.String())
		}
	}
	if len(revived) > 0 {
		about := strings.Join(revived[:min(5, len(revived))], "; ")
		if inputTaken {
			return usagef("%d tenants or keys would work again, or for longer (%s): give --yes", len(revived), about)
		}
		fmt.Fprintf(a.err, "These would work again, or for longer: %s\n", about)
		if len(lost) == 0 {
			return a.confirm("Type yes to go on: ", "yes")
		}
	}
	if len(lost) == 0 {
		return nil
	}
	about := strings.Join(lost[:min(5, len(lost))], ", ")
	if len(lost) > 5 {
		about += ", …"
	}
	if inputTaken {
		return usagef("%d tenants are not in the imported registry and would be gone (%s): give --yes", len(lost), about)
	}
	return a.confirm(fmt.Sprintf("%d tenants are not in the imported registry and would be gone: %s. Type yes to go on: ", len(lost), about), "yes")
}
