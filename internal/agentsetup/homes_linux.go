// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/otelcol-tenant/otelcol-tenant/internal/pm2home"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// findHomes finds the homes of PM2, and notes them in the environment.
func (r *run) findHomes(ctx context.Context) error {
	s, err := r.settings(ctx)
	if err != nil {
		return err
	}
	if r.without = len(s.Receivers) == 0; r.without {
		if len(r.Homes) > 0 {
			return fmt.Errorf("%w: a home of PM2 is given, and the configuration has no pm2 receiver in a pipeline: add --without-pm2=false if it was set up with --without-pm2", ErrInput)
		}
		r.say("The configuration reads no logs of PM2.")
		return nil
	}
	named := slices.Clone(r.Homes)
	old, _ := r.in.env.Get(varPM2Home)
	if old != "" {
		named = append(named, old)
	}
	list, _ := r.in.env.Get(varPM2Homes)
	var patterns []string
	for one := range strings.SplitSeq(list, ",") {
		switch one = strings.TrimSpace(one); {
		case one == "":
		case strings.ContainsAny(one, `*?[{\`):
			patterns = append(patterns, one) // the operator's own
		default:
			named = append(named, one)
		}
	}
	prefix := ""
	if r.Root != "/" {
		prefix = r.Root
	}
	var more []string
	for _, n := range named {
		more = append(more, filepath.Join(prefix, n))
	}
	homes, skipped := pm2home.Find(pm2home.Search{Root: prefix, More: more})
	r.homes = slices.DeleteFunc(homes, func(h pm2home.Home) bool { return h.Owner == r.user.UID })
	for _, s := range skipped {
		if s.Path == filepath.Join(prefix, old) && strings.HasSuffix(s.Reason, "no such file or directory") {
			r.say("Note: %s in the environment names %s, which does not exist on this machine.", varPM2Home, old)
			continue
		}
		r.refused(s.Path, s.Reason)
	}
	r.selectHomes()
	if len(r.homes) == 0 {
		r.say("No home of PM2 was found. The agent reports pm2_not_found until PM2 runs and `tenantctl setup` is called again. On a machine without PM2: `tenantctl setup --without-pm2`.")
		return nil
	}
	r.say("Homes of PM2:")
	var paths []string
	for _, h := range r.homes {
		daemon := "no running daemon was found"
		if h.Daemon != 0 {
			daemon = fmt.Sprintf("daemon %d", h.Daemon)
		}
		n := logFiles(&h)
		r.say("  %s  user %s, %d log files, %s", h.Path, h.User, n, daemon)
		r.result.Homes = append(r.result.Homes, Home{h.Path, h.User, n})
		path := "/" + strings.TrimPrefix(strings.TrimPrefix(h.Path, prefix), "/")
		if !listable(path) {
			r.refused(h.Path, "has a character in its path that a list of homes cannot contain; write it to `homes` of the pm2 receiver")
			continue
		}
		paths = append(paths, path)
	}
	switch all := slices.Concat(patterns, paths); {
	case len(all) == 1 && len(patterns) == 0:
		r.in.env = r.in.env.Without(varPM2Homes).Set(varPM2Home, all[0])
	case len(all) > 0:
		r.in.env = r.in.env.Without(varPM2Home).Set(varPM2Homes, strings.Join(all, ","))
	}
	return nil
}

// logFiles returns how many log files a home has, in its folder logs and elsewhere. PM2's list also has the
// paths of files that do not exist yet.
func logFiles(h *pm2home.Home) int {
	n := len(h.Logs)
	for _, path := range h.Listed {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			n++
		}
	}
	return n
}

// listable reports whether a list of homes in the environment can contain a path. The collector expands $, and
// an environment file has one line for each variable.
func listable(path string) bool {
	return !strings.ContainsAny(path, "$,*?[]{}\\'\"#:") && strings.TrimSpace(path) == path && !strings.ContainsFunc(path, func(r rune) bool { return !safetext.Safe(r) }) && utf8.ValidString(path)
}

// selectHomes leaves out homes that are not in use, if others are: any user can create a folder of that name, and
// the agent reports homes without a daemon.
func (r *run) selectHomes() {
	used := func(h pm2home.Home) bool { return h.Daemon != 0 || h.Socket }
	if !slices.ContainsFunc(r.homes, used) {
		return
	}
	r.homes = slices.DeleteFunc(r.homes, func(h pm2home.Home) bool {
		unused := !used(h) && !h.Named
		if unused {
			r.refused(h.Path, "no daemon runs there; `--pm2-home "+shellWord(h.Path)+"` uses it nevertheless")
		}
		return unused
	})
}
