// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
)

// RemoveAccess removes the access that setups have granted, and nothing else. A running agent keeps files open
// that it reads.
func RemoveAccess(_ context.Context, set Settings) (*Result, error) {
	r := &run{Settings: set, result: &Result{Homes: []Home{}, Access: []string{}, Refused: []string{}, Written: []string{}, Conditions: []Condition{}}}
	r.Root = cmp.Or(r.Root, "/")
	if os.Geteuid() != 0 {
		return r.result, errors.New("only root can remove access")
	}
	rec, err := readRecord(r.path(recordFile))
	if err != nil {
		return r.result, err
	}
	if rec.User == "" {
		r.say("No access was granted by tenantctl setup.")
		return r.result, nil
	}
	if r.user, err = asuser.Lookup(rec.User); err != nil {
		return r.result, err
	}
	r.sayChanges("Removed from", "Would remove from")
	if err := r.access(rec).removeAll(); err != nil {
		return r.result, err
	}
	if r.DryRun {
		return r.result, nil
	}
	if err := os.Remove(r.path(recordFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r.result, err
	}
	if unit, err := agentinstall.FindUnit(r.Root, agentinstall.UnitName); err == nil {
		r.say("A running agent still reads files that it has open: stop it with `systemctl disable --now %s`.", unit.Name)
	}
	return r.result, nil
}
