package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// acceptance is one run of accept-restore.
type acceptance struct {
	merge  []string
	above  int64
	newLog bool
	yes    bool

	known []*history.Registry // what the files of merge and the audit log know
	done  accepted
}

// accepted is what became of it.
type accepted struct {
	Epoch int64    `json:"epoch"`
	Ended []string `json:"ended_again"`
	Lost  []string `json:"lost"`
}

func (a *app) registryAcceptRestore() *cobra.Command {
	var r acceptance
	c := &cobra.Command{
		Use:   "accept-restore",
		Short: "Have gateways take a registry that was restored from a backup",
		Long: `Accept the registry as it is now after a backup was restored, or another registry
was put in its place. Gateways refuse it until then, since keys that were revoked
after the backup would work again.

What was ended after the backup is ended again as far as it is known: revoked keys,
suspended and deleted tenants, keys that were to end earlier. It is known to the
audit log, if that is newer than the registry, and to the snapshot of a gateway:
give one with --merge (the file of "snapshot" in the gateway's configuration). What
was created after the backup is listed as lost.

The command is an entry of the audit log. It also puts back the row and the history
of a database that was restored in part.`,
		Example: `  tenantctl registry accept-restore --merge /var/lib/otelcol-tenant/registry.snapshot --reason "disk failure, ticket 4711"`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.store()
			if err != nil {
				return err
			}
			if r.above < 0 || r.above > math.MaxInt32*1000 {
				return usagef("--above must be an epoch as a gateway names it")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), storeTimeout)
			defer cancel()
			for _, name := range r.merge {
				if err := a.mergeFile(&r, name); err != nil {
					return err
				}
			}
			if a.change.dryRun {
				return a.preview(ctx, s, false, func(d *registryfile.Document) error { return a.endAgain(ctx, s, &r, d) })
			}
			if !r.yes {
				if err := a.confirmRestore(ctx, s, &r); err != nil {
					return err
				}
			}
			if err := a.acceptRestore(cmd.Context(), s, &r); err != nil {
				return err
			}
			return a.print(&r.done, r.done.write)
		},
	}
	flags := c.Flags()
	flags.StringArrayVar(&r.merge, "merge", nil, "`FILE` that knows what was ended after the backup: the snapshot of a gateway or a newer registry file; repeat for more")
	flags.Int64Var(&r.above, "above", 0, "the `EPOCH` that a gateway names, if it does not take the registry otherwise")
	flags.BoolVar(&r.newLog, "new-audit-log", false, "set the audit log aside, since it is damaged, and begin another")
	flags.BoolVar(&r.yes, "yes", false, "do not ask")
	return a.changing(c)
}

// mergeFile reads a file of --merge.
func (a *app) mergeFile(r *acceptance, name string) error {
	data, err := a.readInput(name)
	if err != nil {
		return fmt.Errorf("--merge: %w", err)
	}
	snapshot, err := registryfile.Parse(data)
	if err != nil {
		return fmt.Errorf("--merge: %s is not a registry:\n%w", name, err)
	}
	r.known = append(r.known, history.Of(snapshot))
	return nil
}

// endAgain ends in d what is known to be ended, and notes what d has lost.
func (a *app) endAgain(ctx context.Context, s store, r *acceptance, d *registryfile.Document) error {
	r.done = accepted{Epoch: r.done.Epoch, Ended: []string{}, Lost: []string{}}
	known := r.known
	logged, err := a.fromLog(ctx, s, d.Tenants())
	if err != nil {
		fmt.Fprintf(a.err, "The audit log is not looked at for what was ended: %v\n", err)
	} else {
		known = append(known[:len(known):len(known)], logged)
	}
	for _, k := range known {
		kept, err := history.Keep(d, k, nil)
		if err != nil {
			return err
		}
		for _, e := range kept {
			r.done.Ended = append(r.done.Ended, e.String())
		}
		for _, lost := range history.Lost(k, history.NewRegistry(d.Tenants())) {
			r.done.Lost = append(r.done.Lost, lost.String())
		}
	}
	return nil
}

