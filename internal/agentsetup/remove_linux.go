// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

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
	left, err := r.access(rec).removeAll()
	if err != nil || r.DryRun {
		return r.result, err
	}
	if len(left) > 0 {
		return r.result, r.keep(rec, left)
	}
	if err := os.Remove(r.path(recordFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r.result, err
	}
	if unit, err := agentinstall.FindUnit(r.Root, agentinstall.UnitName); err == nil {
		r.say("A running agent still reads files that it has open: stop it with `systemctl disable --now %s`.", unit.Name)
	}
	return r.result, nil
}

// maxNamed is how many places an error names.
const maxNamed = 5

// keep writes a record of the places where access may be left, and returns an error that names them.
func (r *run) keep(rec *record, left []granted) error {
	file := r.path(recordFile)
	rest := &record{User: rec.User, Granted: left, changed: true}
	if err := rest.write(file); err != nil {
		return err
	}
	var names []string
	for _, g := range left[:min(len(left), maxNamed)] {
		names = append(names, shellWord(g.Path))
	}
	if n := len(left) - len(names); n > 0 {
		names = append(names, fmt.Sprintf("and %d more", n))
	}
	return fmt.Errorf("access may be left, because these do not exist or are links now: %s. Run `tenantctl setup --remove-access` again when they are back, "+
		"or delete %s if they were removed", strings.Join(names, ", "), file)
}
