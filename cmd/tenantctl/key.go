// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func (a *app) keyCommand() *cobra.Command {
	return group("key", "Create, list, rotate and revoke the keys of tenants",
		a.keyCreate(), a.keyList(), a.keyRotate(), a.keyRevoke())
}

// keyFlags are the flags that describe a new key.
type keyFlags struct {
	scopes      []string
	expires     string
	notBefore   string
	description string
	sourceCIDRs []string
	origins     []string
}

func (f *keyFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringSliceVar(&f.scopes, "scopes", []string{"logs", "metrics", "traces"}, "the `SIGNALS` the key may send")
	flags.StringVar(&f.expires, "expires", "", "when the key expires: a `TIME` such as 2027-01-31T12:00:00Z or a duration such as 720h or 30d; default never")
	flags.StringVar(&f.notBefore, "not-before", "", "when the key becomes valid: a `TIME` or a duration; default now")
	flags.StringVar(&f.description, "description", "", "what the key is for, such as the name of the machine")
	flags.StringSliceVar(&f.sourceCIDRs, "source-cidr", nil, "address `RANGE` that the key may be used from; can be repeated; default any")
	flags.StringSliceVar(&f.origins, "origin", nil, "web `ORIGIN`, such as https://app.example, whose pages use the key; can be repeated; default: no page may use it")
}

// keyFlagNames lists the flags that register adds.
func keyFlagNames() []string {
	return []string{"scopes", "expires", "not-before", "description", "source-cidr", "origin"}
}

// settings returns what the flags say, at the time now.
func (f *keyFlags) settings(now time.Time) (s operate.KeySettings, err error) {
	now = now.UTC().Truncate(time.Second)
	s.Description, s.Origins = f.description, f.origins
	for _, name := range f.scopes {
		signal, err := tenant.ParseSignal(strings.TrimSpace(name))
		if err != nil {
			return s, usagef("--scopes: %w", err)
		}
		s.Scopes = append(s.Scopes, signal)
	}
	if s.ExpiresAt, err = parseWhen(f.expires, now); err != nil {
		return s, usagef("--expires: %w", err)
	}
	if s.NotBefore, err = parseWhen(f.notBefore, now); err != nil {
		return s, usagef("--not-before: %w", err)
	}
	for _, text := range f.sourceCIDRs {
		prefix, err := registryfile.ParsePrefix(text)
		if err != nil {
			return s, usagef("--source-cidr: %w", err)
		}
		s.SourceCIDRs = append(s.SourceCIDRs, prefix)
	}
	return s, nil
}

// parseWhen parses a time, or a duration from now on. Days are allowed, as in
// 30d. The empty text is the zero time.
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

func (a *app) keyCreate() *cobra.Command {
	var f keyFlags
	c := &cobra.Command{
		Use:   "create TENANT",
		Short: "Create a key and show it once",
		Long: `Create a key of a tenant. The key is printed now and stored nowhere: the registry
holds only its SHA-256. With -o table standard output is the key and nothing else.`,
		Example: `  tenantctl key create tenant-a --description vm-12 --expires 90d
  tenantctl key create tenant-a --scopes logs --source-cidr 10.1.0.0/16 -o json`,
		Args: exactly("TENANT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.open()
			if err != nil {
				return err
			}
			s, err := f.settings(a.now())
			if err != nil {
				return err
			}
			k, err := r.CreateKey(cmd.Context(), a.request(""), tenant.ID(args[0]), s)
			if err != nil {
				return err
			}
			created := struct {
				operate.KeyView
				Key string `json:"key"`
			}{operate.ViewKey(k.Tenant, k.Key, a.now()), k.Text}
			return shown(k.Key, a.print(created, func(w io.Writer) error {
				fmt.Fprintf(a.err, "Key %s of tenant %s. This is the only time it is shown.\n", k.Key.ID, k.Tenant.ID)
				_, err := fmt.Fprintln(w, k.Text)
				return err
			}))
		},
	}
	f.register(c)
	return a.changing(c)
}

// shown returns err, the error of showing the new key k, with what to do about a
// key that exists and was not shown.
func shown(k *tenant.Key, err error) error {
	if err != nil {
		return fmt.Errorf("key %s was created but could not be shown; revoke it: %w", k.ID, err)
	}
	return nil
}

