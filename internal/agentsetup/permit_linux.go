// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pm2home"
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

// sayChanges begins the list of changes of permissions.
func (r *run) sayChanges(done, planned string) {
	if r.DryRun {
		done = planned
	}
	r.say("%s %s, as commands:", done, r.user.Name)
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
	r.sayChanges("Granted to", "Would grant to")
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
			r.noteUnsaved(&h)
		}
	}
	if !all {
		r.in.env = r.in.env.Set(varMetrics, "false")
	}
}

// noteUnsaved says how to save the list of applications of a home. /health has a warning about the same.
func (r *run) noteUnsaved(h *pm2home.Home) {
	r.unsaved = true
	r.say("Note: the applications of %s are not saved: records have no names of applications, and log files outside of %s/logs are not read. Run:", h.User, h.Path)
	r.say("  %s", saveCommand(h))
	r.say("  If log files are in closed folders outside of logs, run `tenantctl setup` again after that.")
}

// saveCommand returns the command with which root saves the list of applications of a home.
func saveCommand(h *pm2home.Home) string {
	owner, err := user.LookupId(strconv.FormatUint(uint64(h.Owner), 10))
	if err != nil { // su needs a name
		return fmt.Sprintf("setpriv --reuid=%d --clear-groups env PM2_HOME=%s pm2 save", h.Owner, shellWord(h.Path))
	}
	if h.Path == filepath.Join(owner.HomeDir, ".pm2") {
		return fmt.Sprintf(`su - %s -c "pm2 save"`, shellWord(owner.Username))
	}
	return fmt.Sprintf("su - %s -c %s", shellWord(owner.Username), shellWord("PM2_HOME="+shellWord(h.Path)+" pm2 save"))
}
