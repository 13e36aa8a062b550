// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pm2home"
)

// maxFiles bounds how many files of one kind are listed.
const maxFiles = 20

const accessFix = "Run `tenantctl setup`, which grants the agent's user access with ACLs, or see `tenantctl setup --dry-run` for the commands. A chmod of a file or folder removes what was granted earlier."

// pm2 checks homes, permissions and files of PM2.
func (x *examination) pm2(context.Context) {
	if len(x.agent.Receivers) == 0 {
		x.ok("pm2.home", "receivers", "The configuration reads no logs of PM2")
		return
	}
	var named []string
	for _, r := range x.agent.Receivers {
		named = append(named, r.Homes...)
	}
	homes, skipped := pm2home.Find(pm2home.Search{Root: x.rootPrefix(), More: x.paths(named)})
	for _, s := range skipped {
		if s.Daemon != 0 && !slices.Contains(x.paths(named), s.Path) {
			x.warn("pm2.home", s.Path, fmt.Sprintf("Process %d is named like the daemon of PM2 in this home, which cannot be used: %s", s.Daemon, s.Reason), "Correct the owner or the link if PM2 runs there.")
		}
	}
	for i := range x.agent.Receivers {
		x.receiver(&x.agent.Receivers[i], homes)
	}
	x.unconfigured(homes)
	if os.Geteuid() != 0 {
		x.warn("pm2.home", "other users", "Without root this command sees only homes and files that its own user may see", "Run this command as root.")
	}
}

// rootPrefix returns Root as a prefix of paths.
func (x *examination) rootPrefix() string {
	if x.set.Root == "/" {
		return ""
	}
	return x.set.Root
}

func (x *examination) paths(all []string) (out []string) {
	for _, p := range all {
		out = append(out, x.path(p))
	}
	return out
}

// configured reports whether a receiver reads a home.
func (x *examination) configured(r *agentinstall.PM2, home string) bool {
	for _, h := range r.Homes {
		if real, err := filepath.EvalSymlinks(x.path(h)); x.path(h) == home || err == nil && real == home {
			return true
		}
	}
	for _, p := range r.Patterns {
		if ok, err := doublestar.PathMatch(x.path(p), home); err == nil && ok {
			return true
		}
	}
	return false
}

// unconfigured reports homes that no receiver reads.
func (x *examination) unconfigured(homes []pm2home.Home) {
	for _, h := range homes {
		if slices.ContainsFunc(x.agent.Receivers, func(r agentinstall.PM2) bool { return len(r.Include) > 0 || x.configured(&r, h.Path) }) {
			continue
		}
		if h.Daemon == 0 {
			x.ok("pm2.unconfigured", h.Path, fmt.Sprintf("The agent does not read this home of PM2 of %s, where no daemon runs", h.User))
			continue
		}
		fix := "Run `tenantctl setup`, which adds it to /etc/otelcol-tenant/agent.env, or set PM2_HOME to it and restart the agent."
		message := fmt.Sprintf("The agent does not read this home of PM2 of %s, with %d log files, whose daemon runs as process %d", h.User, len(h.Logs), h.Daemon)
		x.fail("pm2.unconfigured", h.Path, message, fix)
	}
}

