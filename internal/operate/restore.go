// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Restore configures how a restored registry is accepted.
type Restore struct {
	// Merge are registries that know what was ended after the backup, such as
	// the snapshots of gateways.
	Merge []MergeSource

	// Above is an epoch that a gateway names. The registry gets a later one.
	Above int64

	// NewAuditLog moves a damaged audit log aside and starts another one.
	NewAuditLog bool
}

// MergeSource is a registry with its name in the audit log.
type MergeSource struct {
	Name     string
	Snapshot *tenant.Snapshot
}

// Restored is the result of accepting a restored registry.
type Restored struct {
	// Epoch is the new epoch of the registry's history.
	Epoch int64 `json:"epoch"`

	// Ended are the keys and tenants that were ended after the backup and are
	// ended again.
	Ended []string `json:"ended_again"`

	// Lost are the keys and tenants that were created after the backup.
	Lost []string `json:"lost"`
}

// PreviewRestore returns what [Registry.AcceptRestore] would do, with epoch 0.
// If a database has lost its own row, PreviewRestore returns
// [registrydb.ErrRowGone]; AcceptRestore can still restore the row.
func (r *Registry) PreviewRestore(ctx context.Context, req Request, set Restore) (*Restored, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	data, err := r.store.read(ctx)
	if err != nil {
		return nil, err
	}
	doc, err := r.document(data)
	if err != nil {
		return nil, err
	}
	return r.endAgain(ctx, req, set, doc)
}

// AcceptRestore accepts the registry as it is after a backup was restored, or
// after another registry took its place. Gateways reject the registry until
// then, since keys that were revoked after the backup would work again.
//
// What was ended after the backup is ended again if the audit log or set.Merge
// knows it. AcceptRestore also restores the row and the history of a database
// that was restored in part.
func (r *Registry) AcceptRestore(ctx context.Context, req Request, set Restore) (out *Restored, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	change := func(d *registryedit.Document) (err error) {
		out, err = r.endAgain(ctx, req, set, d)
		return err
	}
	if req.DryRun {
		return nil, r.preview(ctx, false, change)
	}
	recorder, err := r.recorder(req, ActionAcceptRestore)
	if err != nil {
		return nil, err
	}
	recorder.Restore, recorder.NewLog = audit.RestoreAccepted, set.NewAuditLog
	recorder.Accepted = &audit.Accepted{}
	for _, m := range set.Merge {
		recorder.Accepted.Merged = append(recorder.Accepted.Merged, m.Name)
	}
	// The epoch is the time, so that it is later than that of an earlier restore
	// that this backup does not know.
	var epoch int64
	next := func(was int64) int64 {
		epoch = max(was+1, set.Above+1, r.now().Unix())
		recorder.Accepted.Epoch = epoch
		return epoch
	}
	if err := r.store.accept(ctx, next, recorder, change); err != nil {
		return nil, err
	}
	out.Epoch = epoch
	return out, nil
}

// IsIncomplete reports whether err of [Registry.PreviewRestore] says that the
// database has lost its own row, which [Registry.AcceptRestore] restores.
func IsIncomplete(err error) bool { return errors.Is(err, registrydb.ErrRowGone) }

// endAgain ends keys and tenants in d that are known to have ended, and finds those that d has
// lost.
func (r *Registry) endAgain(ctx context.Context, req Request, set Restore, d *registryedit.Document) (*Restored, error) {
	out := &Restored{Ended: []string{}, Lost: []string{}}
	var known []*history.Index
	for _, m := range set.Merge {
		known = append(known, history.IndexOf(m.Snapshot))
	}
	logged, err := r.fromLog(ctx, d.Tenants())
	if err != nil {
		req.note(fmt.Sprintf("the audit log is not searched for what was ended: %v", err))
	} else {
		known = append(known, logged)
	}
	for _, k := range known {
		kept, err := history.EndAgain(d, k, nil)
		if err != nil {
			return nil, err
		}
		for _, e := range kept {
			out.Ended = append(out.Ended, e.String())
		}
		for _, lost := range history.Lost(k, history.NewIndex(d.Tenants())) {
			out.Lost = append(out.Lost, lost.String())
		}
	}
	return out, nil
}

// fromLog returns tenants with the status and the ends of keys that the audit
// log recorded last.
func (r *Registry) fromLog(ctx context.Context, tenants []*tenant.Tenant) (*history.Index, error) {
	last := make(map[string]map[string]any)
	err := r.store.log(ctx, func(log audit.Storage, _ string) error {
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
	return history.NewIndex(out), nil
}

// asLogged returns t with the status and the ends of keys in fields, which are
// those of an audit entry.
func asLogged(t *tenant.Tenant, fields map[string]any) *tenant.Tenant {
	c := *t
	c.Keys = make([]*tenant.Key, len(t.Keys))
	if status, ok := fields["status"].(string); ok {
		c.Status = tenant.Status(status)
	}
	for n, k := range t.Keys {
		key := *k
		if logged, ok := fields["keys."+k.ID].(map[string]any); ok {
			key.RevokedAt, key.ExpiresAt = loggedTime(logged["revoked_at"]), loggedTime(logged["expires_at"])
		}
		c.Keys[n] = &key
	}
	return &c
}

// loggedTime returns the time in a field of an audit entry, or the zero time.
func loggedTime(v any) time.Time {
	text, _ := v.(string)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t
}
