// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/posixacl"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safepath"
)

// access returns what grants access.
func (r *run) access(rec *record) *access {
	return &access{
		user: r.user, dryRun: r.DryRun, record: rec, refuse: r.refused, root: r.Root,
		line: func(format string, args ...any) {
			text := fmt.Sprintf(format, args...)
			r.result.Access = append(r.result.Access, text)
			r.say("  %s", text)
		},
	}
}

// grant gives the agent's user access to the homes.
func (r *run) grant(context.Context) error {
	if len(r.homes) == 0 {
		return nil
	}
	rec, err := readRecord(r.path(recordFile))
	if err != nil {
		return err
	}
	rec.User = r.user.Name
	r.say("Access of %s to them, as these commands would grant it:", r.user.Name)
	a := r.access(rec)
	for i := range r.homes {
		h := &r.homes[i]
		err := a.grantHome(h)
		if errors.Is(err, posixacl.ErrUnsupported) {
			r.say("  %s has no access control lists. Give the group of the files access:", filepath.Dir(safePathOf(err, h.Path)))
			err = a.grantGroup(h)
		}
		if err != nil {
			r.refused(h.Path, safepath.Reason(err))
		}
	}
	r.joined = a.joined
	if len(r.result.Access) == 0 {
		r.say("  (nothing to change)")
	}
	if !r.DryRun {
		if err := rec.write(r.path(recordFile)); err != nil {
			return err
		}
	}
	r.processList()
	return nil
}

func safePathOf(err error, fallback string) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Path
	}
	return fallback
}

// processList chooses where the list of applications comes from. Only the socket has metrics of processes, and
// only PM2's own user may use it unless PM2 was started otherwise.
func (r *run) processList() {
	if value, ok := r.in.env.Get(varMetrics); ok {
		if value == "true" {
			for _, h := range r.homes {
				if h.Socket && r.user.Check(filepath.Join(h.Path, "rpc.sock"), asuser.ReadWrite) != nil {
					r.say("Note: %s=true needs access to %s/rpc.sock, which %s does not have.", varMetrics, h.Path, r.user.Name)
				}
			}
		}
		return
	}
	all := true
	for _, h := range r.homes {
		socket := h.Socket && r.user.Check(filepath.Join(h.Path, "rpc.sock"), asuser.ReadWrite) == nil
		all = all && socket
		if !socket && !h.Dump && h.Daemon != 0 {
			r.say("Note: run `pm2 save` as %s, so that records have the names of its applications, and log files outside of %s/logs are read.", h.User, h.Path)
		}
	}
	if !all {
		r.in.env = r.in.env.Set(varMetrics, "false")
	}
}