func (a *app) keyList() *cobra.Command {
	return &cobra.Command{
		Use:   "list [TENANT]",
		Short: "List the keys of a tenant, or of all tenants",
		Long: `List keys with their state: active; pending, before --not-before; expired;
revoked; or deleted with its tenant. If the gateway runs on this machine, see
tenantctl status, the list also shows when each key was used last.`,
		Example: `  tenantctl key list tenant-a
  tenantctl key list -o json | jq -r '.[] | select(.state == "expired").id'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("%s takes at most one TENANT", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.open()
			if err != nil {
				return err
			}
			var id tenant.ID
			if len(args) == 1 {
				if id = tenant.ID(args[0]); id == "" {
					return usagef("TENANT must not be empty")
				}
			}
			views, err := r.KeyViews(cmd.Context(), id)
			if err != nil {
				return err
			}
			known := a.addLastUses(cmd.Context(), views)
			return a.print(views, func(w io.Writer) error { return writeKeyList(w, views, known) })
		},
	}
}

// addLastUses adds when keys were used last, as the gateway on this machine knows. It returns
// false if none answers: the registry may be that of another machine.
func (a *app) addLastUses(ctx context.Context, keys []operate.KeyView) (known bool) {
	client, _, err := a.findGateway(ctx, "")
	if err != nil {
		return false
	}
	uses, err := client.KeyUses(ctx)
	if err != nil {
		return false
	}
	for i := range keys {
		if last, ok := uses.LastUsed[keys[i].ID]; ok {
			keys[i].LastUsed = last.Format(time.RFC3339)
		}
	}
	return true
}

// writeKeyList writes keys, and when they were used last if that is known.
func writeKeyList(w io.Writer, keys []operate.KeyView, lastUses bool) error {
	if !lastUses {
		return writeKeys(w, keys)
	}
	var lines [][]string
	for _, k := range keys {
		last := k.LastUsed
		if last == "" {
			last = "never"
		}
		lines = append(lines, []string{
			k.ID, k.Tenant, k.State, last, strings.Join(k.Scopes, ","), orDash(k.CreatedAt), orDash(k.ExpiresAt),
			orDash(strings.Join(k.SourceCIDRs, ",")), orDash(k.Description),
		})
	}
	return rows(w, []string{"KEY", "TENANT", "STATE", "LAST USED", "SCOPES", "CREATED", "EXPIRES", "SOURCES", "DESCRIPTION"}, lines)
}

func writeKeys(w io.Writer, keys []operate.KeyView) error {
	var lines [][]string
	for _, k := range keys {
		lines = append(lines, []string{
			k.ID, k.Tenant, k.State, strings.Join(k.Scopes, ","), orDash(k.CreatedAt), orDash(k.ExpiresAt),
			orDash(strings.Join(k.SourceCIDRs, ",")), orDash(k.Description),
		})
	}
	return rows(w, []string{"KEY", "TENANT", "STATE", "SCOPES", "CREATED", "EXPIRES", "SOURCES", "DESCRIPTION"}, lines)
}

func (a *app) keyRotate() *cobra.Command {
	var overlap time.Duration
	var expires string
	c := &cobra.Command{
		Use:   "rotate KEY",
		Short: "Replace a key by a new one, and keep the old one valid for a while",
		Long: `Create a key that may do what the key with the ID KEY may, and make the old key
expire after the overlap, so that senders can be changed one by one. The new key is
valid for as long as the old one was meant to be, unless --expires is given; the
command prints when it expires. A key that was replaced already can be replaced
again only with --expires: rotate its replacement instead. Both changes are made at
once or not at all. The new key is shown only once.`,
		Example: `  tenantctl key rotate k7f3a9c2 --overlap 24h`,
		Args:    exactly("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			reg, err := a.open()
			if err != nil {
				return err
			}
			set := operate.Rotation{Overlap: overlap}
			if expires != "" {
				set.ExpiresAt = new(time.Time)
			}
			if set.ExpiresAt != nil && expires != "never" {
				if *set.ExpiresAt, err = parseWhen(expires, a.now().UTC().Truncate(time.Second)); err != nil {
					return usagef("--expires: %w", err)
				}
			}
			k, err := reg.RotateKey(cmd.Context(), a.request(""), args[0], set)
			if err != nil {
				return err
			}
			now := a.now()
			rotated := struct {
				operate.KeyView
				Key      string          `json:"key"`
				Replaces operate.KeyView `json:"replaces"`
			}{operate.ViewKey(k.Tenant, k.Key, now), k.Text, operate.ViewKey(k.Tenant, k.Replaced, now)}
			return shown(k.Key, a.print(rotated, func(w io.Writer) error {
				fmt.Fprintf(a.err, "Key %s of tenant %s %s. It replaces %s, which expires at %s. This is the only time it is shown.\n",
					k.Key.ID, k.Tenant.ID, expiryOf(rotated.KeyView), k.Replaced.ID, rotated.Replaces.ExpiresAt)
				_, err := fmt.Fprintln(w, k.Text)
				return err
			}))
		},
	}
	c.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old key stays valid")
	c.Flags().StringVar(&expires, "expires", "", "when the new key expires: a `TIME`, a duration or never; default: after the lifetime of the old key")
	return a.changing(c)
}

func expiryOf(k operate.KeyView) string {
	if k.ExpiresAt == "" {
		return "does not expire"
	}
	return "expires at " + k.ExpiresAt
}

func (a *app) keyRevoke() *cobra.Command {
	return a.changing(&cobra.Command{
		Use:   "revoke KEY",
		Short: "Make a key invalid, at once and permanently",
		Long: `Revoke a key by its ID, or by the key itself if that has leaked. Gateways reject the
key within a second. Revoking a revoked key changes nothing.`,
		Example: `  tenantctl key revoke k7f3a9c2 --reason "laptop lost"`,
		Args:    exactly("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.open()
			if err != nil {
				return err
			}
			owner, revoked, err := r.RevokeKey(cmd.Context(), a.request(""), args[0])
			if err != nil {
				return err
			}
			return a.print(operate.ViewKey(owner, revoked, a.now()), func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "key %s of tenant %s revoked\n", revoked.ID, owner.ID)
				return err
			})
		},
	})
}
