// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/pm2home"
)

// daemon adds the process of a daemon of PM2 for a home.
func (i *install) daemon(home string) {
	i.t.Helper()
	dir := filepath.Join(i.root, "/proc/4711")
	require.NoError(i.t, os.MkdirAll(dir, 0o755))
	for name, text := range map[string]string{
		"cmdline": "PM2 v6.0.13: God Daemon (" + home + ")\x00", "environ": "", "exe": "",
		"status": fmt.Sprintf("Name:\tx\nUid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\nUmask:\t0027\n", owner),
	} {
		require.NoError(i.t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	require.NoError(i.t, os.Symlink(i.root, filepath.Join(dir, "root")))
	require.NoError(i.t, os.Chown(dir, owner, owner))
}

// What only the user of PM2 can do is one note with a command, and not repeated as the agent's warning.
func TestSetup_NotesOnceThatTheListIsNotSaved(t *testing.T) {
	const unsaved = `{"name":"pm2_unreachable","cause":"denied","message":"no permission","fix":"Run pm2 save.","warning":true}`
	for name, c := range map[string]struct {
		conditions string
		saved      bool
		fails      string
		wants      []string
		not        []string
	}{
		"not saved":     {conditions: unsaved, wants: []string{"pm2 save", "run `tenantctl setup` again"}, not: []string{"no permission", "Run pm2 save."}},
		"another fault": {conditions: unsaved + `,{"name":"queue_old","message":"old"}`, fails: "the agent delivers, and reports queue_old", wants: []string{"queue_old: old"}, not: []string{"no permission"}},
		"other warning": {conditions: `{"name":"pm2_unreachable","cause":"timeout","message":"hangs","fix":"Restart it.","warning":true}`, wants: []string{"Note: hangs\n  Restart it."}},
		"saved":         {conditions: unsaved, saved: true, wants: []string{"Note: no permission\n  Run pm2 save."}, not: []string{"are not saved"}},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstall(t, http.StatusOK)
			i.daemon("/home/shop/.pm2")
			if c.saved {
				i.write("/home/shop/.pm2/dump.pm2", "[]", 0o600)
				require.NoError(t, os.Chown(filepath.Join(i.root, "/home/shop/.pm2/dump.pm2"), owner, owner))
			}
			status, n := "ok", 0
			if c.fails != "" {
				status = "failing"
			}
			i.serve(`{"status":"`+status+`","conditions":[`+c.conditions+`]}`, func() int { n++; return n })
			out, _, err := i.setup(Settings{Env: i.env, Wait: 4 * time.Second})
			if c.fails != "" {
				require.EqualError(t, err, c.fails)
			} else {
				require.NoError(t, err)
			}
			for _, text := range c.wants {
				assert.Equal(t, 1, strings.Count(out, text), "%q in\n%s", text, out)
			}
			for _, text := range c.not {
				assert.NotContains(t, out, text)
			}
		})
	}
}

func TestSaveCommand(t *testing.T) {
	for name, c := range map[string]struct {
		home pm2home.Home
		want string
	}{
		"usual":      {pm2home.Home{Path: "/root/.pm2", Owner: 0}, `su - root -c "pm2 save"`},
		"other home": {pm2home.Home{Path: "/srv/pm2", Owner: 0}, `su - root -c 'PM2_HOME=/srv/pm2 pm2 save'`},
		"blank":      {pm2home.Home{Path: "/srv/a $b", Owner: 0}, `su - root -c 'PM2_HOME='\''/srv/a $b'\'' pm2 save'`},
		"nameless":   {pm2home.Home{Path: "/srv/pm2", Owner: 4000000001}, "setpriv --reuid=4000000001 --clear-groups env PM2_HOME=/srv/pm2 pm2 save"},
	} {
		assert.Equal(t, c.want, saveCommand(&c.home), name)
	}
}

// Log files that PM2 writes elsewhere are counted, if they exist.
func TestSetup_CountsLogFilesOutsideOfLogs(t *testing.T) {
	i := newInstall(t, http.StatusOK)
	require.NoError(t, os.MkdirAll(filepath.Join(i.root, "/home/shop/applogs"), 0o755))
	i.write("/home/shop/applogs/ext.log", "line\n", 0o600)
	i.write("/home/shop/.pm2/dump.pm2", `[{"pm_out_log_path":"`+i.root+`/home/shop/applogs/ext.log","pm_err_log_path":"`+i.root+`/home/shop/applogs/later.log"}]`, 0o600)
	for _, path := range []string{"/home/shop/applogs", "/home/shop/applogs/ext.log", "/home/shop/.pm2/dump.pm2"} {
		require.NoError(t, os.Chown(filepath.Join(i.root, path), owner, owner))
	}
	n := 0
	i.serve(`{"status":"ok"}`, func() int { n++; return n })
	out, result, err := i.setup(Settings{Env: i.env, Wait: 30 * time.Second})
	require.NoError(t, err)
	assert.Contains(t, out, ", 2 log files, ")
	assert.Contains(t, out, "It reads 2 log files of 1 homes of PM2.")
	require.Len(t, result.Homes, 1)
	assert.Equal(t, 2, result.Homes[0].Logs)
}

// The list of changes says whether they are made.
func TestSetup_SaysWhetherAccessIsGranted(t *testing.T) {
	i := newInstall(t, http.StatusOK)
	remove := func(dryRun bool) string {
		var out bytes.Buffer
		_, err := RemoveAccess(t.Context(), Settings{Root: i.root, Out: &out, DryRun: dryRun})
		require.NoError(t, err)
		return out.String()
	}
	for _, step := range []struct {
		do        func() string
		want, not string
	}{
		{func() string {
			out, _, err := i.setup(Settings{Env: i.env, DryRun: true})
			require.NoError(t, err)
			return out
		}, "Would grant to " + daemonUser + ", as commands:\n  setfacl", "Granted"},
		{func() string { out, _, err := i.setup(Settings{Env: i.env}); require.NoError(t, err); return out }, "Granted to " + daemonUser + ", as commands:\n  setfacl", "Would"},
		{func() string { return remove(true) }, "Would remove from " + daemonUser + ", as commands:\n  setfacl", "Removed"},
		{func() string { return remove(false) }, "Removed from " + daemonUser + ", as commands:\n  setfacl", "Would"},
	} {
		out := step.do()
		assert.Contains(t, out, step.want)
		assert.NotContains(t, out, step.not)
	}
}