// receiver checks the homes that one receiver reads.
func (x *examination) receiver(r *agentinstall.PM2, homes []pm2home.Home) {
	read := 0
	for _, h := range homes {
		if !x.configured(r, h.Path) {
			continue
		}
		read++
		x.home(r, &h)
	}
	for _, path := range r.Homes {
		full := x.path(path)
		if slices.ContainsFunc(homes, func(h pm2home.Home) bool { return x.configured(&agentinstall.PM2{Homes: []string{path}}, h.Path) }) {
			continue
		}
		if _, err := os.Stat(full); errors.Is(err, os.ErrPermission) {
			x.warn("pm2.home", full, "This user may not see whether the home exists", "Run this command as root.")
			continue
		}
		found := "none was found on this machine"
		if len(homes) > 0 {
			var others []string
			for _, h := range homes {
				others = append(others, h.Path)
			}
			found = "found on this machine: " + strings.Join(others[:min(len(others), 8)], ", ")
		}
		x.fail("pm2.home", full, "The home of PM2 that the configuration names does not exist; "+found, "Run `tenantctl setup`, or set PM2_HOME in /etc/otelcol-tenant/agent.env and restart the agent.")
	}
	if read == 0 && len(r.Homes) == 0 && len(r.Include) == 0 {
		x.fail("pm2.home", strings.Join(r.Patterns, ", "), "No home of PM2 matches the configuration", "Run `tenantctl setup`, or correct PM2_HOMES.")
	}
	for _, pattern := range r.Include {
		found, err := doublestar.FilepathGlob(x.path(pattern))
		if err == nil && len(found) == 0 {
			x.warn("pm2.files", pattern, "No file matches the pattern", "Correct `include`. Without root, files in closed folders are not seen.")
		}
		x.files(r, found)
	}
}

// home checks one home.
func (x *examination) home(r *agentinstall.PM2, h *pm2home.Home) {
	state := "no daemon was found running"
	if h.Daemon != 0 {
		state = fmt.Sprintf("the daemon runs as process %d", h.Daemon)
	}
	switch {
	case h.LogsFault != "":
		x.warn("pm2.home", h.Path, "The folder logs cannot be examined: "+h.LogsFault, "If it is a link of its user, give the agent's user access to its target with setfacl.")
	case len(h.Logs) == 0:
		x.warn("pm2.home", h.Path, fmt.Sprintf("PM2 of %s has no log file there; %s", h.User, state), "Check with `pm2 ls`, as that user, that applications run, and with `pm2 describe APP` where they log.")
	default:
		x.ok("pm2.home", h.Path, fmt.Sprintf("PM2 of %s has %d log files there; %s", h.User, len(h.Logs), state))
	}
	if x.hidden(h.Path) {
		return
	}
	if len(r.Include) == 0 {
		paths := []string{}
		for _, name := range h.Logs {
			paths = append(paths, filepath.Join(h.Path, "logs", name))
		}
		for _, listed := range h.Listed {
			if _, err := os.Lstat(listed); err == nil {
				paths = append(paths, listed)
			}
		}
		if b := x.blocked(filepath.Join(h.Path, "logs"), asuser.List); b != nil && !b.Absent {
			x.fail("logs.readable", filepath.Join(h.Path, "logs"), fmt.Sprintf("The agent's user %s cannot list the folder: %s", x.user.Name, b.Error()), accessFix)
		} else {
			x.files(r, paths)
		}
	}
	x.socket(r, h)
}

// hidden reports a home that the unit hides from the service.
func (x *examination) hidden(path string) bool {
	if x.unit == nil {
		return false
	}
	mode := strings.ToLower(x.unit.ProtectHome)
	inHome := slices.ContainsFunc([]string{"/home", "/root", "/run/user"}, func(dir string) bool { return within(path, x.path(dir)) })
	if inHome && slices.Contains([]string{"yes", "true", "1", "on", "tmpfs"}, mode) {
		x.fail("logs.readable", path, "The unit hides home folders from the service: ProtectHome="+x.unit.ProtectHome, "Set `ProtectHome=read-only` with `systemctl edit otelcol-tenant-agent`, and restart the agent.")
		return true
	}
	return false
}

// blocked returns where the agent's user has no access, or nil if it has or if that is not known.
func (x *examination) blocked(path string, want asuser.Want) *asuser.Blocked {
	if x.user == nil {
		return nil
	}
	var b *asuser.Blocked
	if errors.As(x.user.Check(path, want), &b) {
		return b
	}
	return nil
}

