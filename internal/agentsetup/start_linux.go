// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safepath"
)

// write stores key and environment.
func (r *run) write(context.Context) error {
	r.in.env = r.in.env.Set(varKeyFile, filepath.Join(defaultRuntime, keyName))
	if err := r.replace(defaultKeyFile, r.in.key+"\n"); err != nil {
		return err
	}
	return r.replace(defaultEnv, "# Written by tenantctl setup, which keeps variables that it does not know.\n"+r.in.env.String())
}

// replace writes a file that only root may read, if its content or mode differs.
func (r *run) replace(path, content string) error {
	full := r.path(path)
	old, err := os.ReadFile(full)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !r.DryRun {
		return err
	}
	info, statErr := os.Lstat(full)
	if statErr == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", full)
	}
	private := statErr == nil && info.Mode().Perm()&0o077 == 0
	if err == nil && string(old) == content && private {
		return nil
	}
	r.result.Written = append(r.result.Written, path)
	if r.DryRun {
		r.say("Would write %s (root, mode 0600).", full)
		return nil
	}
	if statErr == nil {
		if err := errors.Join(os.Chown(full, 0, 0), os.Chmod(full, 0o600)); err != nil {
			return err
		}
	}
	if err := atomicfile.Write(full, []byte(content)); err != nil {
		return err
	}
	r.say("Wrote %s (root, mode 0600).", full)
	return nil
}

// start makes the service run with what was written.
func (r *run) start(ctx context.Context) error {
	if r.DryRun {
		r.say("Would start %s. Nothing was changed.", agentinstall.UnitName)
		return nil
	}
	if err := validate(ctx, r.user, r.exe, r.configs, r.in.env); err != nil {
		return err
	}
	s, err := r.settings(ctx)
	if err != nil {
		return err
	}
	w := newWatch(s.Health, s.Metrics)
	if r.unit == nil || !hasSystemd(r.Root) {
		return r.withoutSystemd(ctx, w)
	}
	if property(ctx, "NeedDaemonReload") == "yes" {
		if err := systemctl(ctx, "daemon-reload"); err != nil {
			return err
		}
	}
	before := w.state(ctx)
	changed := slices.Contains(r.result.Written, defaultEnv) || r.joined
	active := property(ctx, "ActiveState") == "active"
	switch {
	case active && !changed:
		r.result.Service = "unchanged"
		if _, err := DeliverKey(Delivery{Root: r.Root}); err != nil {
			return err
		}
		if slices.Contains(r.result.Written, defaultKeyFile) {
			r.say("The running agent uses the new key. It was not restarted.")
		}
		if err := systemctl(ctx, "enable", "--quiet", agentinstall.UnitName); err != nil {
			return err
		}
	case active:
		r.result.Service = "restarted"
		if err := systemctl(ctx, "enable", "--quiet", agentinstall.UnitName); err != nil {
			return err
		}
		if err := systemctl(ctx, "restart", agentinstall.UnitName); err != nil {
			return r.notStarted(ctx, err)
		}
		r.say("Restarted %s.", agentinstall.UnitName)
		before = state{}
	default:
		r.result.Service = "started"
		if err := systemctl(ctx, "enable", "--quiet", "--now", agentinstall.UnitName); err != nil {
			return r.notStarted(ctx, err)
		}
		r.say("Started %s.", agentinstall.UnitName)
		before = state{}
	}
	return r.wait(ctx, w, before)
}

func (r *run) notStarted(ctx context.Context, err error) error {
	if line := lastLogLine(ctx); line != "" {
		return fmt.Errorf("the service does not start: %s", line)
	}
	return err
}

// withoutSystemd prepares what the unit would, and says what to start.
func (r *run) withoutSystemd(ctx context.Context, w *watch) error {
	state := defaultState
	if dir, ok := r.in.env.Get(varState); ok {
		state = dir
	}
	for _, dir := range []string{defaultRuntime, state} {
		if err := os.MkdirAll(r.path(dir), 0o700); err != nil {
			return err
		}
		f, err := safepath.Open(r.path(dir))
		if err != nil {
			return err
		}
		err = f.Chown(int(r.user.UID), int(r.user.GID))
		_ = f.Close()
		if err != nil {
			return err
		}
	}
	if _, err := DeliverKey(Delivery{Root: r.Root}); err != nil {
		return err
	}
	s := w.state(ctx)
	if s.health != nil {
		r.result.Service = "unchanged"
		if slices.Contains(r.result.Written, defaultEnv) {
			r.say("There is no systemd, and the environment has changed: restart the agent.")
		}
		return r.wait(ctx, w, s)
	}
	var flags []string
	for _, c := range r.configs {
		flags = append(flags, "--config "+shellWord(c))
	}
	r.say("There is no systemd. Start the agent as %s with the variables in %s, for example with:", r.user.Name, defaultEnv)
	r.say("  (set -a; . %s; exec setpriv --reuid %s --regid %s --init-groups --no-new-privs %s %s)", r.path(defaultEnv), r.user.Name, r.user.Name, r.exe, strings.Join(flags, " "))
	r.say("Then `tenantctl doctor` shows whether its data arrives.")
	return nil
}