// confirmRestore shows what accepting would do.
func (a *app) confirmRestore(ctx context.Context, s store, r *acceptance) error {
	data, err := s.read(ctx)
	switch {
	case errors.Is(err, registrydb.ErrRowGone):
		fmt.Fprintln(a.err, "The row of the registry is put back with the tenants that are there.")
	case err != nil:
		return err
	default:
		doc, err := registryfile.NewDocument(data)
		if err != nil {
			return fmt.Errorf("%v is not a valid registry:\n%w", s, err)
		}
		if err := a.endAgain(ctx, s, r, doc); err != nil {
			return err
		}
		if err := r.done.show(a.err); err != nil {
			return err
		}
	}
	if len(r.merge) == 0 {
		fmt.Fprintln(a.err, "No snapshot of a gateway was given with --merge: what it knows to be ended works again.")
	}
	return a.confirm("All gateways take the registry as it is now. What was ended after the backup and is not listed works again. Type yes to go on: ", "yes")
}

func (a *app) acceptRestore(ctx context.Context, s store, r *acceptance) error {
	recorder, err := a.recorder(s)
	if err != nil {
		return err
	}
	recorder.Seen, recorder.NewLog = audit.SeenReplaced, r.newLog
	recorder.Accepted = &audit.Accepted{Merged: r.merge}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	// The time, so that it is later than that of an earlier restore of which this
	// backup does not know.
	epoch := func(was int64) int64 {
		r.done.Epoch = max(was+1, r.above+1, a.now().Unix())
		recorder.Accepted.Epoch = r.done.Epoch
		return r.done.Epoch
	}
	return s.accept(ctx, epoch, recorder, func(d *registryfile.Document) error { return a.endAgain(ctx, s, r, d) })
}

func (v *accepted) show(w io.Writer) error {
	var out strings.Builder
	for _, text := range v.Ended {
		fmt.Fprintf(&out, "ended again: %s\n", text)
	}
	for _, text := range v.Lost {
		fmt.Fprintf(&out, "lost: %s\n", text)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (v *accepted) write(w io.Writer) error {
	if err := v.show(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "accepted: gateways take the registry as it is now (epoch %d)\n", v.Epoch)
	return err
}

// fromLog returns tenants as the audit log says they were last: suspended, deleted,
// with keys revoked or ending earlier.
func (a *app) fromLog(ctx context.Context, s store, tenants []*tenant.Tenant) (*history.Registry, error) {
	last := make(map[string]map[string]any)
	err := s.log(ctx, func(log audit.Storage, _ string) error {
		return log.Entries(ctx, func(text []byte) error {
			var e audit.Entry
			if err := json.Unmarshal(text, &e); err != nil {
				return err
			}
			for _, c := range e.Changes {
				if last[c.Tenant] == nil {
					last[c.Tenant] = make(map[string]any)
				}
				maps.Copy(last[c.Tenant], c.After)
			}
			return nil
		})
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	out := make([]*tenant.Tenant, len(tenants))
	for n, t := range tenants {
		out[n] = asLogged(t, last[string(t.ID)])
	}
	return history.NewRegistry(out), nil
}

// asLogged returns t with the ends that fields, as an entry shows them, say.
func asLogged(t *tenant.Tenant, fields map[string]any) *tenant.Tenant {
	c := *t
	c.Keys = make([]*tenant.Key, len(t.Keys))
	if status, ok := fields["status"].(string); ok {
		c.Status = tenant.Status(status)
	}
	for n, k := range t.Keys {
		key := *k
		if shown, ok := fields["keys."+k.ID].(map[string]any); ok {
			key.RevokedAt, key.ExpiresAt = shownTime(shown["revoked_at"]), shownTime(shown["expires_at"])
		}
		c.Keys[n] = &key
	}
	return &c
}

func shownTime(v any) time.Time {
	text, _ := v.(string)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t
}
