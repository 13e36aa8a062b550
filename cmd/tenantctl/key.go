package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func (a *app) keyCommand() *cobra.Command {
	return group("key", "Create, list, rotate and revoke the keys of tenants",
		a.keyCreate(), a.keyList(), a.keyRotate(), a.keyRevoke())
}

// keySettings says what a new key may do.
type keySettings struct {
	scopes      []string
	expires     string
	notBefore   string
	description string
	sourceCIDRs []string
	origins     []string
}

func (s *keySettings) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringSliceVar(&s.scopes, "scopes", []string{"logs", "metrics", "traces"}, "the `SIGNALS` the key may send")
	flags.StringVar(&s.expires, "expires", "", "when the key ends: a `TIME` such as 2027-01-31T12:00:00Z or a duration such as 720h or 30d; default never")
	flags.StringVar(&s.notBefore, "not-before", "", "when the key begins: a `TIME` or a duration; default now")
	flags.StringVar(&s.description, "description", "", "what the key is for, such as the name of the machine")
	flags.StringSliceVar(&s.sourceCIDRs, "source-cidr", nil, "address `RANGE` the key may come from; repeat for more; default any")
	flags.StringSliceVar(&s.origins, "origin", nil, "web `ORIGIN`, such as https://app.example, whose pages use the key; repeat for more; default: no page may use it")
}

// keyFlagNames lists the flags that register adds.
func keyFlagNames() []string {
	return []string{"scopes", "expires", "not-before", "description", "source-cidr", "origin"}
}

// newKey makes a key as the settings say and returns its text.
func (s *keySettings) newKey(now time.Time) (*tenant.Key, string, error) {
	text, id := apikey.New()
	now = now.UTC().Truncate(time.Second)
	k := &tenant.Key{ID: id, Digest: apikey.Digest(text), CreatedAt: now, Description: s.description}
	var signals []tenant.Signal
	for _, name := range s.scopes {
		signal, err := tenant.ParseSignal(strings.TrimSpace(name))
		if err != nil {
			return nil, "", usagef("--scopes: %w", err)
		}
		signals = append(signals, signal)
	}
	if len(signals) == 0 {
		return nil, "", usagef("--scopes must name at least one of logs, metrics, traces")
	}
	k.Scopes = tenant.NewSignals(signals...)
	var err error
	if k.ExpiresAt, err = parseWhen(s.expires, now); err != nil {
		return nil, "", usagef("--expires: %w", err)
	}
	if k.NotBefore, err = parseWhen(s.notBefore, now); err != nil {
		return nil, "", usagef("--not-before: %w", err)
	}
	if !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(now) {
		return nil, "", usagef("--expires %s has passed already", s.expires)
	}
	var prefixes []netip.Prefix
	for _, text := range s.sourceCIDRs {
		p, err := registryfile.ParsePrefix(text)
		if err != nil {
			return nil, "", usagef("--source-cidr: %w", err)
		}
		prefixes = append(prefixes, p)
	}
	k.SourceCIDRs = prefixes
	for _, origin := range s.origins {
		if err := registryfile.CheckOrigin(origin); err != nil {
			return nil, "", usagef("--origin: %w", err)
		}
	}
	k.Origins = s.origins
	return k, text, nil
}

// parseWhen reads a time or how long from now it is. Days are allowed, as 30d.
func parseWhen(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if d, err := time.ParseDuration(days + "h"); err == nil && d > 0 && d < 100*365*time.Hour {
			return now.Add(24 * d), nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return time.Time{}, fmt.Errorf("%q is neither a time such as 2027-01-31T12:00:00Z nor a duration such as 720h or 30d", text)
	}
	return now.Add(d), nil
}

// addKey makes a key for a tenant and writes it to the registry.
func (a *app) addKey(ctx context.Context, id string, s keySettings) (*tenant.Tenant, *tenant.Key, string, error) {
	k, text, err := s.newKey(a.now())
	if err != nil {
		return nil, nil, "", err
	}
	var owner *tenant.Tenant
	err = a.edit(ctx, func(d *registryfile.Document) error {
		err := d.Update(tenant.ID(id), func(t *tenant.Tenant) error {
			t.Keys = append(t.Keys, k)
			return refuseDeleted(t)
		})
		if err != nil {
			return err
		}
		owner, err = d.Tenant(tenant.ID(id))
		return err
	})
	return owner, k, text, err
}

