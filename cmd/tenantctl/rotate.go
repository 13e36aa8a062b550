package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func (a *app) keyRotate() *cobra.Command {
	var overlap time.Duration
	var expires string
	c := &cobra.Command{
		Use:   "rotate KEY",
		Short: "Replace a key by a new one, while the old one works on for a while",
		Long: `Create a key that may do what the key with the ID KEY may, and let the old one end
after the overlap, so that senders can be changed one by one. The new key lives
as long as the old one was meant to, unless --expires is given; when it ends is
printed. A key that was replaced already is not replaced again unless --expires is
given: rotate its replacement. Both changes are made at once or not at all. The new
key is shown this once.`,
		Example: `  tenantctl key rotate k7f3a9c2 --overlap 24h`,
		Args:    exactly("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if overlap < 0 {
				return usagef("--overlap must not be negative")
			}
			now := a.now().UTC().Truncate(time.Second)
			life := newLife{given: expires != ""}
			if expires != "never" {
				var err error
				if life.end, err = parseWhen(expires, now); err != nil {
					return usagef("--expires: %w", err)
				}
			}
			if life.given && !life.end.IsZero() && !life.end.After(now) {
				return usagef("--expires %s has passed already", expires)
			}
			r, err := a.rotate(cmd.Context(), args[0], now, overlap, life)
			if err != nil {
				return err
			}
			rotated := struct {
				keyView
				Key      string  `json:"key"`
				Replaces keyView `json:"replaces"`
			}{viewKey(r.owner, r.made, now), r.text, viewKey(r.owner, r.old, now)}
			return shown(r.made, a.print(rotated, func(w io.Writer) error {
				fmt.Fprintf(a.err, "Key %s of tenant %s %s. It replaces %s, which ends at %s. This is the only time it is shown.\n",
					r.made.ID, r.owner.ID, endOf(r.made), r.old.ID, viewTime(r.old.ExpiresAt))
				_, err := fmt.Fprintln(w, r.text)
				return err
			}))
		},
	}
	c.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old key still works")
	c.Flags().StringVar(&expires, "expires", "", "when the new key ends: a `TIME`, a duration or never; default as long as the old one's life")
	return a.changing(c)
}

// newLife is when a new key is to end.
type newLife struct {
	given bool // by the operator; else it is that of the old key
	end   time.Time
}

// endOf says when a key ends.
func endOf(k *tenant.Key) string {
	if k.ExpiresAt.IsZero() {
		return "has no end"
	}
	return "ends at " + viewTime(k.ExpiresAt)
}

// rotation is one key that takes the place of another.
type rotation struct {
	owner     *tenant.Tenant
	old, made *tenant.Key
	text      string
}

func (a *app) rotate(ctx context.Context, id string, now time.Time, overlap time.Duration, life newLife) (*rotation, error) {
	text, newID := apikey.New()
	r := &rotation{text: text}
	next := a.replacement(ctx, id)
	err := a.edit(ctx, func(d *registryfile.Document) error {
		r.owner = ownerOf(d, id)
		if r.owner == nil {
			return errNoKey
		}
		return d.Update(r.owner.ID, func(t *tenant.Tenant) error {
			if err := refuseDeleted(t); err != nil {
				return err
			}
			r.old = keyOf(t, id)
			if state := keyState(r.old, now); state != "active" {
				return fmt.Errorf("key %s is %s; create a new one instead", id, state)
			}
			end := life.end // this may run again, with another old key
			if !life.given {
				if next != "" {
					return fmt.Errorf("key %s was replaced by key %s already and ends at %s: rotate %s, or say with --expires TIME or --expires never when the new key is to end",
						id, next, viewTime(r.old.ExpiresAt), next)
				}
				end = sameLife(r.old, now)
			}
			r.made = &tenant.Key{
				ID: newID, Digest: apikey.Digest(text), Scopes: r.old.Scopes, CreatedAt: now, ExpiresAt: end,
				SourceCIDRs: r.old.SourceCIDRs, Origins: r.old.Origins, Description: r.old.Description,
			}
			t.Keys = append(t.Keys, r.made)
			// At least a second, since a registry refuses a key that ends when it begins.
			last := now.Add(max(overlap, time.Second).Truncate(time.Second))
			if r.old.ExpiresAt.IsZero() || last.Before(r.old.ExpiresAt) {
				r.old.ExpiresAt = last
			}
			return nil
		})
	})
	return r, err
}

// replacement returns the ID of the key that has replaced the key id, as the audit
// log tells; empty if none has, or the log cannot be read. What is left of the life
// of a replaced key is an overlap, which must not become the life of a new key.
func (a *app) replacement(ctx context.Context, id string) (next string) {
	name := "keys." + id
	err := a.readLog(ctx, func(log audit.Storage, _ audit.Keys) error {
		return log.Entries(ctx, func(text []byte) error {
			var e audit.Entry
			if err := json.Unmarshal(text, &e); err != nil {
				return err
			}
			for _, c := range e.Changes {
				if e.Action != "key rotate" || c.Before[name] == nil {
					continue
				}
				for other := range c.After {
					if made, isKey := strings.CutPrefix(other, "keys."); isKey && c.Before[other] == nil {
						next = made
					}
				}
			}
			return nil
		})
	})
	if err != nil {
		return "" // the end of the new key is printed in any case
	}
	return next
}

// sameLife returns when a key ends that is made now and lives as long as old
// was meant to; zero if old had no end.
func sameLife(old *tenant.Key, now time.Time) time.Time {
	if old.ExpiresAt.IsZero() {
		return time.Time{}
	}
	begin := old.CreatedAt
	if old.NotBefore.After(begin) {
		begin = old.NotBefore
	}
	if begin.IsZero() {
		return old.ExpiresAt
	}
	return now.Add(old.ExpiresAt.Sub(begin))
}