// files checks that the agent's user may read log files, and reports those that the configuration excludes.
func (x *examination) files(r *agentinstall.PM2, paths []string) {
	var excluded []string
	closed := map[string][]string{} // by the place without access
	readable := 0
	for _, path := range paths {
		if x.excluded(r, path) {
			excluded = append(excluded, path)
			continue
		}
		switch b := x.blocked(path, asuser.Read); {
		case b == nil:
			readable++
		case !b.Absent:
			closed[b.Error()] = append(closed[b.Error()], path)
		}
	}
	if len(excluded) > 0 {
		x.warn("logs.excluded", some(excluded), fmt.Sprintf("The configuration excludes %d log files (`exclude` of %s)", len(excluded), r.ID), "Remove the pattern if the files are needed.")
	}
	for _, place := range slices.Sorted(maps.Keys(closed)) {
		paths := closed[place]
		x.fail("logs.readable", some(paths), fmt.Sprintf("The agent's user %s cannot read %d log files: %s", x.user.Name, len(paths), place), accessFix)
	}
	if x.user == nil || readable == 0 {
		return
	}
	if errors.Is(x.user.Check("/", asuser.Search), asuser.ErrNotPermitted) {
		x.warn("logs.readable", x.user.Name, "This command cannot check what another user may read", "Run this command as root.")
		return
	}
	x.ok("logs.readable", filepath.Dir(paths[0]), fmt.Sprintf("The agent's user %s can read %d log files", x.user.Name, readable))
}

// some returns a few of many paths.
func some(paths []string) string {
	text := strings.Join(paths[:min(len(paths), maxFiles)], ", ")
	if len(paths) > maxFiles {
		text += fmt.Sprintf(" and %d more", len(paths)-maxFiles)
	}
	return text
}

func (x *examination) excluded(r *agentinstall.PM2, path string) bool {
	return slices.ContainsFunc(r.Exclude, func(pattern string) bool {
		ok, err := doublestar.PathMatch(x.path(pattern), path)
		return err == nil && ok
	})
}

// socket checks the access to PM2's socket, which metrics need.
func (x *examination) socket(r *agentinstall.PM2, h *pm2home.Home) {
	if !h.Socket {
		return
	}
	b := x.blocked(filepath.Join(h.Path, "rpc.sock"), asuser.ReadWrite)
	socket, dump := filepath.Join(h.Path, "rpc.sock"), filepath.Join(h.Path, "dump.pm2")
	save := "un `pm2 save` as " + h.User + ", and again after each change of applications."
	switch {
	case b != nil && r.Metrics && !h.Dump && r.ProcessList:
		x.fail("pm2.socket", socket, fmt.Sprintf("The agent's user %s may not use the socket of PM2, PM2_METRICS is true, and there is no saved list of applications", x.user.Name), "Set PM2_METRICS=false in /etc/otelcol-tenant/agent.env, restart the agent, and r"+save+" To have metrics, start PM2 with PM2_SOCKET_USER and PM2_SOCKET_GROUP.")
	case b != nil && r.Metrics:
		x.fail("pm2.socket", socket, fmt.Sprintf("The agent's user %s may not use the socket of PM2, and PM2_METRICS is true", x.user.Name), "Set PM2_METRICS=false in /etc/otelcol-tenant/agent.env and restart the agent, or start PM2 with PM2_SOCKET_USER and PM2_SOCKET_GROUP.")
	case b != nil && !h.Dump && r.ProcessList:
		x.warn("pm2.socket", socket, "The agent cannot ask PM2 for its list of applications, and there is no saved list. It reads the files in `logs`, and no log files elsewhere", "R"+save)
	case b != nil && r.ProcessList && x.blocked(dump, asuser.Read) != nil:
		x.warn("pm2.socket", dump, fmt.Sprintf("The agent's user %s cannot read the list of applications that `pm2 save` wrote: %s. It reads the files in `logs`, and no log files elsewhere", x.user.Name, x.blocked(dump, asuser.Read)), accessFix)
	case b != nil:
		x.ok("pm2.socket", dump, "The agent reads the list of applications that `pm2 save` wrote, because it may not use the socket of PM2")
	}
}