func (a *app) keyCreate() *cobra.Command {
	var s keySettings
	c := &cobra.Command{
		Use:   "create TENANT",
		Short: "Create a key and show it, this once",
		Long: `Create a key of a tenant. Its text is printed now and kept nowhere: the registry
holds only its SHA-256. With -o table standard output is the key and nothing else.`,
		Example: `  tenantctl key create tenant-a --description vm-12 --expires 90d
  tenantctl key create tenant-a --scopes logs --source-cidr 10.1.0.0/16 -o json`,
		Args: exactly("TENANT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			owner, k, text, err := a.addKey(cmd.Context(), args[0], s)
			if err != nil {
				return err
			}
			created := struct {
				keyView
				Key string `json:"key"`
			}{viewKey(owner, k, a.now()), text}
			return shown(k, a.print(created, func(w io.Writer) error {
				fmt.Fprintf(a.err, "Key %s of tenant %s. This is the only time it is shown.\n", k.ID, owner.ID)
				_, err := fmt.Fprintln(w, text)
				return err
			}))
		},
	}
	s.register(c)
	return a.changing(c)
}

// shown returns err, that of showing the new key k, with what to do about a key
// that exists and that nobody has seen.
func shown(k *tenant.Key, err error) error {
	if err != nil {
		return fmt.Errorf("key %s was created but could not be shown; revoke it: %w", k.ID, err)
	}
	return nil
}

func (a *app) keyList() *cobra.Command {
	return &cobra.Command{
		Use:   "list [TENANT]",
		Short: "List the keys of a tenant, or of all",
		Long: `List keys with their state: active; pending, before --not-before; expired;
revoked; or deleted with its tenant. When a key was used last each gateway tells
in the file of key_use.`,
		Example: `  tenantctl key list tenant-a
  tenantctl key list -o json | jq -r '.[] | select(.state == "expired").id'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("%s takes at most one TENANT", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := a.read(cmd.Context())
			if err != nil {
				return err
			}
			tenants := doc.Tenants()
			if len(args) == 1 {
				t, err := doc.Tenant(tenant.ID(args[0]))
				if err != nil {
					return err
				}
				tenants = []*tenant.Tenant{t}
			}
			views := []keyView{}
			for _, t := range tenants {
				for _, k := range t.Keys {
					views = append(views, viewKey(t, k, a.now()))
				}
			}
			return a.print(views, func(w io.Writer) error { return writeKeys(w, views) })
		},
	}
}

func writeKeys(w io.Writer, keys []keyView) error {
	var lines [][]string
	for _, k := range keys {
		lines = append(lines, []string{
			k.ID, k.Tenant, k.State, strings.Join(k.Scopes, ","), orDash(k.CreatedAt), orDash(k.ExpiresAt),
			orDash(strings.Join(k.SourceCIDRs, ",")), orDash(k.Description),
		})
	}
	return rows(w, []string{"KEY", "TENANT", "STATE", "SCOPES", "CREATED", "EXPIRES", "SOURCES", "DESCRIPTION"}, lines)
}

func (a *app) keyRevoke() *cobra.Command {
	return a.changing(&cobra.Command{
		Use:   "revoke KEY",
		Short: "Make a key worthless, at once and for good",
		Long: `Revoke a key by its ID, or by the key itself where that has leaked. Gateways
refuse it within a second. To revoke a key again changes nothing.`,
		Example: `  tenantctl key revoke k7f3a9c2 --reason "laptop lost"`,
		Args:    exactly("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := args[0]
			if whole, err := apikey.ID(id); err == nil {
				id = whole
			}
			var owner *tenant.Tenant
			var revoked *tenant.Key
			err := a.edit(cmd.Context(), func(d *registryfile.Document) error {
				owner = ownerOf(d, id)
				if owner == nil {
					return errNoKey
				}
				err := d.Update(owner.ID, func(t *tenant.Tenant) error {
					revoked = keyOf(t, id)
					if revoked.RevokedAt.IsZero() {
						revoked.RevokedAt = a.now().UTC().Truncate(time.Second)
					}
					return nil
				})
				return err
			})
			if err != nil {
				return err
			}
			return a.print(viewKey(owner, revoked, a.now()), func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "key %s of tenant %s revoked\n", revoked.ID, owner.ID)
				return err
			})
		},
	})
}

// errNoKey does not repeat what was given, since that may be a secret.
var errNoKey = errors.New("there is no key with this ID")

func ownerOf(d *registryfile.Document, keyID string) *tenant.Tenant {
	for _, t := range d.Tenants() {
		if keyOf(t, keyID) != nil {
			return t
		}
	}
	return nil
}

func keyOf(t *tenant.Tenant, id string) *tenant.Key {
	for _, k := range t.Keys {
		if k.ID == id {
			return k
		}
	}
	return nil
}
